// Package endpoint is the HTTP face of a service: typed operations documented by OpenAPI 3.1, and one guard before all of
// them that knows who calls, what they may and how often, before the body is read.
package endpoint

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
)

// Options is what an API is made with. Service, Version and Authenticate are needed; the rest has a default.
type Options struct {
	// Service is the name of the service, which is also its audience.
	Service     string
	Version     string
	Description string
	Clock       func() time.Time
	Logger      *slog.Logger
	Traces      trace.TracerProvider
	Metrics     metric.MeterProvider

	// Authenticate gives the caller a bearer token speaks for; any error is answered 401 and logged.
	Authenticate func(ctx context.Context, token string) (principal.Principal, error)
	// Live says whether an authenticated caller's session, person and organisation still stand. A refusal it returns is
	// answered as such, any other error as 401.
	Live func(ctx context.Context, p principal.Principal) error
	// Enter gives the operation its context once the caller may proceed.
	Enter func(ctx context.Context, call Call) context.Context
	// WaitFor returns once this service's views have reached position, with the position they have reached. Its context
	// ends after ViewWait; an error is then answered 503 view_behind.
	WaitFor func(ctx context.Context, position uint64) (reached uint64, err error)
	// Refused is told of every refusal by a rule of a command of an authenticated caller.
	Refused func(ctx context.Context, call Call, refusal *problem.Error)

	// Refusals says how plain errors of operations are answered, beside those that are refusals themselves.
	Refusals problem.Map
	// Limits hold for each caller over all operations.
	Limits Limits
	// LimitFactor multiplies every limit, also those of operations; 0 means 1. For load tests.
	LimitFactor int
	// Totals shares what is counted against limits with the other instances; nil for a single one.
	Totals Totals
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// StepUpAge is how long a second factor stays fresh; 5 minutes by default.
	StepUpAge time.Duration
}

const (
	// ViewWait is the longest a read waits for its views.
	ViewWait = 2 * time.Second
	// DefaultStepUpAge is how long a second factor stays fresh.
	DefaultStepUpAge = 5 * time.Minute
	// DefaultMaxBody bounds a request body in bytes, unless the operation says otherwise.
	DefaultMaxBody = 256 << 10
	// DefaultTimeout bounds an operation in time, unless the operation says otherwise.
	DefaultTimeout = 15 * time.Second
	// MaxHeader bounds all header fields of a request together, in bytes.
	MaxHeader = 16 << 10

	maxURI          = 8 << 10
	bodyReadTimeout = 10 * time.Second
)

// API is a service's operations behind one guard. Declare all operations before serving.
type API struct {
	options Options
	mux     *http.ServeMux
	huma    huma.API
	limiter *limiter
	meters  meters
	tracer  trace.Tracer
	handler func() http.Handler
}

// New makes an API without operations.
func New(o Options) *API {
	problem.Install()
	if o.Service == "" || o.Authenticate == nil {
		panic("endpoint: an API needs the name of its service and a way to authenticate")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Traces == nil {
		o.Traces = tracenoop.NewTracerProvider()
	}
	if o.Metrics == nil {
		o.Metrics = metricnoop.NewMeterProvider()
	}
	if o.StepUpAge == 0 {
		o.StepUpAge = DefaultStepUpAge
	}
	o.Limits = o.Limits.orDefault(defaultLimits)
	mux := http.NewServeMux()
	api := &API{
		options: o, mux: mux, limiter: newLimiter(o.Clock, o.Totals, max(o.LimitFactor, 1)), meters: newMeters(o.Metrics),
		tracer: o.Traces.Tracer("github.com/chancery-dev/chancery/libs/endpoint"),
	}
	api.limiter.know("", o.Limits)
	api.handler = sync.OnceValue(api.finish)
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: huma.DefaultJSONFormat.Unmarshal}
	api.huma = humago.New(mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Chancery " + o.Service, Version: o.Version, Description: o.Description},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"session": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "One-minute token the portal signs for a session."},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
	})
	return api
}

// Service is the name of the service whose API this is.
func (a *API) Service() string { return a.options.Service }

// Refusals adds to how plain errors of operations are answered.
func (a *API) Refusals(m problem.Map) {
	a.options.Refusals = problem.Merge(a.options.Refusals, m)
}

// OpenAPI is the OpenAPI 3.1 document of all operations declared so far, in JSON.
func (a *API) OpenAPI() ([]byte, error) { return a.huma.OpenAPI().MarshalJSON() }
