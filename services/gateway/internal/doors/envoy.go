package doors

import (
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/services/gateway/internal/certificate"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// envoyed takes apart the target of a question by Envoy's ext_authz filter over HTTP, whose path prefix names the
// environment before the path of the call.
func envoyed(target string) (environment, rest string, ok bool) {
	for _, environment := range []string{"sandbox", "production"} {
		if prefix := "/envoy/" + environment; strings.HasPrefix(target, prefix+"/") {
			return environment, target[len(prefix):], true
		}
	}
	return "", "", false
}

// envoy answers Envoy's ext_authz filter over HTTP: method, host and path are those of the call, the client's headers are
// those that the filter's configuration passes on. The filter takes 200 alone for a yes.
func (d *Doors) envoy(w http.ResponseWriter, r *http.Request, environment, target string) {
	q := memory.Get().(*asked)
	defer memory.Put(q)
	h := r.Header
	q.request = verdict.Request{
		Method: r.Method, Target: target, Environment: environment, Host: r.Host, Authorization: h["Authorization"], APIKey: h["X-Api-Key"],
		Proof: h["Dpop"], Overridden: overridden(h),
	}
	if scheme := h["X-Forwarded-Proto"]; len(scheme) == 1 {
		q.request.Scheme = scheme[0]
	}
	if c := h["X-Forwarded-Client-Cert"]; len(c) == 1 {
		q.request.Certificate = certificate.In(certificate.XFCC, c[0])
	}
	d.answer(w, q, d.judge(r.Context(), q, address(r, "X-Forwarded-For")), http.StatusOK, true)
}
