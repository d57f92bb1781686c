package authority

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Retire lets the authority sign no further certificate.
type Retire struct{ ID string }

// Decide follows rule 2.
func (c Retire) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Created:
		return nil, ErrUnknown
	case s.Retired, s.Compromised:
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.CertificateAuthorityRetired{AuthorityId: c.ID}}, nil
}
