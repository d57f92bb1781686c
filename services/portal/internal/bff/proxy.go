package bff

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/portal/internal/browser"
)

const (
	handoffHeader = "Chancery-Handoff"
	endsHeader    = "Chancery-Session-Ends"
)

// passage is what a proxied request carries through the proxy.
type passage struct {
	path    string
	token   string           // empty for a caller without a session
	session *browser.Session // nil without one
	cookies bool             // the sign-in pages keep cookies of their own
	handoff func(code string, w http.Header) error
}

type passageKey struct{}

func passageOf(ctx context.Context) passage {
	p, _ := ctx.Value(passageKey{}).(passage)
	return p
}

// pass sends a request on to a service.
func (b *BFF) pass(w http.ResponseWriter, r *http.Request, service string, p passage) {
	ctx, span := b.Tracer.Start(propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header)), r.Method+" "+service,
		trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	b.proxies[service].ServeHTTP(w, r.WithContext(context.WithValue(ctx, passageKey{}, p)))
}

func (b *BFF) proxy(service string, to *url.URL, transport http.RoundTripper) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) { b.rewrite(r, to) },
		ModifyResponse: func(r *http.Response) error {
			p := passageOf(r.Request.Context())
			return b.answered(r, p)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			var refusal *problem.Error
			var large *http.MaxBytesError
			switch {
			case errors.As(err, &refusal):
			case errors.As(err, &large):
				err = problem.New(problem.TooLarge, "too_large", "The request body is larger than allowed.")
			case r.Context().Err() != nil:
				return // nobody waits for an answer any more
			default:
				b.Logger.ErrorContext(r.Context(), "a service does not answer", "service", service, "error", err)
				err = errAway
			}
			b.refuse(w, r, err)
		},
	}
}

func (b *BFF) rewrite(r *httputil.ProxyRequest, to *url.URL) {
	p := passageOf(r.In.Context())
	r.SetURL(to)
	r.Out.URL.Path, r.Out.URL.RawPath, r.Out.Host = p.path, "", to.Host
	h := r.Out.Header
	if b.trusted(r.In.RemoteAddr) {
		h["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	}
	r.SetXForwarded()
	propagation.TraceContext{}.Inject(r.In.Context(), propagation.HeaderCarrier(h))
	h.Del(endsHeader)
	h.Del(handoffHeader)
	h.Del("Client-Cert") // RFC 9440: believed from proxies that set it, which this one does not
	b.hideCookies(h, p.cookies)
	switch {
	case p.token != "":
		h.Set("Authorization", "Bearer "+p.token)
	case p.cookies || internal(h.Values("Authorization")):
		h.Del("Authorization")
	}
	if p.session == nil {
		return
	}
	h.Set(endsHeader, b.ends(*p.session))
	if p.session.Position > shown(h) {
		h.Set(endpoint.PositionHeader, strconv.FormatUint(p.session.Position, 10))
	}
}

// shown is the position the caller names itself; what is no position is left for the service to refuse.
func shown(h http.Header) uint64 {
	values := h.Values(endpoint.PositionHeader)
	if len(values) == 0 {
		return 0
	}
	n, err := strconv.ParseUint(values[0], 10, 64)
	if err != nil || len(values) > 1 {
		return ^uint64(0)
	}
	return n
}

// hideCookies passes on the cookies of the sign-in pages, and never the one that stands for the session.
func (b *BFF) hideCookies(h http.Header, keep bool) {
	cookies, _ := http.ParseCookie(strings.Join(h.Values("Cookie"), "; "))
	h.Del("Cookie")
	if !keep {
		return
	}
	for _, c := range cookies {
		if c.Name != b.cookieName() {
			h.Add("Cookie", c.String())
		}
	}
}

// internal recognises a token of the kind that only the portal may send on.
func internal(authorization []string) bool {
	for _, a := range authorization {
		_, token, _ := strings.Cut(a, " ")
		head, _, _ := strings.Cut(token, ".")
		raw, err := base64.RawURLEncoding.DecodeString(head)
		var header struct {
			Type string `json:"typ"`
		}
		if err == nil && json.Unmarshal(raw, &header) == nil && strings.Contains(strings.ToLower(header.Type), "internal") {
			return true
		}
	}
	return false
}

func (b *BFF) trusted(remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, network := range b.TrustedProxies {
		if network.Contains(at.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// answered looks at a service's answer before the browser does.
func (b *BFF) answered(r *http.Response, p passage) error {
	ctx, h := r.Request.Context(), r.Header
	code := h.Get(handoffHeader)
	h.Del(handoffHeader)
	for _, own := range []string{"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy",
		"Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", endpoint.RequestIDHeader} {
		h.Del(own) // set already, once
	}
	if !p.cookies {
		h.Del("Set-Cookie")
	}
	if code != "" && p.handoff != nil {
		return p.handoff(code, h)
	}
	if p.session != nil && r.Request.Method != http.MethodGet && r.Request.Method != http.MethodHead && r.StatusCode < 300 {
		b.reached(ctx, p.session, h.Get(endpoint.PositionHeader))
	}
	if r.StatusCode == http.StatusForbidden && strings.HasPrefix(h.Get("Content-Type"), problem.ContentType) {
		return stepUp(r)
	}
	return nil
}

// reached keeps the position a command was answered with, and holds the answer back until it is folded here: once somebody is
// told that a person is locked, the portal lets that person do nothing more.
func (b *BFF) reached(ctx context.Context, s *browser.Session, header string) {
	position, err := strconv.ParseUint(header, 10, 64)
	if err != nil {
		return
	}
	if err := b.waitFor(ctx, position); err != nil {
		b.Logger.WarnContext(ctx, "the fold lags behind a command", "error", err)
	}
	if position <= s.Position {
		return
	}
	if err := b.Sessions.Reached(ctx, s.Cookie, position); err != nil {
		// The browser has the position too, and sends it.
		b.Logger.WarnContext(ctx, "a position was not kept", "error", err)
	}
}

// stepUp tells a browser where to confirm with a second factor, where that is what was missing (RFC 9470 §3).
func stepUp(r *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return err
	}
	_ = r.Body.Close()
	var document map[string]any
	if json.Unmarshal(raw, &document) == nil && document["code"] == "step_up_required" {
		document["status"], document["step_up_url"] = http.StatusUnauthorized, "/auth/step-up"
		if raw, err = json.Marshal(document); err != nil {
			return err
		}
		r.StatusCode, r.Status = http.StatusUnauthorized, ""
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	r.Header.Set("Content-Length", strconv.Itoa(len(raw)))
	return nil
}
