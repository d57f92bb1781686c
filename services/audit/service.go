// Package audit keeps the record: one order of everything that happened, provable, searchable and fit for a SIEM.
package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/service"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/audit/internal/api"
	"github.com/chancery-dev/chancery/services/audit/internal/record"
	"github.com/chancery-dev/chancery/services/audit/internal/tree"
	"github.com/chancery-dev/chancery/services/audit/internal/view"
)

type config struct {
	Origin string `env:"CHANCERY_LOG_ORIGIN, default=chancery.example/audit" doc:"name of the log in its checkpoints" want:"host/path without blanks"`
	Base   string `env:"CHANCERY_FEED_BASE, default=https://chancery.example" doc:"address that names the suite in events" want:"https://host without a slash at its end"`
	Door   string `env:"CHANCERY_NATS_DOOR" doc:"path of the key that lets subscribers in; without it there are no subscriptions by NATS" want:"the path of a file"`
}

// sealing are the services whose sealed values an auditor may read.
var sealing = []string{"identity", "registry", "approval", "issuance", "gateway", "portal"}

// New wires audit.
func New(ctx context.Context, d service.Deps) (*service.Service, error) {
	if d.Keys == nil || d.DB == nil {
		return nil, errors.New("audit needs CHANCERY_KEY_FILE and DATABASE_URL")
	}
	var own config
	if err := service.Load(ctx, d.Config.Lookup, &own); err != nil {
		return nil, err
	}
	stream, err := record.Open(ctx, d.NATS)
	if err != nil {
		return nil, err
	}
	vaults := []*eventlog.Vault{d.Vault}
	for _, name := range sealing {
		v, err := eventlog.OpenVault(ctx, d.NATS, eventlog.VaultOptions{Service: name, Keys: d.Keys, Foreign: true})
		if err != nil {
			return nil, fmt.Errorf("keys of %s: %w", name, err)
		}
		vaults = append(vaults, v)
	}
	signer := &tree.Signer{Origin: own.Origin, DB: d.DB, Now: d.Clock, Logger: d.Logger}
	if err := signer.Open(ctx, d.Vault, eventlog.ErrNoSecret); err != nil {
		return nil, fmt.Errorf("the log's key: %w", err)
	}
	rows := view.Rows{DB: d.DB}
	runner := &projection.Runner{
		Name: "audit", DB: d.DB, Follow: stream.Follow, Views: []projection.View{view.Records, tree.View}, Service: d.Name,
		Logger: d.Logger, Tracer: d.Traces.Tracer("audit"),
	}
	writer := &record.Writer{Stream: stream, Log: d.Log, Logger: d.Logger, Tracer: d.Traces.Tracer("audit")}
	out := &service.Service{
		Policies:   []projection.Policy{projection.Erases[*identityv1.PersonErased](d.Vault)},
		Derived:    []service.Derived{{View: view.Records, Follow: stream.Follow}, {View: tree.View, Follow: stream.Follow}},
		Background: map[string]func(context.Context) error{"records": writer.Run, "views": runner.Run, "checkpoints": signer.Run},
		Ready:      map[string]func(context.Context) error{"views": runner.Ready},
	}
	delivery, err := deliver(ctx, d, own, rows, stream, out)
	if err != nil {
		return nil, err
	}
	api.Routes(d.API, api.Deps{Rows: rows, Stream: stream, Signer: signer, Opener: eventlog.NewOpener(vaults...), Now: d.Clock, WaitFor: runner.WaitFor,
		Written: written(rows, runner), Delivery: delivery})
	return out, nil
}

// written waits until a fact of EVENTS is among the records.
func written(rows view.Rows, runner *projection.Runner) func(context.Context, uint64) error {
	return func(ctx context.Context, position uint64) error {
		ctx, cancel := context.WithTimeout(ctx, projection.Patience)
		defer cancel()
		for {
			at, err := rows.Recorded(ctx)
			if err != nil || at >= position {
				return err
			}
			if err := runner.WaitFor(ctx, runner.Position()+1); err != nil {
				return eventlog.ErrBehind
			}
		}
	}
}
