package suite

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/service"
)

// Connect connects to NATS as one of the server's users.
func (s *Suite) Connect(user string) (*nats.Conn, error) { return s.as(user)() }

// URL is where a service's API answers.
func (s *Suite) URL(name string) string { return s.urls[name] }

// Again stops a service of this process and starts it where it was; between happens while it is down.
func (s *Suite) Again(ctx context.Context, name string, between func() error) error {
	old := s.Services[name]
	c := old.Deps.Config
	c.HTTPAddr = service.Address(strings.TrimPrefix(old.URL, "http://"))
	if err := old.Stop(); err != nil {
		return err
	}
	if err := between(); err != nil {
		return err
	}
	running, err := service.Start(ctx, name, c, Wires[name])
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.Services[name] = running
	return running.Ready(ctx)
}

// Another starts one more instance of a service, on the same database; the caller stops it.
func (s *Suite) Another(ctx context.Context, name, node string) (*service.Running, error) {
	c := s.Services[name].Deps.Config
	c.HTTPAddr, c.AdminAddr, c.Node = "127.0.0.1:0", "127.0.0.1:0", node
	running, err := service.Start(ctx, name, c, Wires[name])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return running, running.Ready(ctx)
}
