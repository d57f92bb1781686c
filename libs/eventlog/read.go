package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var errNoMessage = errors.New("no message")

// request asks the server's stream interface; it answers ErrForbidden at once where the server refuses the subject.
func (s *server) request(ctx context.Context, call string, body []byte) (*nats.Msg, error) {
	subject := s.api + "." + call
	ctx, done := s.wire.await(ctx, subject)
	defer done()
	m, err := s.nc.RequestWithContext(ctx, subject, body)
	if err != nil && errors.Is(context.Cause(ctx), ErrForbidden) {
		return nil, fmt.Errorf("%w: %s", ErrForbidden, subject)
	}
	return m, err
}

// retried repeats a read while the server has nobody to answer it, as between two leaders.
func retried[T any](ctx context.Context, patience time.Duration, read func(context.Context) (T, error)) (T, error) {
	for try := 0; ; try++ {
		attempt, cancel := context.WithTimeout(ctx, patience)
		v, err := read(attempt)
		cancel()
		if err == nil || errors.Is(err, errNoMessage) || errors.Is(err, ErrForbidden) || errors.Is(err, ErrCorrupt) {
			return v, err
		}
		if werr := wait(ctx, try+4); werr != nil {
			return v, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// direct asks any replica for a message: by subject (the newest) or, with no subject, by sequence. It may be behind.
func (s *server) direct(ctx context.Context, stream, subject string, sequence uint64) (stored, error) {
	to, body := "DIRECT.GET."+stream, []byte(nil)
	if subject != "" {
		to += "." + subject
	} else {
		body = fmt.Appendf(nil, `{"seq":%d}`, sequence)
	}
	return retried(ctx, s.patience, func(ctx context.Context) (stored, error) {
		m, err := s.request(ctx, to, body)
		if err != nil {
			return stored{}, err
		}
		return fromDirect(m)
	})
}

func fromDirect(m *nats.Msg) (stored, error) {
	if status := m.Header.Get("Status"); status != "" && len(m.Data) == 0 {
		if status == "404" {
			return stored{}, errNoMessage
		}
		return stored{}, fmt.Errorf("direct get: %s %s", status, m.Header.Get("Description"))
	}
	sequence, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return stored{}, fmt.Errorf("%w: a direct get without a sequence", ErrCorrupt)
	}
	at, err := time.Parse(time.RFC3339Nano, m.Header.Get(jetstream.TimeStampHeaer))
	if err != nil {
		return stored{}, fmt.Errorf("%w: a direct get without a time", ErrCorrupt)
	}
	return stored{m.Header.Get(jetstream.SubjectHeader), sequence, at, m.Data, m.Header.Get("traceparent")}, nil
}

// fromLeader asks the stream's leader for a message: by subject (the newest) or, with no subject, by sequence.
func (s *server) fromLeader(ctx context.Context, stream, subject string, sequence uint64) (stored, error) {
	var ask struct {
		Seq    uint64 `json:"seq,omitempty"`
		LastBy string `json:"last_by_subj,omitempty"`
	}
	if subject != "" {
		ask.LastBy = subject
	} else {
		ask.Seq = sequence
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return stored{}, err
	}
	return retried(ctx, s.patience, func(ctx context.Context) (stored, error) {
		m, err := s.request(ctx, "STREAM.MSG.GET."+stream, body)
		if err != nil {
			return stored{}, err
		}
		var answer struct {
			Error   *jetstream.APIError `json:"error"`
			Message *struct {
				Subject string    `json:"subject"`
				Seq     uint64    `json:"seq"`
				Time    time.Time `json:"time"`
				Headers []byte    `json:"hdrs"`
				Data    []byte    `json:"data"`
			} `json:"message"`
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return stored{}, err
		}
		switch {
		case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
			return stored{}, errNoMessage
		case answer.Error != nil:
			return stored{}, answer.Error
		case answer.Message == nil:
			return stored{}, fmt.Errorf("%w: an answer without a message", ErrCorrupt)
		}
		out := stored{answer.Message.Subject, answer.Message.Seq, answer.Message.Time, answer.Message.Data, ""}
		if len(answer.Message.Headers) > 0 {
			header, err := nats.DecodeHeadersMsg(answer.Message.Headers)
			if err != nil {
				return stored{}, err
			}
			out.traceParent = header.Get("traceparent")
		}
		return out, nil
	})
}

// Tail is the last sequence of EVENTS as its leader knows it, 0 while there is none.
func (l *Log) Tail(ctx context.Context) (uint64, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	m, err := l.server.fromLeader(ctx, streamEvents, ">", 0)
	if errors.Is(err, errNoMessage) {
		return 0, nil
	}
	return m.sequence, err
}

// Get is the decision at one sequence of EVENTS.
func (l *Log) Get(ctx context.Context, sequence uint64) (Recorded, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	m, err := l.sequence(ctx, sequence)
	if err != nil {
		return Recorded{}, err
	}
	return m.decode()
}

// sequence reads one message; a replica that has not got it yet is no reason to say that it does not exist.
func (l *Log) sequence(ctx context.Context, sequence uint64) (stored, error) {
	m, err := l.server.direct(ctx, streamEvents, "", sequence)
	if errors.Is(err, errNoMessage) {
		m, err = l.server.fromLeader(ctx, streamEvents, "", sequence)
	}
	if errors.Is(err, errNoMessage) {
		return m, fmt.Errorf("%w: no message at #%d", ErrIncomplete, sequence)
	}
	if err == nil && m.sequence != sequence {
		return m, fmt.Errorf("%w: #%d answered for #%d", ErrIncomplete, m.sequence, sequence)
	}
	return m, err
}

// at reads the decision at a sequence and refuses one of another aggregate.
func (l *Log) at(ctx context.Context, subject string, sequence uint64) (Recorded, error) {
	m, err := l.sequence(ctx, sequence)
	if err != nil {
		return Recorded{}, err
	}
	if m.subject != subject {
		return Recorded{}, fmt.Errorf("%w: #%d is of %s, not of %s", ErrIncomplete, sequence, m.subject, subject)
	}
	return m.decode()
}

// tail is the newest decision of an aggregate, nil if there is none.
func (l *Log) tail(ctx context.Context, subject string, leader bool) (*Recorded, error) {
	var m stored
	var err error
	if leader {
		m, err = l.server.fromLeader(ctx, streamEvents, subject, 0)
	} else {
		m, err = l.server.direct(ctx, streamEvents, subject, 0)
	}
	if errors.Is(err, errNoMessage) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := m.decode()
	return &r, err
}
