package signalstream

import (
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Leave takes a subject out of the stream, or with Back in again.
type Leave struct {
	SubjectID string
	Back      bool
}

// Decide follows rule 4.
func (c Leave) Decide(s State) ([]aggregate.Event, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	out := slices.Contains(s.Removed, c.SubjectID)
	switch {
	case c.SubjectID == "" || len(c.SubjectID) > 200:
		return nil, ErrText
	case c.Back && out:
		return []aggregate.Event{&issuancev1.SignalSubjectAdded{SubjectId: c.SubjectID}}, nil
	case c.Back || out:
		return nil, nil
	case len(s.Removed) >= maxRemoved:
		return nil, ErrSubjects
	}
	return []aggregate.Event{&issuancev1.SignalSubjectRemoved{SubjectId: c.SubjectID}}, nil
}
