package endpoint

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"

	kit "github.com/go-kit/kit/endpoint"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-dev/chancery/libs/problem"
)

var propagator = propagation.TraceContext{}

func (d *declared) trace(next kit.Endpoint) kit.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		x := request.(*exchange)
		ctx = propagator.Extract(ctx, propagation.HeaderCarrier(x.r.Header))
		ctx, span := d.api.tracer.Start(ctx, d.name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", x.r.Method), attribute.String("http.route", d.Path),
			attribute.String("chancery.request_id", x.call.RequestID)))
		defer span.End()
		if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
			x.call.CorrelationID = id.String()
		} else {
			var random [16]byte
			_, _ = rand.Read(random[:])
			x.call.CorrelationID = hex.EncodeToString(random[:])
		}
		response, err := next(ctx, request)
		status := x.status(err)
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if x.call.Principal.ID != "" {
			span.SetAttributes(attribute.String("chancery.principal.kind", string(x.call.Principal.Kind)))
		}
		if status >= 500 {
			span.SetStatus(codes.Error, problem.As(err).Code())
		}
		return response, err
	}
}

// status is what the request is, or is about to be, answered with.
func (x *exchange) status(err error) int {
	switch {
	case x.w.wrote:
		return x.w.status
	case err != nil:
		return problem.As(err).Kind().Status()
	}
	return http.StatusOK
}

type meters struct {
	duration metric.Float64Histogram
	inFlight metric.Int64UpDownCounter
}

func newMeters(p metric.MeterProvider) meters {
	m := p.Meter("github.com/chancery-dev/chancery/libs/endpoint")
	duration, err1 := m.Float64Histogram("http.server.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of requests, from the guard's first step to the last byte."),
		metric.WithExplicitBucketBoundaries(.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10))
	inFlight, err2 := m.Int64UpDownCounter("http.server.active_requests", metric.WithUnit("{request}"),
		metric.WithDescription("Requests under way."))
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	return meters{duration: duration, inFlight: inFlight}
}

func (d *declared) measure(next kit.Endpoint) kit.Endpoint {
	route := []attribute.KeyValue{
		attribute.String("http.request.method", d.Method), attribute.String("http.route", d.Path),
	}
	active := metric.WithAttributeSet(attribute.NewSet(route...))
	return func(ctx context.Context, request any) (any, error) {
		x := request.(*exchange)
		d.api.meters.inFlight.Add(ctx, 1, active)
		defer d.api.meters.inFlight.Add(ctx, -1, active)
		response, err := next(ctx, request)
		attributes := append(route[:2:2], attribute.Int("http.response.status_code", x.status(err)))
		if err != nil {
			attributes = append(attributes, attribute.String("error.type", problem.As(err).Code()))
		}
		d.api.meters.duration.Record(ctx, d.api.options.Clock().Sub(x.begun).Seconds(), metric.WithAttributes(attributes...))
		return response, err
	}
}

// log writes one line a request: no query, no header, no body, of a failure its whole text.
func (d *declared) log(next kit.Endpoint) kit.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		x := request.(*exchange)
		response, err := next(ctx, request)
		status, level := x.status(err), slog.LevelInfo
		attributes := []slog.Attr{
			slog.String("operation", d.name), slog.Int("status", status),
			slog.Duration("took", d.api.options.Clock().Sub(x.begun)), slog.String("request_id", x.call.RequestID),
			slog.String("trace_id", x.call.CorrelationID),
		}
		if p := x.call.Principal; p.ID != "" {
			attributes = append(attributes, slog.String("principal", p.ID), slog.String("kind", string(p.Kind)), slog.String("organization", p.Organization))
		}
		if err != nil {
			attributes = append(attributes, slog.String("code", problem.As(err).Code()))
			if status == http.StatusUnauthorized || status >= 500 {
				attributes = append(attributes, slog.String("error", err.Error()))
			}
		}
		if status >= 500 {
			level = slog.LevelError
		}
		d.api.options.Logger.LogAttrs(ctx, level, "request", attributes...)
		return response, err
	}
}
