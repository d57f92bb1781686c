package authorization

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Open takes note of an activated grant.
type Open struct {
	Fact *issuancev1.AuthorizationOpened
}

// Decide follows rule 1.
func (c Open) Decide(s State) ([]aggregate.Event, error) {
	if s.Opened {
		return nil, nil
	}
	return []aggregate.Event{c.Fact}, nil
}
