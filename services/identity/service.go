// Package identity knows organisations, their people and roles, and lets people in through their own identity providers.
package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/outbound"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/identity/internal/api"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
	"github.com/chancery-dev/chancery/services/identity/internal/person"
	"github.com/chancery-dev/chancery/services/identity/internal/policy"
	"github.com/chancery-dev/chancery/services/identity/internal/session"
	"github.com/chancery-dev/chancery/services/identity/internal/signon"
	"github.com/chancery-dev/chancery/services/identity/internal/view"
)

// New wires identity.
func New(ctx context.Context, d service.Deps) (*service.Service, error) {
	if d.Keys == nil || d.DB == nil {
		return nil, errors.New("identity needs CHANCERY_KEY_FILE and DATABASE_URL")
	}
	var own config
	if err := service.Load(ctx, d.Config.Lookup, &own); err != nil {
		return nil, err
	}
	if err := own.check(); err != nil {
		return nil, err
	}
	organizations := eventlog.Repository[organization.State]{Log: d.Log, Kind: "identity.organization"}
	people := eventlog.Repository[person.State]{Log: d.Log, Kind: "identity.person"}
	sessions := session.Store{DB: d.DB}
	erase := eraser{vault: d.Vault, sessions: sessions}.erase
	routes := &api.API{
		Rows: view.Rows{DB: d.DB}, Sessions: sessions, Organizations: organizations, People: people, Log: d.Log, Vault: d.Vault,
		Fold: d.Lineage, Fingerprints: d.Fingerprints, Erase: erase, Clock: d.Clock, Logger: d.Logger, WaitFor: d.WaitFor,
		Providers: signon.New(strings.TrimSuffix(own.PublicURL, "/")+"/auth/callback", own.LoopbackProviders, d.Clock),
		Outbound:  outbound.Client(own.LoopbackProviders, 30*time.Second), PublicURL: strings.TrimSuffix(own.PublicURL, "/"), SessionLife: own.SessionLife, FirstAdministrator: strings.ToLower(own.FirstAdministrator), Secure: strings.HasPrefix(own.PublicURL, "https://"),
	}
	routes.Register(d.API)
	first := platform{config: own, organizations: organizations, vault: d.Vault, clock: d.Clock}
	return &service.Service{
		Views:    view.All(opening(d.Vault)),
		Policies: policy.All(policy.Deps{Organizations: organizations, People: people, Erase: erase}),
		Start: func(ctx context.Context) error {
			return errors.Join(sessions.Prepare(ctx), first.ensure(ctx))
		},
		Background: map[string]func(context.Context) error{"sweep": routes.Sweep, "signals": routes.FetchSignals},
	}, nil
}
