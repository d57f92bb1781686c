package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Beat is the newest word of one node.
type Beat struct {
	Service, Node string
	// Time is the stream's own.
	Time time.Time
	Body []byte
}

// Pulse is where nodes say that they live and how far they are. Nothing of it outlasts a minute, or the server.
type Pulse struct {
	server  *server
	service string
}

// OpenPulse refuses a stream with other settings than the provisioned ones.
func OpenPulse(ctx context.Context, nc *nats.Conn, service string) (*Pulse, error) {
	if !token.MatchString(service) {
		return nil, fmt.Errorf("service name %q is not one subject token", service)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, err := reach(ctx, nc)
	if err != nil {
		return nil, err
	}
	return &Pulse{s, service}, s.checkDrift(ctx, PulseStream(0))
}

// Beat replaces what node said last. It is sent once: a beat that is late is worth nothing.
func (p *Pulse) Beat(ctx context.Context, node string, body []byte) error {
	if !token.MatchString(node) {
		return fmt.Errorf("node %q is not one subject token", node)
	}
	m := &nats.Msg{Subject: "pulse." + p.service + "." + node, Data: body}
	_, err := p.server.publishOnce(ctx, m)
	return err
}

// Watch applies the newest beat of every node and then each further one, until ctx ends or apply fails;
// ErrStop ends it without an error. Beats are in
// order for each node; after a lost connection the newest are applied again.
func (p *Pulse) Watch(ctx context.Context, apply func(Beat) error) error {
	o := ordered{server: p.server, stream: streamPulse, newest: true}
	err := o.run(ctx, func(messages []stored) error {
		for _, m := range messages {
			parts := strings.Split(m.subject, ".")
			if len(parts) != 3 {
				continue
			}
			if err := apply(Beat{parts[1], parts[2], m.time, m.body}); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, ErrStop) {
		return nil
	}
	return err
}
