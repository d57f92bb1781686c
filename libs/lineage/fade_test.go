package lineage_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/lineage"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// P12: tokens that were revoked one by one are forgotten once they would be over anyway, and no verdict changes by it.
func TestRevokedTokensAreForgottenAfterTheirTime(t *testing.T) {
	f := fill(t, 100)
	now := start
	revoke := func(id string, until time.Time) {
		t.Helper()
		position := f.Position() + 1
		if err := f.Apply(position, now, &eventv1.Envelope{Seen: position - 1, Subject: &eventv1.Subject{Kind: "token", Id: id}},
			[]proto.Message{&issuancev1.TokenRevoked{ExpiresAt: timestamppb.New(until)}}); err != nil {
			t.Fatal(err)
		}
	}
	claim := func(id string, until time.Time) lineage.Claim {
		return lineage.Claim{Ref: lineage.Ref{Kind: "token", ID: id}, Seen: f.Position(), Expires: until,
			Ancestors: []lineage.Ref{lineage.Part("generation", uuid(kindCredential, 1), 1)}}
	}
	revoke("lasting", start.Add(50*time.Minute))
	var before, after runtime.MemStats
	const rounds, each = 60, 2000
	for round := range rounds {
		for i := range each {
			id := fmt.Sprintf("%08d-0000-7000-8000-%012d", round, i)
			if i%2 == 1 {
				id = "named " + id
			}
			revoke(id, now.Add(10*time.Minute))
			if i == 0 {
				if d, ok := lineage.Why(f.LiveClaim(claim(id, now.Add(10*time.Minute)), now)); !ok || d.Cause != lineage.Ended {
					t.Fatalf("%v", d)
				}
			}
		}
		if d, ok := lineage.Why(f.LiveClaim(claim("lasting", start.Add(50*time.Minute)), start)); round < 20 && (!ok || d.Cause != lineage.Ended) {
			t.Fatalf("round %d: %v", round, d)
		}
		now = now.Add(5 * time.Minute)
		if round == rounds/2 {
			runtime.GC()
			runtime.ReadMemStats(&before)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("%d bytes more after %d further tokens", grown, rounds/2*each)
	}
	for i := range 100 {
		if err := f.Live(lineage.Part("generation", uuid(kindCredential, i), 1), start); err != nil {
			t.Fatal(err)
		}
	}
	again := read(t, written(t, f.Fold))
	last := claim(fmt.Sprintf("%08d-0000-7000-8000-%012d", rounds-1, 0), now.Add(time.Minute))
	if d, ok := lineage.Why(again.LiveClaim(last, start)); !ok || d.Cause != lineage.Ended {
		t.Errorf("%v", d)
	}
	if d, ok := lineage.Why(f.LiveClaim(claim("00000000-0000-7000-8000-000000000000", start.Add(10*time.Minute)), now)); !ok || d.Cause != lineage.Expired {
		t.Errorf("%v", d)
	}
}
