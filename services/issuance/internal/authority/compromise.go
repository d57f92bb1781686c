package authority

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Compromise says that somebody else may hold the authority's key.
type Compromise struct{ ID, Reason string }

// Decide follows rule 2.
func (c Compromise) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Created:
		return nil, ErrUnknown
	case s.Compromised:
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.CertificateAuthorityCompromised{AuthorityId: c.ID, Reason: c.Reason}}, nil
}
