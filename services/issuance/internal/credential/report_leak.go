package credential

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// ReportLeak says that the secret of a generation was found where it must not be, and gives the owners notice.
type ReportLeak struct {
	Generation uint32
	// Source is who saw it, FoundAt where, ExposedSince since when it lies open as far as is known.
	Source, FoundAt string
	ExposedSince    time.Time
	// ReportID is the leak report it came in; empty outside one.
	ReportID string
	// OwnerID and BackupOwnerID are the application's at this moment; empty where nobody holds the seat.
	OwnerID, BackupOwnerID string
}

// Decide follows rules 5 and 11; the leak of what has ended already changes nothing.
func (c ReportLeak) Decide(s State) ([]aggregate.Event, error) {
	switch err := s.usable(); {
	case err == ErrDead:
		return nil, nil
	case err != nil:
		return nil, err
	case c.Generation == 0 || c.Generation > s.Newest():
		return nil, ErrNoGeneration
	}
	reached, left := 0, 0
	for _, g := range s.Live() {
		if g.Number <= c.Generation {
			reached++
		} else {
			left++
		}
	}
	if reached == 0 {
		return nil, nil
	}
	reported := &issuancev1.CredentialLeakReported{Generation: c.Generation, FoundAt: c.FoundAt, Source: c.Source, ReportId: c.ReportID}
	if !c.ExposedSince.IsZero() {
		reported.ExposedSince = timestamppb.New(c.ExposedSince)
	}
	facts := []aggregate.Event{reported}
	if left == 0 && (s.Class == "sensitive" || s.ImportedFrom != "") {
		facts = append(facts, &issuancev1.CredentialRevoked{Reason: "suspected_leak"})
	}
	if c.OwnerID != "" || c.BackupOwnerID != "" {
		facts = append(facts, &issuancev1.CredentialOwnersNotified{
			Generation: c.Generation, ApplicationId: s.ApplicationID, OwnerId: c.OwnerID, BackupOwnerId: c.BackupOwnerID, Reason: "leaked", ReportId: c.ReportID,
		})
	}
	return facts, nil
}
