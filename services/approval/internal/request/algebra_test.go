package request

import (
	"math/rand/v2"
	"testing"

	"github.com/chancery-dev/chancery/libs/aggregate"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// attempt is one person trying to take a seat.
type attempt struct {
	person, seat, verdict string
	stale                 bool
}

// solve says how a request ends by the rules as written, sharing no code with the domain: it looks at the attempts as a
// whole and counts.
func solve(quorum map[string]int, barred map[string]bool, holds map[string][]string, attempts []attempt) (outcome string, counted []string) {
	seatOf := map[string]string{}
	for _, a := range attempts {
		if outcome != "" {
			break
		}
		if a.stale || barred[a.person] || quorum[a.seat] == 0 || seatOf[a.person] != "" {
			continue
		}
		authorised := false
		for _, s := range holds[a.person] {
			authorised = authorised || s == a.seat
		}
		inSeat := 0
		for _, s := range seatOf {
			if s == a.seat {
				inSeat++
			}
		}
		if !authorised || inSeat == quorum[a.seat] {
			continue
		}
		if a.verdict == "deny" {
			return Denied, nil
		}
		seatOf[a.person] = a.seat
		counted = append(counted, a.person)
		met := true
		for s, q := range quorum {
			n := 0
			for _, taken := range seatOf {
				if taken == s {
					n++
				}
			}
			met = met && n == q
		}
		if met {
			outcome = Approved
		}
	}
	return outcome, counted
}

// L7: policies and attempts by chance against the solver; no difference, and no human in two seats.
func TestTheAlgebraAgreesWithAnIndependentSolver(t *testing.T) {
	const histories = 20_000
	seed := rand.Uint64()
	t.Logf("seed %d, %d histories", seed, histories)
	r := rand.New(rand.NewPCG(seed, 1))
	seats := []string{OrganizationAdmin, ProductReviewer, SecurityReviewer}
	people := []string{"ana", "ben", "cleo", "dora", "eli", "fay", "gus"}
	outcomes := map[string]int{}
	for range histories {
		quorum, holds := map[string]int{}, map[string][]string{}
		var clauses []*approvalv1.Clause
		for _, seat := range seats {
			if r.IntN(3) > 0 || len(clauses) == 0 && seat == SecurityReviewer {
				quorum[seat] = 1 + r.IntN(2)
				clauses = append(clauses, &approvalv1.Clause{Seat: seat, Quorum: uint32(quorum[seat])})
			}
		}
		for _, p := range people {
			for _, seat := range seats {
				if r.IntN(3) > 0 {
					holds[p] = append(holds[p], seat)
				}
			}
		}
		var attempts []attempt
		for range 2 + r.IntN(14) {
			a := attempt{person: people[r.IntN(len(people))], seat: seats[r.IntN(3)], verdict: "approve", stale: r.IntN(8) == 0}
			if r.IntN(16) == 0 {
				a.verdict = "deny"
			}
			attempts = append(attempts, a)
		}
		want, counted := solve(quorum, map[string]bool{"ana": true, "ben": true}, holds, attempts)

		s := aggregate.Fold(State{}, aggregate.Event(submitted(clauses...)))
		for _, a := range attempts {
			c := review(a.person, a.seat)
			c.Authority, c.Verdict, c.Comment = holds[a.person], a.verdict, "because"
			if a.stale {
				c.Digest = "another"
			}
			facts, _ := c.Decide(s)
			s = aggregate.Fold(s, facts...)
		}
		if s.Outcome != want || want == Approved && len(s.Reviewers()) != len(counted) {
			t.Fatalf("%q, the solver says %q\nclauses %v\nholds %v\nattempts %+v\nreviews %+v", s.Outcome, want, clauses, holds, attempts, s.Reviews)
		}
		once := map[string]bool{}
		for _, v := range s.Reviews {
			if once[v.Reviewer] || v.Reviewer == "ana" || v.Reviewer == "ben" {
				t.Fatalf("%s in more than one seat, or barred: %+v", v.Reviewer, s.Reviews)
			}
			once[v.Reviewer] = true
		}
		outcomes[s.Outcome]++
	}
	for _, o := range []string{Approved, Denied, ""} {
		if outcomes[o] < histories/100 {
			t.Errorf("only %d histories ended %q: the sample says little", outcomes[o], o)
		}
	}
}
