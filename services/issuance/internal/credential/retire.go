package credential

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Retire ends one old generation, when it is proven unused, asked for, or its overlap is over.
type Retire struct {
	Generation uint32
	Reason     string // overlap_ended | unused | requested
	// SuccessorUsedAt is when the newer generation was seen working; with unused.
	SuccessorUsedAt time.Time
}

// Decide follows rules 3 and 4.
func (c Retire) Decide(s State) ([]aggregate.Event, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	if c.Generation == 0 || c.Generation > s.Newest() {
		return nil, ErrNoGeneration
	}
	live := s.Live()
	for _, g := range live {
		if g.Number != c.Generation {
			continue
		}
		if len(live) == 1 {
			return nil, ErrLastGeneration
		}
		retired := &issuancev1.CredentialRetired{Generation: c.Generation, Reason: c.Reason}
		if !c.SuccessorUsedAt.IsZero() {
			retired.SuccessorUsedAt = timestamppb.New(c.SuccessorUsedAt)
		}
		return []aggregate.Event{retired}, nil
	}
	return nil, nil // ended already
}
