package eventlog

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// readsInFlight bounds the pipelined reads of one load.
const readsInFlight = 64

// Read is every decision of one aggregate of any service, oldest first. Its cost depends on the aggregate alone.
func (l *Log) Read(ctx context.Context, subject string) ([]Recorded, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	last, err := l.tail(ctx, subject, false)
	if err != nil || last == nil {
		return nil, err
	}
	return l.since(ctx, *last, prior{})
}

// since is every decision after base up to last, oldest first. It fails rather than leave one out.
func (l *Log) since(ctx context.Context, last Recorded, base prior) ([]Recorded, error) {
	newestFirst := []Recorded{last}
	oldest := last
	for {
		version := oldest.Envelope.GetVersion()
		earlier, err := expand(oldest.Envelope.GetEarlier())
		if err != nil {
			return nil, err
		}
		if version <= base.version || version == 0 {
			return nil, fmt.Errorf("%w: %s #%d is version %d, after version %d", ErrIncomplete, oldest.Subject, oldest.Sequence, version, base.version)
		}
		missing := version - 1 - base.version
		if missing == 0 {
			var before uint64
			if len(earlier) > 0 {
				before = earlier[0]
			}
			if before != base.sequence {
				return nil, fmt.Errorf("%w: %s #%d follows #%d, not #%d", ErrIncomplete, oldest.Subject, oldest.Sequence, before, base.sequence)
			}
			slices.Reverse(newestFirst)
			return newestFirst, nil
		}
		if len(earlier) == 0 {
			return nil, fmt.Errorf("%w: %s #%d is version %d and names none before it", ErrIncomplete, oldest.Subject, oldest.Sequence, version)
		}
		if uint64(len(earlier)) > missing {
			earlier = earlier[:missing]
		}
		batch, err := l.fetch(ctx, oldest.Subject, earlier)
		if err != nil {
			return nil, err
		}
		for i, r := range batch {
			if got, want := r.Envelope.GetVersion(), version-1-uint64(i); got != want {
				return nil, fmt.Errorf("%w: %s #%d is version %d, expected %d", ErrIncomplete, r.Subject, r.Sequence, got, want)
			}
		}
		newestFirst = append(newestFirst, batch...)
		oldest = batch[len(batch)-1]
	}
}

// fetch reads the messages at these sequences at once, in the order asked for.
func (l *Log) fetch(ctx context.Context, subject string, sequences []uint64) ([]Recorded, error) {
	out := make([]Recorded, len(sequences))
	if len(sequences) == 1 {
		var err error
		out[0], err = l.at(ctx, subject, sequences[0])
		return out, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	slots := make(chan struct{}, readsInFlight)
	for i, sequence := range sequences {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			r, err := l.at(ctx, subject, sequence)
			if err != nil {
				stop(err)
				return
			}
			out[i] = r
		})
	}
	wg.Wait()
	return out, context.Cause(ctx)
}
