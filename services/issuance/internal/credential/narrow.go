package credential

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Narrow leaves the credential fewer scopes, or less time, or both (D21).
type Narrow struct {
	// Scopes that stay; empty means all.
	Scopes []string
	// ExpiresAt is the latest end of every live secret; zero keeps their times.
	ExpiresAt time.Time
	// MadeBefore leaves secrets alone that were made at this time or later; zero leaves none.
	MadeBefore time.Time
	Reason     string // policy_changed | unused | requested
}

// Decide refuses whatever would widen the credential; what narrows nothing says nothing.
func (c Narrow) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	scopes := c.Scopes
	if len(scopes) == 0 {
		scopes = s.Scopes
	}
	for _, scope := range scopes {
		if !slices.Contains(s.Scopes, scope) {
			return nil, ErrNotNarrower
		}
	}
	var facts []aggregate.Event
	if !c.ExpiresAt.IsZero() {
		for _, g := range s.Live() {
			if c.ExpiresAt.Before(g.end()) && (c.MadeBefore.IsZero() || g.StartsAt.Before(c.MadeBefore)) {
				facts = append(facts, &issuancev1.CredentialNarrowed{
					Scopes: scopes, Reason: c.Reason, ExpiresAt: timestamppb.New(c.ExpiresAt), Generation: g.Number,
				})
			}
		}
	}
	if len(facts) == 0 && len(scopes) < len(s.Scopes) {
		facts = append(facts, &issuancev1.CredentialNarrowed{Scopes: scopes, Reason: c.Reason})
	}
	return facts, nil
}
