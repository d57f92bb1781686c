package product

import (
	"regexp"
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// MaxLimits is how many limits a product may have.
const MaxLimits = 4

const month = 31 * 24 * 3600

var limitName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,29}$`)

// SetLimits says how much consumers may call the product; none takes all limits away.
type SetLimits struct{ Limits []Limit }

// Decide follows rule 8.
func (c SetLimits) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	if len(c.Limits) > MaxLimits {
		return nil, ErrLimit
	}
	fact := &registryv1.ProductLimitsSet{}
	for i, l := range c.Limits {
		taken := slices.ContainsFunc(c.Limits[:i], func(other Limit) bool { return other.Name == l.Name })
		if taken || !limitName.MatchString(l.Name) || l.Per != "application" && l.Per != "organization" ||
			l.Calls == 0 || l.Calls > 1_000_000_000 || l.WindowSeconds == 0 || l.WindowSeconds > month {
			return nil, ErrLimit
		}
		fact.Limits = append(fact.Limits, &registryv1.Limit{Name: l.Name, Per: l.Per, Calls: l.Calls, WindowSeconds: l.WindowSeconds})
	}
	if slices.Equal(c.Limits, s.Limits) {
		return nil, nil
	}
	return []aggregate.Event{fact}, nil
}
