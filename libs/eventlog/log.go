// Package eventlog is the one log of facts on NATS JetStream: optimistic appends, loads that are never stale where it
// matters, an ordered follower, packed observations, personal fields sealed before they are stored, and the vault,
// blobs and pulses beside it.
package eventlog

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Refusals of the log. All of them leave the log as it was, except ErrOutcomeUnknown.
var (
	// ErrConflict says that somebody else appended to the aggregate since it was loaded.
	ErrConflict = errors.New("the aggregate changed meanwhile")
	// ErrOutcomeUnknown says that the deadline came before a definite answer: it may be stored, and sending the same
	// command again is safe.
	ErrOutcomeUnknown = errors.New("whether it was stored is not known")
	// ErrUnavailable says that the log could not be reached and nothing was stored.
	ErrUnavailable = errors.New("the log cannot be reached")
	// ErrBehind says that the fold a decision rests on did not reach what the decision must have seen in time.
	ErrBehind = errors.New("the view a decision rests on is behind")
	// ErrUpgradeNeeded says that an aggregate holds a fact of a type this program does not know.
	ErrUpgradeNeeded = errors.New("a newer version wrote a fact this one does not know")
	// ErrIncomplete says that a message of an aggregate's chain could not be read, so no state was made of the rest.
	ErrIncomplete = errors.New("the aggregate could not be read whole")
	// ErrForbidden says that the server does not permit this service to publish there.
	ErrForbidden = errors.New("the server refuses this service the subject")
	// ErrTooLarge says that a decision is larger than a message may be.
	ErrTooLarge = errors.New("the decision is larger than a message may be")
)

// Frontier is the in-memory fold of EVENTS that a service's decisions rest on.
type Frontier interface {
	// Position is the sequence up to which every fact is folded.
	Position() uint64
	// WaitFor returns once Position is at least position; when ctx or its own bound ends first it returns an error.
	WaitFor(ctx context.Context, position uint64) error
}

// Options are what a service says of itself when it opens the log.
type Options struct {
	// Service is the only one whose subjects this log appends to.
	Service string
	// Frontier may be nil for a service whose decisions rest on their own aggregate alone.
	Frontier Frontier
	// Vault seals personal values; a log without one refuses to store any.
	Vault *Vault
	// Clock gives the time a decision was recorded at; nil means time.Now.
	Clock func() time.Time
	// Timeout bounds one append, load, observation or command where ctx has no earlier deadline; 0 means 10 s.
	Timeout time.Duration
	// Cache is how many folded states are kept; 0 means 4096, less than 0 none.
	Cache int
	// Replicas is how many the provisioned streams have; 0 means 1. Open refuses streams with fewer.
	Replicas int
}

// Log is one service's access to EVENTS and ACTIVITY. It is safe for concurrent use.
type Log struct {
	server   *server
	service  string
	frontier Frontier
	vault    *Vault
	clock    func() time.Time
	timeout  time.Duration
	cache    *cache
	packers  sync.Map // kind → *packer
}

// openTimeout bounds how long opening waits for a server that elects its leader.
const openTimeout = 30 * time.Second

var token = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// Open refuses, with every difference named, when a stream's safety-bearing settings are not the provisioned ones.
func Open(ctx context.Context, nc *nats.Conn, o Options) (*Log, error) {
	if !token.MatchString(o.Service) {
		return nil, fmt.Errorf("service name %q is not one subject token", o.Service)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, err := reach(ctx, nc)
	if err != nil {
		return nil, err
	}
	l := &Log{server: s, service: o.Service, frontier: o.Frontier, vault: o.Vault, clock: o.Clock, timeout: o.Timeout}
	if l.clock == nil {
		l.clock = time.Now
	}
	if l.timeout == 0 {
		l.timeout = 10 * time.Second
	}
	s.patience = min(defaultPatience, l.timeout/5)
	switch {
	case o.Cache == 0:
		l.cache = newCache(4096)
	case o.Cache > 0:
		l.cache = newCache(o.Cache)
	}
	for _, want := range []jetstream.StreamConfig{EventsStream(o.Replicas), ActivityStream(o.Replicas, 0)} {
		if err := s.checkDrift(ctx, want); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Subject is where the facts of one aggregate of this service are; kind is without the service.
func (l *Log) Subject(kind, id string) string { return "events." + l.service + "." + kind + "." + id }

// parse takes an aggregate's subject apart and refuses one that is not this service's.
func (l *Log) parse(subject string) (kind, id string, err error) {
	parts := strings.Split(subject, ".")
	if len(parts) != 4 || parts[0] != "events" || !token.MatchString(parts[2]) || !token.MatchString(parts[3]) {
		return "", "", fmt.Errorf("%q is not events.<service>.<kind>.<id>", subject)
	}
	if parts[1] != l.service {
		return "", "", fmt.Errorf("%w: %s belongs to %s", ErrForbidden, subject, parts[1])
	}
	return parts[2], parts[3], nil
}

func (l *Log) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, l.timeout)
}
