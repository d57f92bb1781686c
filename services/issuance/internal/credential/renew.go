package credential

import (
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Renew is a rotation that the live secret itself asks for.
type Renew struct {
	// Generation is the one that authenticated.
	Generation uint32
	Now        time.Time
	Allowance  Allowance
	Secret     Secret
}

// Decide follows rules 2, 4, 7, 8 and 9.
func (c Renew) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	g, found := s.Generation(c.Generation)
	switch {
	case !found:
		return nil, ErrNoGeneration
	case g.Ended, !c.Now.Before(g.end()):
		return nil, ErrDead
	case s.ImportedFrom != "":
		return nil, ErrImported
	case g.Number != s.Newest() && !s.lost(c.Now):
		return nil, ErrSuperseded
	case c.Now.Before(g.RenewableFrom()):
		return nil, ErrTooEarly
	}
	expires := s.Successor(c.Now, g, c.Allowance)
	if !expires.After(g.ExpiresAt) {
		return nil, ErrGrantEnds
	}
	var facts []aggregate.Event
	for _, older := range s.Live() {
		if older.Number != g.Number { // two live ones at most: the successor takes the other one's place
			retired := &issuancev1.CredentialRetired{Generation: older.Number, Reason: "overlap_ended"}
			if older.Number > g.Number {
				retired.Reason = "unused" // its secret was lost on the way
			}
			facts, s = append(facts, retired), s.Evolve(retired)
		}
	}
	next, err := Rotate{
		Now: c.Now, ExpiresAt: expires, Overlap: min(g.ExpiresAt.Sub(c.Now), MaxOverlap), Reason: "renewed",
		Allowance: c.Allowance, Secret: c.Secret,
	}.Decide(s)
	if err != nil {
		return nil, err
	}
	return append(facts, next...), nil
}

// LostFor is how long after a renewal the older secret may renew again, because the answer to it did not arrive.
const LostFor = 10 * time.Minute

// lost says that the newest secret may not have reached anybody.
func (s State) lost(now time.Time) bool {
	newest := s.Generations[len(s.Generations)-1]
	return newest.Ended || newest.Renewed && now.Before(newest.StartsAt.Add(LostFor))
}

// RenewableFrom is when the last third of the secret's life begins.
func (g Generation) RenewableFrom() time.Time {
	return g.ExpiresAt.Add(-g.ExpiresAt.Sub(g.StartsAt) / 3)
}

// Successor is when a renewal made now would expire: after as long a life as before, inside grant and class.
func (s State) Successor(now time.Time, g Generation, a Allowance) time.Time {
	expires := now.Add(min(g.ExpiresAt.Sub(g.StartsAt), MaxLifetime(Stricter(s.Class, a.Class))))
	if a.Until.Before(expires) {
		return a.Until
	}
	return expires
}
