package doors_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/chancery-dev/chancery/libs/testkit"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
)

// X4, L18: the same call gets the same verdict by every door, the same reason in the record, and the same words outside.
func TestEveryDoorAnswersAlike(t *testing.T) {
	random, seed := testkit.Random(t)
	w := newWorld(t)
	all := w.everyDoor(t)
	n := testkit.Size(5_000, 100_000)
	reasons, statuses := map[string]int{}, map[int]int{}
	refused := ""
	for i := range n {
		c := w.call(random)
		first := all[0].ask(t, c)
		reasons[first.reason]++
		statuses[first.status]++
		for _, d := range all[1:] {
			if got := d.ask(t, c); got != first {
				t.Fatalf("case %d: %+v\n%s: %+v\n%s: %+v", i, c, all[0].name, first, d.name, got)
			}
		}
		// Kong 4984: whatever is wrong with a credential, nothing outside tells it from another.
		if first.status == 401 && first.reason != "nonce_needed" {
			outside := fmt.Sprintf("%d %s %s", first.status, first.authenticate, first.body)
			if refused == "" {
				refused = outside
			}
			if outside != refused {
				t.Fatalf("case %d, %s: %s\nand another time %s", i, first.reason, outside, refused)
			}
		}
	}
	for _, reason := range []string{"", "malformed", "missing", "unknown", "expired", "revoked", "retired", "suspended", "no_operation", "product_mismatch",
		"environment_mismatch", "scope_missing", "proof_missing", "proof_refused", "nonce_needed", "audience_mismatch"} {
		if reasons[reason] == 0 {
			t.Errorf("no case for %q", reason)
		}
	}
	// And so does what is written down.
	first := all[0].written(t)
	for _, d := range all[1:] {
		if got := d.written(t); !maps.Equal(got, first) {
			t.Errorf("%s wrote down %v\n%s %v", all[0].name, first, d.name, got)
		}
	}
	testkit.Proved(t, "x4", "Same verdict by every door (X4, L18)", seed, fmt.Sprintf("%d mixed calls, each by %d doors (%s): no difference in verdict, "+
		"recorded reason, status, body or what the upstream is told. %d passed; %d reasons for refusal occurred, the least often %d times. All %d answers 401 but for a "+
		"nonce were the same byte for byte.", n, len(all), names(all), reasons[""], len(reasons)-1, slices.Min(slices.Collect(maps.Values(reasons))), statuses[401]-reasons["nonce_needed"]))
}

func names(all []*doorUnderTest) string {
	out := ""
	for i, d := range all {
		if i > 0 {
			out += ", "
		}
		out += d.name
	}
	return out
}

// written is the record of a door: every denial and use but for who wrote it and when.
func (d *doorUnderTest) written(t testing.TB) map[string]uint64 {
	t.Helper()
	if err := d.book.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	out := map[string]uint64{}
	for _, fact := range *d.observed {
		switch f := fact.(type) {
		case *activityv1.AccessDenied:
			out[fmt.Sprint("denied ", f.Reason, f.CredentialId, f.Generation, f.OperationId, f.Scope, f.Network, f.ProductId)] += f.Count
		case *activityv1.UsageWindow:
			scopes, _ := json.Marshal(f.CallsByScope)
			out[fmt.Sprint("used ", f.CredentialId, f.Generation, f.ProductId, string(scopes))] += f.Count
		}
	}
	return out
}
