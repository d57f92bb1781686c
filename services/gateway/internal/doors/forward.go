package doors

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/gateway/internal/certificate"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// proxy says where one kind of gateway puts what it was asked, under names in canonical form.
type proxy struct {
	method, target, scheme, host, address, certificate string
	form                                               certificate.Form
	// relays says that the gateway passes any status on to the client. nginx's auth_request knows 401 and 403 and makes 500
	// of all others.
	relays bool
}

var (
	// nginx sets all of them by proxy_set_header in the location of the subrequest.
	nginx = proxy{
		method: "X-Original-Method", target: "X-Original-Uri", scheme: "X-Original-Scheme", host: "X-Original-Host", address: "X-Original-Address",
		certificate: "X-Original-Client-Cert", form: certificate.EscapedPEM,
	}
	// kong sets the same names in its pre-function, and passes every answer on.
	kong = func() proxy { p := nginx; p.relays = true; return p }()
	// Caddy's forward_auth and Traefik's forwardAuth replace what the client sent under these names.
	caddy = proxy{
		method: "X-Forwarded-Method", target: "X-Forwarded-Uri", scheme: "X-Forwarded-Proto", host: "X-Forwarded-Host", address: "X-Forwarded-For",
		certificate: "X-Caddy-Client-Cert", form: certificate.Base64, relays: true,
	}
	traefik = proxy{
		method: "X-Forwarded-Method", target: "X-Forwarded-Uri", scheme: "X-Forwarded-Proto", host: "X-Forwarded-Host", address: "X-Forwarded-For",
		certificate: "X-Forwarded-Tls-Client-Cert", form: certificate.EscapedBase64, relays: true,
	}
)

// door is one endpoint: whose headers it reads and what it stands before.
type door struct {
	proxy       *proxy
	environment string
}

// Handler serves /verify for nginx in the environment of its own, and /nginx/, /caddy/, /traefik/, /kong/ and /envoy/ followed
// by sandbox or production; after the last the path of the call itself follows.
func (d *Doors) Handler() http.Handler {
	all := map[string]*door{"/verify": {&nginx, d.Environment}}
	for name, p := range map[string]*proxy{"nginx": &nginx, "kong": &kong, "caddy": &caddy, "traefik": &traefik} {
		for _, environment := range []string{"sandbox", "production"} {
			all["/"+name+"/"+environment] = &door{p, environment}
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if door := all[r.URL.Path]; door != nil {
			d.ask(w, r, door)
			return
		}
		if environment, target, ok := envoyed(r.RequestURI); ok {
			d.envoy(w, r, environment, target)
			return
		}
		if r.URL.Path == KeysPath && r.Method == http.MethodGet && d.Keys != nil {
			d.keys(w)
			return
		}
		problem.Write(w, problem.New(problem.NotFound, "not_found", "There is no such door."), "")
	})
}

// KeysPath is where upstreams find the keys of all authorizers.
const KeysPath = "/.well-known/jwks.json"

func (d *Doors) keys(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/jwk-set+json") // RFC 7517 §8.5.1
	w.Header().Set("Cache-Control", "public, max-age=60")
	_ = json.NewEncoder(w).Encode(d.Keys())
}

func (d *Doors) ask(w http.ResponseWriter, r *http.Request, at *door) {
	q := memory.Get().(*asked)
	defer memory.Put(q)
	h, p := r.Header, at.proxy
	q.request = verdict.Request{
		Environment: at.environment, Authorization: h["Authorization"], APIKey: h["X-Api-Key"], Proof: h["Dpop"], Overridden: overridden(h),
	}
	// Twice is never what the gateway said.
	method, target := h[p.method], h[p.target]
	if len(method) == 1 && len(target) == 1 {
		q.request.Method, q.request.Target = method[0], target[0]
	}
	scheme, host := h[p.scheme], h[p.host]
	if len(scheme) == 1 && len(host) == 1 {
		q.request.Scheme, q.request.Host = scheme[0], host[0]
	}
	if c := h[p.certificate]; len(c) == 1 {
		q.request.Certificate = certificate.In(p.form, c[0])
	}
	d.answer(w, q, d.judge(r.Context(), q, address(r, p.address)), http.StatusNoContent, p.relays)
}

// overridden finds a header by which some frameworks replace the method.
func overridden(h http.Header) bool {
	return h["X-Http-Method-Override"] != nil || h["X-Http-Method"] != nil || h["X-Method-Override"] != nil
}

// address is where the call came from as the gateway saw it.
func address(r *http.Request, header string) string {
	if values := r.Header[header]; len(values) > 0 {
		// The last one is what the gateway itself saw.
		all := values[len(values)-1]
		return strings.TrimSpace(all[strings.LastIndexByte(all, ',')+1:])
	}
	return r.RemoteAddr
}
