package pack

import (
	"strings"
	"testing"
)

// C1, C4: every row of the table, in words.
func TestTheTableSaysWhichReviewsARequestNeeds(t *testing.T) {
	const a, p, s = "organization_admin", "product_reviewer", "security_reviewer"
	for _, c := range []struct {
		class, environment, risk string
		want                     []string
	}{
		{"public", "sandbox", "low", nil},
		{"public", "sandbox", "medium", []string{p}},
		{"public", "sandbox", "high", []string{p, s}},
		{"public", "production", "low", []string{a, p}},
		{"public", "production", "medium", []string{a, p}},
		{"public", "production", "high", []string{a, p, s}},
		{"partner", "sandbox", "low", []string{p}},
		{"partner", "sandbox", "medium", []string{p}},
		{"partner", "sandbox", "high", []string{p, s}},
		{"partner", "production", "low", []string{a, p}},
		{"partner", "production", "medium", []string{a, p}},
		{"partner", "production", "high", []string{a, p, s}},
		{"sensitive", "sandbox", "low", []string{p, s}},
		{"sensitive", "sandbox", "medium", []string{p, s}},
		{"sensitive", "sandbox", "high", []string{p, s}},
		{"sensitive", "production", "low", []string{a, p, s}},
		{"sensitive", "production", "medium", []string{a, p, s}},
		{"sensitive", "production", "high", []string{a, p, s}},
		{"", "", "", []string{a, p, s}},
		{"secret", "staging", "extreme", []string{a, p, s}},
	} {
		v := Decide(Subject{Class: c.class, Environment: c.environment, Risk: c.risk})
		var got []string
		for _, clause := range v.Clauses {
			if clause.Quorum != 1 {
				t.Errorf("%v: quorum %d", c, clause.Quorum)
			}
			got = append(got, clause.Seat)
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s %s %s: %v, want %v", c.class, c.environment, c.risk, got, c.want)
		}
		if (len(v.Reasons) == 0) != (len(c.want) == 0) {
			t.Errorf("%v: reasons %v", c, v.Reasons)
		}
	}
}

func TestTheGravestRiskCounts(t *testing.T) {
	for want, risks := range map[string][]string{"low": {"low", "low"}, "medium": {"low", "medium", "low"}, "high": {"medium", "high", "low"}} {
		if got := Highest(risks); got != want {
			t.Errorf("%v: %s", risks, got)
		}
	}
	if got := Highest(nil); got != "low" {
		t.Errorf("none: %s", got)
	}
	if got := Highest([]string{"low", "unheard of"}); got != "high" {
		t.Errorf("unknown: %s", got)
	}
}
