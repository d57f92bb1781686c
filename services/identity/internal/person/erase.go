package person

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Erase gives up the keys without which the person's values cannot be read.
type Erase struct {
	Reason string
	KeyIDs []string
}

// Decide follows rule 4.
func (c Erase) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Provisioned:
		return nil, ErrUnknown
	case s.Erased:
		return nil, nil
	case c.Reason == "":
		return nil, ErrReason
	}
	var facts []aggregate.Event
	if !s.Gone {
		facts = append(facts, &identityv1.PersonDeprovisioned{Reason: c.Reason, Origin: "administrator"})
	}
	return append(facts, &identityv1.PersonErased{KeyIds: c.KeyIDs}), nil
}
