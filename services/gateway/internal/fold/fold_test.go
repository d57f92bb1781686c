package fold_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/secret"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
	"github.com/chancery-dev/chancery/services/gateway/internal/worldtest"
)

func fingerprint(n int) (sum [32]byte) {
	for i := range 4 {
		binary.LittleEndian.PutUint64(sum[8*i:], (uint64(n)+1)*0x9e3779b97f4a7c15*uint64(2*i+1))
	}
	return sum
}

// P12: with lineage, whose share is measured there, a million keys stay below 250 MB.
func TestAMillionKeysFit(t *testing.T) {
	const n = 100_000
	memory := worldtest.NewMemory(t)
	w := worldtest.Make(memory.Append, secret.NewFingerprints(make([]byte, 32)), time.Now())
	until := timestamppb.New(time.Now().Add(time.Hour))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range n {
		sum := fingerprint(i)
		memory.Append("issuance", "credential", fmt.Sprintf("00000000-0000-7000-8000-%012x", i), &issuancev1.CredentialIssued{
			Kind: "api_key", GrantId: w.Grant, RequestId: w.Request, ApplicationId: w.Application, OrganizationId: w.Organization, ProductId: w.Product,
			Scopes: []string{"accounts:read"}, Environment: "sandbox", Generation: 1, Fingerprint: sum[:], ExpiresAt: until})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%.0f bytes a live key", each)
	if each > 240 {
		t.Errorf("%.0f bytes a live key, at most 240", each)
	}
	for _, i := range []int{0, 1, n / 2, n - 1} {
		var c fold.Credential
		if node, ok := memory.Fold.ByFingerprint(fingerprint(i), &c); !ok || memory.Lineage.LiveNode(node, time.Now()) != nil || c.ID() != fmt.Sprintf("00000000-0000-7000-8000-%012x", i) {
			t.Errorf("key %d: %v %s", i, ok, c.ID())
		}
	}
}

func TestManyAskWhileOneApplies(t *testing.T) {
	memory := worldtest.NewMemory(t)
	fingerprints := secret.NewFingerprints(make([]byte, 32))
	w := worldtest.Make(memory.Append, fingerprints, time.Now())
	id, key := w.Issue("api_key", "accounts:read")
	sum := fingerprints.Of(key)
	memory.Append("approval", "grant", w.Grant, &approvalv1.GrantNarrowed{Scopes: []string{"a"}})
	stop, wg := make(chan struct{}), sync.WaitGroup{}
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				var c fold.Credential
				if _, ok := memory.Fold.ByFingerprint(sum, &c); !ok || c.ID() != id || len(c.Granted) != 1+int(c.Granted[0][0]-'a') {
					t.Errorf("%v %s %v", ok, c.ID(), c.Granted)
					return
				}
			}
		})
	}
	for i := range 1000 {
		scopes := [][]string{{"a"}, {"b", "b2"}}[i%2]
		memory.Append("approval", "grant", w.Grant, &approvalv1.GrantNarrowed{Scopes: scopes})
		w.Issue("api_key", "accounts:read")
	}
	close(stop)
	wg.Wait()
}
