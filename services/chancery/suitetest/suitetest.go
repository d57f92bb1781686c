// Package suitetest runs the whole suite in the process of a test, with everybody signed in.
package suitetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/chancery/internal/client"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
	"github.com/chancery-dev/chancery/services/chancery/internal/world"
)

// World is a suite and the people of the demo world.
type World struct {
	Suite *suite.Suite
	Cast  *world.Cast
}

// Start starts a suite below dir on free ports and signs everybody in; telemetry may be nil.
func Start(ctx context.Context, dir string, telemetry *service.Telemetry) (*World, error) {
	s, err := suite.Start(ctx, suite.Options{
		Dir: dir, Portal: "127.0.0.1:0", IdP: "127.0.0.1:0", Gateway: "127.0.0.1:0", Relaxed: true, Version: "test", LimitFactor: 100, Telemetry: telemetry,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return nil, err
	}
	cast, err := world.Sign(ctx, s.Portal, s.IdP)
	if err != nil {
		return nil, errors.Join(err, s.Stop(ctx))
	}
	return &World{s, cast}, nil
}

// Principal is somebody as the portal would vouch for them, who has just proved a second factor.
func (w *World) Principal(who string) principal.Principal {
	for _, p := range world.People {
		if world.Short(p.Email) != who {
			continue
		}
		out := principal.Principal{ID: w.Cast.IDs[who], Kind: principal.Person, Organization: w.Cast.Organizations[p.Organization], Session: uuid.NewString(),
			ACR: "mfa", AMR: []string{"pwd", "otp", "mfa"}, AuthTime: time.Now()}
		for _, o := range world.Organizations {
			if o.Slug == p.Organization {
				for _, group := range p.Groups {
					out.Roles = append(out.Roles, world.GroupRoles[o.Kind][group])
				}
			}
		}
		return out
	}
	panic(fmt.Sprintf("nobody is called %s", who))
}

// SignIn signs somebody in once more, in a session of its own.
func (w *World) SignIn(ctx context.Context, email string) (*client.Person, error) {
	return client.SignIn(ctx, w.Suite.Portal, email)
}

// Person is somebody signed in.
type Person = client.Person

// Document is a body that is sent as it is.
type Document = client.Document

// StatusOf is the status of a refusal, 0 for any other error.
func StatusOf(err error) int {
	var p *client.Problem
	if errors.As(err, &p) {
		return p.Status
	}
	return 0
}
