package feed

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/testkit"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/audit/internal/catalogue"
)

var update = flag.Bool("update", false, "write golden files that only gained something")

// TestWithinAVersionEventsOnlyGain holds every type's event to the one subscribers were promised.
func TestWithinAVersionEventsOnlyGain(t *testing.T) { // X9
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, of := range catalogue.Facts() {
		path := filepath.Join("testdata", of.Name+".v1.json")
		have[path] = true
		event, err := Sample("https://chancery.example", of)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.MarshalIndent(event, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, '\n')
		promised, err := os.ReadFile(path)
		var lost []string
		if err == nil {
			lost = gone(parsed(t, promised), parsed(t, raw), "")
		}
		for _, l := range lost {
			t.Errorf("%s: %s", of.Name, l)
		}
		if len(lost) == 0 && !bytes.Equal(promised, raw) {
			if !*update {
				t.Errorf("%s differs from its golden file, run with -update", of.Name)
			} else if err := errorsOf(os.MkdirAll("testdata", 0o755), os.WriteFile(path, raw, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, f := range files {
		if !have[f] {
			t.Errorf("%s is no longer an event", f)
		}
	}
}

func errorsOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

func parsed(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// gone names what a promised value has and the present one has not, or has with another type.
func gone(was, is any, at string) []string {
	switch was := was.(type) {
	case map[string]any:
		now, ok := is.(map[string]any)
		if !ok {
			return []string{at + " is no object any more"}
		}
		var out []string
		for name, value := range was {
			if found, ok := now[name]; !ok {
				out = append(out, at+"."+name+" is gone")
			} else if at != "" || name != "leafhash" {
				out = append(out, gone(value, found, at+"."+name)...)
			}
		}
		slices.Sort(out)
		return out
	case []any:
		now, ok := is.([]any)
		if !ok || len(now) == 0 {
			return []string{at + " is no list any more"}
		}
		return gone(was[0], now[0], at+"[]")
	}
	if fmt.Sprintf("%T", was) != fmt.Sprintf("%T", is) {
		return []string{fmt.Sprintf("%s was %T and is %T", at, was, is)}
	}
	return nil
}

func TestNoPersonalValueIsInTheFeed(t *testing.T) {
	for _, of := range catalogue.All() {
		fact := testkit.Sample(of.Message)
		packed, err := anypb.New(fact)
		if err != nil {
			t.Fatal(err)
		}
		rec := &auditv1.Record{Stream: "EVENTS", StoredAt: timestamppb.Now(), Envelope: &eventv1.Envelope{Facts: []*anypb.Any{packed},
			Subject: &eventv1.Subject{Kind: of.Kind, Id: "a/b c", Person: "the person"}, Source: &eventv1.Source{Ip: "203.0.113.7", UserAgent: "a browser"}}}
		event, err := Of("https://chancery.example", 1, nil, rec, fact)
		if err != nil {
			t.Fatal(err)
		}
		var data map[string]any
		if err := json.Unmarshal(event.Data, &data); err != nil {
			t.Fatal(err)
		}
		for i := range of.Message.Fields().Len() {
			if f := of.Message.Fields().Get(i); catalogue.Personal(f) != 0 && data[string(f.Name())] != nil {
				t.Errorf("%s shows %s", of.Name, f.Name())
			}
		}
		raw, _ := json.Marshal(event)
		for _, secret := range []string{"203.0.113.7", "a browser", "the person"} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s shows %s", of.Name, secret)
			}
		}
		if s := subject(rec); strings.ContainsAny(s, " /*>") || len(strings.Split(s, ".")) != 7 {
			t.Errorf("subject %q", s)
		}
	}
}
