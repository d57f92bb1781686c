package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// codeNoStreams is the server's answer to an account without streams of its own.
const codeNoStreams jetstream.ErrorCode = 10039

// server is a connection and how the streams are reached over it.
type server struct {
	nc   *nats.Conn
	js   jetstream.JetStream
	api  string
	wire *wire
	// patience is how long one request may stay unanswered before it is sent again.
	patience time.Duration
}

const defaultPatience = 2 * time.Second

// reach finds out whether the streams are in the connection's own account or lent to it.
func reach(ctx context.Context, nc *nats.Conn) (*server, error) {
	s := &server{nc: nc, api: apiOwn, wire: wireOf(nc), patience: defaultPatience}
	_, err := retried(ctx, s.patience, func(ctx context.Context) (struct{}, error) {
		m, err := s.request(ctx, "INFO", nil)
		if errors.Is(err, ErrForbidden) {
			s.api = APILog
			return struct{}{}, nil
		}
		if err != nil {
			return struct{}{}, err
		}
		var answer struct {
			Error *jetstream.APIError `json:"error"`
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return struct{}{}, err
		}
		switch {
		case answer.Error == nil:
			return struct{}{}, nil
		case answer.Error.ErrorCode == codeNoStreams:
			s.api = APILog
			return struct{}{}, nil
		}
		return struct{}{}, answer.Error
	})
	if err != nil {
		return nil, fmt.Errorf("reach the streams: %w", err)
	}
	s.js, err = s.interfaceAt(s.api)
	return s, err
}

func (s *server) interfaceAt(prefix string) (jetstream.JetStream, error) {
	if prefix == apiOwn {
		return jetstream.New(s.nc)
	}
	return jetstream.NewWithAPIPrefix(s.nc, prefix)
}

// JetStream is the stream interface of another account as it is lent to this connection's, or that of its own account
// where all streams are in one.
func JetStream(ctx context.Context, nc *nats.Conn, prefix string) (jetstream.JetStream, error) {
	s, err := reach(ctx, nc)
	if err != nil {
		return nil, err
	}
	if s.api == apiOwn {
		return s.js, nil
	}
	return s.interfaceAt(prefix)
}
