// Package portal is the front: it serves the web app, holds browsers' sessions, and passes their calls on to the services.
package portal

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/chancery-dev/chancery/libs/dpop"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/portal/internal/bearer"
	"github.com/chancery-dev/chancery/services/portal/internal/bff"
	"github.com/chancery-dev/chancery/services/portal/internal/browser"
	"github.com/chancery-dev/chancery/services/portal/internal/roster"
	"github.com/chancery-dev/chancery/services/portal/internal/ui"
	"github.com/chancery-dev/chancery/services/portal/web"
)

// Persona is one person of a development suite, as its list of personas shows them.
type Persona = bff.Persona

// New wires the portal.
func New(ctx context.Context, d service.Deps) (*service.Service, error) { return wire(ctx, d, nil) }

// With wires the portal of a development suite, which lists its personas.
func With(personas []Persona) service.New {
	return func(ctx context.Context, d service.Deps) (*service.Service, error) { return wire(ctx, d, personas) }
}

func wire(ctx context.Context, d service.Deps, personas []Persona) (*service.Service, error) {
	if d.DB == nil {
		return nil, errors.New("the portal needs DATABASE_URL")
	}
	var own config
	if err := service.Load(ctx, d.Config.Lookup, &own); err != nil {
		return nil, err
	}
	services, err := own.check()
	if err != nil {
		return nil, err
	}
	sessions, roles := browser.Store{DB: d.DB, Idle: own.SessionIdle}, &roster.Roster{}
	tokens := &bearer.Tokens{Issuer: strings.TrimSuffix(own.PublicURL, "/"), Proofs: dpop.New(d.Clock), Now: d.Clock}
	front := bff.New(bff.Options{
		Services: services, Sessions: sessions, Roster: roles, Fold: d.Lineage, Signer: d.Signer, Tokens: tokens, UI: ui.New(web.Files()), Personas: personas,
		Secure: strings.HasPrefix(own.PublicURL, "https://"), TrustedProxies: d.Config.TrustedProxies, Clock: d.Clock, Logger: d.Logger,
		Tracer: d.Traces.Tracer("github.com/chancery-dev/chancery/services/portal"),
	})
	return &service.Service{
		Handler: front, Folds: []service.Fold{roles.Apply, tokens.Apply}, Signs: true, Start: sessions.Prepare,
		Background: map[string]func(context.Context) error{
			"sweep": func(ctx context.Context) error { return sessions.Sweep(ctx, d.Clock) },
		},
	}, nil
}

func parse(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	return u, err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && (u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.User == nil
}
