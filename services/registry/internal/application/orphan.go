package application

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// TimeToTransfer is how long an application may lack an owner.
const TimeToTransfer = 14 * 24 * time.Hour

// Orphan records that a person left every seat they held.
type Orphan struct {
	PersonID string
	LeftAt   time.Time
}

// Decide follows rule 4; a person who holds no seat here changes nothing.
func (c Orphan) Decide(s State) ([]aggregate.Event, error) {
	if !s.Registered {
		return nil, ErrUnknown
	}
	var facts []aggregate.Event
	for _, seat := range []string{Owner, BackupOwner} {
		if s.Holders[seat] == c.PersonID && !s.orphaned(seat) {
			facts = append(facts, &registryv1.ApplicationOrphaned{Seat: seat, PersonId: c.PersonID, TransferBefore: timestamppb.New(c.LeftAt.Add(TimeToTransfer))})
		}
	}
	return facts, nil
}
