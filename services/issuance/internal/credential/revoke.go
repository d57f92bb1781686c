package credential

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Revoke ends the credential in all its generations.
type Revoke struct{ Reason, Comment string }

// Decide follows rule 4; revoking what has ended says nothing new.
func (c Revoke) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Issued:
		return nil, ErrUnknown
	case s.Dead:
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.CredentialRevoked{Reason: c.Reason, Comment: c.Comment}}, nil
}
