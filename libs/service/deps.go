// Package service starts and stops a process: configuration, logs, telemetry, one clock, NATS, Postgres, the in-memory
// fold of EVENTS, views and policies, the API and the admin port, and an end that loses nothing.
package service

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/secret"
)

// Deps is what a service is made of. All of it is ready, except that Lineage and Keyring are folded only once New has
// returned; what needs them at start belongs into Service.Start.
type Deps struct {
	Name    string
	Version string
	Config  Config
	Clock   func() time.Time
	Logger  *slog.Logger
	Traces  trace.TracerProvider
	Metrics metric.MeterProvider

	// NATS is the service's own connection; only gateway, audit and the like need it beside the log.
	NATS  *nats.Conn
	Log   *eventlog.Log
	Vault *eventlog.Vault
	Blobs *eventlog.Blobs
	Pulse *eventlog.Pulse
	// DB is nil for a service without DATABASE_URL.
	DB *sqlx.DB
	// Keys and Fingerprints are nil for a service without CHANCERY_KEY_FILE.
	Keys         *secret.KeyFile
	Fingerprints *secret.Fingerprints

	// Lineage is the fold of EVENTS that decisions rest on: the log's frontier.
	Lineage *lineage.Fold
	Keyring *principal.Keyring
	// Signer signs internal tokens once Service.Signs has its key published.
	Signer *principal.Signer
	// Between runs f while nothing is folded: every fold is then at one position. A service that New gives state of an
	// earlier run fills Lineage, Keyring and all its folds to one position, from which the log is followed.
	Between func(f func())
	// WaitFor returns once this service's views have reached position, or eventlog.ErrBehind; a decision that rests on rows
	// waits for the log's tail before it reads them. Operations that only read are waited for by the guard.
	WaitFor func(ctx context.Context, position uint64) error
	// API takes the service's operations.
	API *endpoint.API
}

// Fold is a further in-memory fold of EVENTS, from the first message on: batches come in order, each record once. A
// position counts as folded when every fold has it.
type Fold func(ctx context.Context, batch []eventlog.Recorded) error

// Service is what New makes of Deps: everything else is the same for all services.
type Service struct {
	Views []projection.View
	// Derived are views of other streams, which the service keeps by runners of its own.
	Derived  []Derived
	Policies []projection.Policy
	Folds    []Fold
	// Refusals says how plain errors of operations are answered.
	Refusals problem.Map
	// Handler is served in place of Deps.API.Handler(), usually wrapping it.
	Handler http.Handler
	// Tune changes the server of the API before it serves, where a service is called in one way only.
	Tune func(*http.Server)
	// Signs says that the service signs internal tokens: its key is published before Start.
	Signs bool
	// Start runs once the folds have reached the tail of the log, before the service is ready.
	Start func(ctx context.Context) error
	// Background runs from then until the service stops; a return before that, with or without error, makes the service
	// unready and says why.
	Background map[string]func(ctx context.Context) error
	// Ready are further checks of /readyz.
	Ready map[string]func(ctx context.Context) error
	// Admin adds to the admin port.
	Admin func(mux *http.ServeMux)
	// Stop runs after the last request, before connections close.
	Stop func(ctx context.Context) error
}

// New wires a service.
type New func(ctx context.Context, d Deps) (*Service, error)

// Host is what a program that runs several services in one process decides for them.
type Host struct {
	// Version of the program.
	Version string
	Clock   func() time.Time
	Logger  *slog.Logger
	// Telemetry is shared if set, else each service has its own.
	Telemetry *Telemetry
	// Connect opens the service's own NATS connection in place of NATS_URL.
	Connect func(options ...nats.Option) (*nats.Conn, error)
	// Limits replace the API's defaults.
	Limits endpoint.Limits
}
