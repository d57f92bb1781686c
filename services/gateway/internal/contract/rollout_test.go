package contract_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
)

// B31
func TestAShareOfTheOrganisationsIsLetInAndStays(t *testing.T) {
	const n = 10_000
	in := map[uint32]int{}
	apart := 0
	for i := range n {
		organization, before := fmt.Sprint("o", i), false
		for _, percent := range []uint32{0, 1, 10, 25, 50, 99, 100} {
			o := contract.Operation{ProductID: "p", ID: "pay", Rollout: &contract.Rollout{Percent: percent}}
			open := o.Open(organization)
			if before && !open {
				t.Fatalf("%s was put out at %d percent", organization, percent)
			}
			if before = open; open {
				in[percent]++
			}
		}
		pay, list := contract.Operation{ProductID: "p", ID: "pay", Rollout: &contract.Rollout{Percent: 50}}, contract.Operation{ProductID: "p", ID: "list", Rollout: &contract.Rollout{Percent: 50}}
		if pay.Open(organization) != list.Open(organization) {
			apart++
		}
	}
	for percent, got := range in {
		if want := float64(percent) / 100 * n; math.Abs(float64(got)-want) > 5*math.Sqrt(want)+1 {
			t.Errorf("%d percent: %d of %d", percent, got, n)
		}
	}
	if in[0] != 0 || in[100] != n || apart < n*2/5 {
		t.Errorf("none %d, all %d, apart %d", in[0], in[100], apart)
	}
	named := contract.Operation{Rollout: &contract.Rollout{Organizations: []string{"o1"}}}
	if !named.Open("o1") || named.Open("o2") {
		t.Error("an organisation is in by name, others are not")
	}
}
