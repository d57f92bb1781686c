package fold_test

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/secret"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
	"github.com/chancery-dev/chancery/services/gateway/internal/worldtest"
)

// P13: what an authorizer has folded is read in at most 3 µs a live key, and while it is written no fact waits long.
func TestASnapshotOfManyKeysIsReadSoon(t *testing.T) {
	n := 100_000
	if asked, err := strconv.Atoi(os.Getenv("CHANCERY_KEYS")); err == nil {
		n = asked
	}
	memory := worldtest.NewMemory(t)
	w := worldtest.Make(memory.Append, secret.NewFingerprints(make([]byte, 32)), time.Now())
	until := timestamppb.New(time.Now().Add(time.Hour))
	begun := time.Now()
	for i := range n {
		sum := fingerprint(i)
		memory.Append("issuance", "credential", fmt.Sprintf("00000000-0000-7000-8000-%012x", i), &issuancev1.CredentialIssued{
			Kind: "api_key", GrantId: w.Grant, RequestId: w.Request, ApplicationId: w.Application, OrganizationId: w.Organization, ProductId: w.Product,
			Scopes: []string{"accounts:read"}, Environment: "sandbox", Generation: 1, Fingerprint: sum[:], ExpiresAt: until})
	}
	folded := time.Since(begun)
	begun = time.Now()
	live := memory.Lineage.Freeze()
	facts, err := memory.Fold.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	paused := time.Since(begun)
	var file bytes.Buffer
	begun = time.Now()
	if err := live.Write(&file); err != nil {
		t.Fatal(err)
	}
	if err := facts.Write(&file); err != nil {
		t.Fatal(err)
	}
	live.Thaw()
	facts.Thaw()
	written := time.Since(begun)
	in := bufio.NewReader(bytes.NewReader(file.Bytes()))
	begun = time.Now()
	again, err := lineage.Read(in)
	if err != nil {
		t.Fatal(err)
	}
	read := fold.New(again, slog.New(slog.DiscardHandler))
	if err := read.Read(in); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	t.Logf("%d keys: folded in %s, frozen in %s, written in %s (%d bytes a key), read in %s", n, folded, paused, written, file.Len()/n, took)
	// Generous: the machine is shared.
	if most := time.Duration(n) * 3 * time.Microsecond; took > max(most, 2*time.Second) {
		t.Errorf("read in %s, at most %s", took, most)
	}
	if paused > 200*time.Millisecond {
		t.Errorf("facts waited %s", paused)
	}
	var c fold.Credential
	if node, ok := read.ByFingerprint(fingerprint(n-1), &c); !ok || again.LiveNode(node, time.Now()) != nil {
		t.Error("a key is lost")
	}
}
