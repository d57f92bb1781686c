// Package doors are the HTTP endpoints that API gateways ask before they let a call pass. Each kind of gateway has a door
// of its own that reads the headers this gateway sets and no other's, because clients may send those.
package doors

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// Doors answers gateways.
type Doors struct {
	Authorizer *verdict.Authorizer
	// Environment is that of /verify, which names none itself.
	Environment string
	// Count takes note of every verdict.
	Count func(v *verdict.Verdict, network string)
	// Decision is the id of a verdict, which every answer carries.
	Decision func(v *verdict.Verdict) string

	contexts contexts
}

// proxy says where one kind of gateway puts what it was asked.
type proxy struct{ method, target, address string }

var (
	// nginx sets all three by proxy_set_header in the location of the subrequest.
	nginx = proxy{"X-Original-Method", "X-Original-Uri", "X-Original-Address"}
	// Caddy's forward_auth and Traefik's forwardAuth replace what the client sent under these names.
	forwarded = proxy{"X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-For"}
)

// door is one endpoint: whose headers it reads and what it stands before.
type door struct {
	proxy       proxy
	environment string
}

// Handler serves /verify for nginx in the environment of its own, and /nginx/, /caddy/, /traefik/, /kong/ and /envoy/ followed
// by sandbox or production; after the last the path of the call itself follows.
func (d *Doors) Handler() http.Handler {
	all := map[string]door{"/verify": {nginx, d.Environment}}
	for name, p := range map[string]proxy{"nginx": nginx, "kong": nginx, "caddy": forwarded, "traefik": forwarded} {
		for _, environment := range []string{"sandbox", "production"} {
			all["/"+name+"/"+environment] = door{p, environment}
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if door, ok := all[r.URL.Path]; ok {
			d.ask(w, r, &door)
			return
		}
		if environment, target, ok := envoyed(r.RequestURI); ok {
			d.envoy(w, r, environment, target)
			return
		}
		problem.Write(w, problem.New(problem.NotFound, "not_found", "There is no such door."), "")
	})
}

// asked is what one question needs.
type asked struct {
	request verdict.Request
	verdict verdict.Verdict
	// decision is the id of the verdict.
	decision string
}

var memory = sync.Pool{New: func() any { return new(asked) }}

func (d *Doors) ask(w http.ResponseWriter, r *http.Request, at *door) {
	q := memory.Get().(*asked)
	defer memory.Put(q)
	h := r.Header
	q.request = verdict.Request{
		Environment: at.environment, Authorization: h["Authorization"], APIKey: h["X-Api-Key"], Overridden: overridden(h),
	}
	method, target := h[at.proxy.method], h[at.proxy.target]
	if len(method) == 1 && len(target) == 1 {
		q.request.Method, q.request.Target = method[0], target[0]
	}
	d.judge(r.Context(), q, address(r, at.proxy))
	w.Header()[decision.Header] = []string{q.decision}
	if Pass(w, &q.verdict) {
		w.Header()[Context] = d.contexts.of(&q.verdict)
		w.WriteHeader(http.StatusNoContent)
	}
}

// judge asks the authorizer, takes note of the verdict and gives it an id.
func (d *Doors) judge(ctx context.Context, q *asked, address string) {
	d.Authorizer.Judge(ctx, &q.request, &q.verdict)
	network := ""
	if !q.verdict.Allowed() {
		network = Network(address)
	}
	d.Count(&q.verdict, network)
	q.decision = d.Decision(&q.verdict)
}

// RequestOf is a call that arrived here itself.
func RequestOf(r *http.Request, environment string) verdict.Request {
	return verdict.Request{
		Method: r.Method, Target: r.RequestURI, Environment: environment, Authorization: r.Header["Authorization"], APIKey: r.Header["X-Api-Key"],
		Overridden: overridden(r.Header), Network: Network(r.RemoteAddr),
	}
}

// overridden finds a header by which some frameworks replace the method.
func overridden(h http.Header) bool {
	return h["X-Http-Method-Override"] != nil || h["X-Http-Method"] != nil || h["X-Method-Override"] != nil
}

func address(r *http.Request, p proxy) string {
	if values := r.Header[p.address]; len(values) > 0 {
		// The last one is what the gateway itself saw.
		all := values[len(values)-1]
		return strings.TrimSpace(all[strings.LastIndexByte(all, ',')+1:])
	}
	return r.RemoteAddr
}

// Network is the network of an address as it is recorded: /24 of IPv4, /48 of IPv6, empty for what is no address.
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		with, err := netip.ParseAddrPort(address)
		if err != nil {
			return ""
		}
		a = with.Addr()
	}
	bits := 48
	if a = a.Unmap().WithZone(""); a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// Headers of an answer.
const (
	// Context tells the upstream who calls: a dictionary of RFC 9651.
	Context = "Chancery-Context"
	// Problem is the problem document in one line, for gateways that cannot pass a body on.
	Problem = "Chancery-Problem"
)

// Pass says whether the call may pass; if not, it has been answered. That a version is deprecated is told in the headers.
func Pass(w http.ResponseWriter, v *verdict.Verdict) bool {
	if v.Allowed() {
		deprecation(w.Header(), v.Operation)
		return true
	}
	r := refusalOf(v)
	r.write(w.Header())
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body)
	return false
}

// deprecation tells that a version will end.
func deprecation(h http.Header, o *contract.Operation) {
	if !o.Deprecated.IsZero() {
		h["Deprecation"] = []string{"@" + strconv.FormatInt(o.Deprecated.Unix(), 10)} // RFC 9745 §2.1
		h["Sunset"] = []string{o.Sunset.UTC().Format(http.TimeFormat)}                // RFC 8594 §3
	}
}
