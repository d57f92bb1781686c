package organization

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Verify says that the organisation is who it claims to be.
type Verify struct{ Method, Evidence string }

// Decide follows rule 4.
func (c Verify) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	switch {
	case c.Method == "" || c.Evidence == "":
		return nil, ErrEvidence
	case s.Verified:
		return nil, nil
	}
	return []aggregate.Event{&identityv1.OrganizationVerified{Method: c.Method, Evidence: c.Evidence}}, nil
}
