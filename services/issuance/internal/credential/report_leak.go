package credential

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// ReportLeak says that the secret of a generation was found where it must not be.
type ReportLeak struct {
	Generation uint32
	FoundAt    string
}

// Decide follows rule 5; the leak of what has ended already changes nothing.
func (c ReportLeak) Decide(s State) ([]aggregate.Event, error) {
	switch err := s.usable(); {
	case err == ErrDead:
		return nil, nil
	case err != nil:
		return nil, err
	case c.Generation == 0 || c.Generation > s.Newest():
		return nil, ErrNoGeneration
	}
	for _, g := range s.Live() {
		if g.Number <= c.Generation {
			return []aggregate.Event{&issuancev1.CredentialLeakReported{Generation: c.Generation, FoundAt: c.FoundAt}}, nil
		}
	}
	return nil, nil
}
