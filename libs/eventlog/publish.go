package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	codeWrongLast        jetstream.ErrorCode = 10071
	codeWrongLastPending jetstream.ErrorCode = 10164 // R3: another write to that subject is in flight
	codeNoRoom           jetstream.ErrorCode = 10047
	codeStoreFailed      jetstream.ErrorCode = 10077
	codeDuplicateInHand  jetstream.ErrorCode = 10158 // R3: an earlier copy of this message is in flight
)

// errStale is the server's definite answer that the expected sequence is not the last one.
var errStale = errors.New("the expected sequence is not the last one")

// publish sends m, which carries a Nats-Msg-Id, again and again until the answer is definite: a sequence, errStale, or
// another refusal by the server. found is asked after an answer that a copy sent before may have caused; it says where
// m is stored, or 0.
func (s *server) publish(ctx context.Context, m *nats.Msg, found func(context.Context) (uint64, error)) (uint64, error) {
	// open says that a copy was sent whose fate is not known.
	open := false
	for try := 0; ; try++ {
		ack, err := s.publishOnce(ctx, m)
		if err == nil {
			return ack.Sequence, nil
		}
		var refusal *jetstream.APIError
		switch {
		case errors.Is(err, ErrForbidden), errors.Is(err, nats.ErrMaxPayload):
			return 0, publishError(err)
		case errors.As(err, &refusal) && (refusal.ErrorCode == codeWrongLastPending || refusal.ErrorCode == codeDuplicateInHand):
			// Not definite: what is in flight may be a copy of ours, or may never be stored.
		case errors.As(err, &refusal):
			stale := refusal.ErrorCode == codeWrongLast
			switch {
			case stale || open:
			case refusal.ErrorCode == codeNoRoom || refusal.ErrorCode == codeStoreFailed:
				return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
			case refusal.Code < 500:
				return 0, fmt.Errorf("append refused: %w", err)
			}
			if (stale || open) && found != nil {
				if at, ferr := found(ctx); ferr == nil && at != 0 {
					return at, nil
				} else if ferr == nil && stale {
					// A copy still on its way carries the same stale expectation: it will be refused too.
					return 0, errStale
				}
				open = true
			}
		case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
			// Nobody took it.
		default:
			open = true
		}
		if werr := wait(ctx, try); werr != nil {
			if open {
				return 0, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
			}
			return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

func (s *server) publishOnce(ctx context.Context, m *nats.Msg) (*jetstream.PubAck, error) {
	attempt, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	attempt, done := s.wire.await(attempt, m.Subject)
	defer done()
	// A copy: each attempt sets its own reply subject and headers.
	out := &nats.Msg{Subject: m.Subject, Data: m.Data, Header: nats.Header{}}
	for k, v := range m.Header {
		out.Header[k] = v
	}
	ack, err := s.js.PublishMsg(attempt, out, jetstream.WithRetryAttempts(0))
	if err != nil && errors.Is(context.Cause(attempt), ErrForbidden) {
		return nil, fmt.Errorf("%w: %s", ErrForbidden, m.Subject)
	}
	return ack, err
}

func publishError(err error) error {
	if errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return err
}

// wait pauses before the next attempt, a little longer each time and never in step with others.
func wait(ctx context.Context, try int) error {
	pause := min(time.Millisecond<<min(try, 8), 250*time.Millisecond)
	pause = pause/2 + rand.N(pause)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
