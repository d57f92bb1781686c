package catalogue

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/chancery-dev/chancery/libs/testkit"
)

var update = flag.Bool("update", false, "add what golden files lack; what they hold stays")

// goldenPath holds every type of event as its writer stored it: name, bytes, and what they said.
const goldenPath = "testdata/events.golden"

func told(m proto.Message) (string, error) {
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = json.Compact(&b, raw) // protojson varies its blanks
	return b.String(), err
}

func TestOldBytesDecodeForEver(t *testing.T) {
	file, err := os.ReadFile(goldenPath)
	if err != nil && !*update {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(file)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
		raw, err := hex.DecodeString(parts[1])
		if err != nil || len(parts) != 3 {
			t.Fatalf("%.60s cannot be read", line)
		}
		known[parts[0]] = true
		of, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(parts[0]))
		if err != nil {
			t.Errorf("%s was stored once and is gone from the contract", parts[0])
			continue
		}
		m := of.New().Interface()
		if err := proto.Unmarshal(raw, m); err != nil {
			t.Errorf("%s: %v", parts[0], err)
			continue
		}
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%s does not come back as it was: %x, stored %x", parts[0], again, raw)
		}
		if says, err := told(m); err != nil || says != parts[2] {
			t.Errorf("%s says %s, said %s", parts[0], says, parts[2])
		}
	}
	var added strings.Builder
	for _, of := range All() {
		name := string(of.Message.FullName())
		if known[name] {
			continue
		}
		m := testkit.Sample(of.Message)
		raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		says, err := told(m)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&added, "%s %x %s\n", name, raw, says)
	}
	switch {
	case added.Len() == 0:
	case *update:
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(goldenPath, append(file, added.String()...), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("new types have no golden bytes, run with -update:\n%s", added.String())
	}
}

func TestNearNames(t *testing.T) { // X9
	for name, want := range map[string]string{
		"issuance.credential.revokd": "issuance.credential.revoked", "issuance.credential.RotationStarted": "issuance.credential.rotation_started",
		"registry.application": "registry.application.disabled",
	} {
		if near := Near(name); len(near) == 0 || near[0] != want {
			t.Errorf("near %s is %v", name, near)
		}
	}
	if near := Near("zzzzzzzzzzzz"); len(near) > 0 {
		t.Errorf("near nothing is %v", near)
	}
	seen := map[string]bool{}
	for _, of := range All() {
		if seen[of.Name] {
			t.Errorf("%s names two types", of.Name)
		}
		seen[of.Name] = true
		if of.Message.Fields().ByName("actor") != nil {
			t.Errorf("%s has a field that the feed gives another meaning", of.Name)
		}
	}
}
