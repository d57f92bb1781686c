package gateway

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/receipt"
	gatewayv1 "github.com/chancery-dev/chancery/proto/gateway/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/authorizer"
)

const (
	outside  = iota
	member   // the newest word of the log is this process's joining
	replaced // another process joined under this name
)

var (
	errOutside  = errors.New("this authorizer is no member: it was signed off or has not joined yet")
	errReplaced = errors.New("another authorizer joined under this name: give each a name of its own")
)

// membership is this process's place among the authorizers that receipts name. Who is no member judges nothing, because
// nobody would wait for it.
type membership struct {
	repository  eventlog.Repository[authorizer.State]
	name        string
	environment string
	logger      *slog.Logger

	key   ed25519.PrivateKey
	keyID string
	jwk   []byte

	state   atomic.Int32
	changed chan struct{}
}

func newMembership(log *eventlog.Log, name, environment string, logger *slog.Logger) (*membership, error) {
	m := &membership{
		repository: eventlog.Repository[authorizer.State]{Log: log, Kind: "gateway.authorizer"}, name: name, environment: environment, logger: logger,
		changed: make(chan struct{}, 1),
	}
	var err error
	m.key, m.jwk, m.keyID, err = receipt.NewKey()
	return m, err
}

// holds says whether this process is the member of its name.
func (m *membership) holds() bool { return m.state.Load() == member }

// apply folds who joined, left and was signed off under this name.
func (m *membership) apply(_ context.Context, batch []eventlog.Recorded) error {
	for _, r := range batch {
		if r.Subject != "events.gateway.authorizer."+m.name && r.Subject != "events.issuance.authorizer."+m.name {
			continue
		}
		for _, fact := range r.Facts {
			switch e := fact.(type) {
			case *gatewayv1.AuthorizerJoined:
				if e.GetKeyId() == m.keyID {
					m.become(member)
				} else if m.holds() {
					m.logger.Error(errReplaced.Error(), "name", m.name, "position", r.Sequence)
					m.become(replaced)
				}
			case *gatewayv1.AuthorizerLeft:
				m.become(outside)
			case *issuancev1.AuthorizerSignedOff:
				if m.holds() {
					m.logger.Warn("this authorizer was signed off and joins again", "name", m.name, "position", r.Sequence, "reason", e.GetReason())
				}
				m.become(outside)
			}
		}
	}
	return nil
}

func (m *membership) become(state int32) {
	m.state.Store(state)
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

func (m *membership) ready() error {
	switch m.state.Load() {
	case member:
		return nil
	case replaced:
		return errReplaced
	}
	return errOutside
}

// run joins whenever this process is no member, until ctx ends.
func (m *membership) run(ctx context.Context) error {
	for {
		if m.state.Load() == outside {
			if err := m.join(ctx); err != nil && ctx.Err() == nil {
				m.logger.WarnContext(ctx, "the authorizer did not join yet", "error", err)
			}
		}
		select {
		case <-m.changed:
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m *membership) join(ctx context.Context) error {
	_, err := m.repository.Handle(ctx, m.name, authorizer.Join{Environment: m.environment, KeyID: m.keyID, JWK: m.jwk})
	return err
}

// leave says that this process judges no more calls.
func (m *membership) leave(ctx context.Context) error {
	if !m.holds() {
		return nil
	}
	m.state.Store(replaced) // what follows of itself must not join again
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	_, err := m.repository.Handle(ctx, m.name, authorizer.Leave{KeyID: m.keyID})
	if err != nil {
		m.logger.WarnContext(ctx, "the authorizer could not say that it leaves; receipts will name it until it is signed off", "error", err)
	}
	return nil
}
