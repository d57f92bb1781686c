package authorization

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Close says that no further credential is issued under the grant.
type Close struct{ Reason string }

// Decide follows rule 3.
func (c Close) Decide(s State) ([]aggregate.Event, error) {
	if !s.Opened || s.Closed {
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.AuthorizationClosed{Reason: c.Reason}}, nil
}
