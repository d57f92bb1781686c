package service

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-dev/chancery/libs/problem"
)

// Telemetry is where traces and metrics go. Traces and pushed metrics are exported as the OTEL_ variables say, and not at
// all without them; metrics can always be scraped.
type Telemetry struct {
	Traces  trace.TracerProvider
	Metrics metric.MeterProvider
	// Scrape serves the metrics to Prometheus.
	Scrape http.Handler
	// Shutdown exports what is left.
	Shutdown func(context.Context) error
}

// NewTelemetry makes the providers of one service.
func NewTelemetry(ctx context.Context, name, version string) (*Telemetry, error) {
	about, err := resource.New(ctx, resource.WithFromEnv(), resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.namespace", "chancery"), attribute.String("service.name", name), attribute.String("service.version", version)))
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	scraped, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		return nil, err
	}
	metrics := []sdkmetric.Option{sdkmetric.WithResource(about), sdkmetric.WithReader(scraped)}
	traces := []sdktrace.TracerProviderOption{sdktrace.WithResource(about)}
	if os.Getenv("OTEL_SDK_DISABLED") != "true" {
		// Prometheus is served above; autoexport would open a second port for it.
		if e := os.Getenv("OTEL_METRICS_EXPORTER"); e != "" && e != "prometheus" {
			reader, err := autoexport.NewMetricReader(ctx)
			if err != nil {
				return nil, err
			}
			metrics = append(metrics, sdkmetric.WithReader(reader))
		}
		if os.Getenv("OTEL_TRACES_EXPORTER") != "" || os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" {
			exporter, err := autoexport.NewSpanExporter(ctx)
			if err != nil {
				return nil, err
			}
			if !autoexport.IsNoneSpanExporter(exporter) {
				traces = append(traces, sdktrace.WithBatcher(exporter))
			}
		}
	}
	meters, tracers := sdkmetric.NewMeterProvider(metrics...), sdktrace.NewTracerProvider(traces...)
	return &Telemetry{
		Traces: tracers, Metrics: meters,
		Scrape: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		Shutdown: func(ctx context.Context) error {
			return errors.Join(tracers.Shutdown(ctx), meters.Shutdown(ctx))
		},
	}, nil
}

// newLogger writes one line an entry, naming request and trace of the context.
func newLogger(c Config, name string) *slog.Logger {
	if c.Host.Logger != nil {
		return slog.New(contextual{c.Host.Logger.Handler()}).With("service", name)
	}
	options := &slog.HandlerOptions{Level: c.LogLevel}
	var h slog.Handler = slog.NewJSONHandler(os.Stderr, options)
	if c.LogFormat == "text" {
		h = slog.NewTextHandler(os.Stderr, options)
	}
	return slog.New(contextual{h}).With("service", name)
}

// contextual adds to a line what its context knows.
type contextual struct{ slog.Handler }

func (h contextual) Handle(ctx context.Context, r slog.Record) error {
	has := map[string]bool{}
	r.Attrs(func(a slog.Attr) bool { has[a.Key] = true; return true })
	if id := problem.RequestID(ctx); id != "" && !has["request_id"] {
		r.AddAttrs(slog.String("request_id", id))
	}
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() && !has["trace_id"] {
		r.AddAttrs(slog.String("trace_id", id.String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h contextual) WithAttrs(a []slog.Attr) slog.Handler { return contextual{h.Handler.WithAttrs(a)} }
func (h contextual) WithGroup(n string) slog.Handler      { return contextual{h.Handler.WithGroup(n)} }
