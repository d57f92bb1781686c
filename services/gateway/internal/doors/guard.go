package doors

import (
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/libs/upstream"
	"github.com/chancery-dev/chancery/services/gateway/internal/certificate"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// Guard lets only calls pass that may, and tells next who calls; what clients say of that themselves is taken away.
func (d *Doors) Guard(environment string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := memory.Get().(*asked)
		defer memory.Put(q)
		q.request = RequestOf(r, environment)
		refused := d.judge(r.Context(), q, r.RemoteAddr)
		w.Header()[decision.Header] = []string{q.decision}
		if refused != nil {
			refused.answer(w, true)
			return
		}
		deprecation(w.Header(), q.verdict.Operation)
		for name := range r.Header {
			if strings.HasPrefix(name, "Chancery-") {
				delete(r.Header, name)
			}
		}
		for _, secret := range []string{"Authorization", "X-Api-Key", "Dpop"} {
			delete(r.Header, secret)
		}
		r.Header[upstream.Header] = q.context
		r.Header[decision.Header] = []string{q.decision}
		next.ServeHTTP(w, r)
	})
}

// RequestOf is a call that arrived here itself.
func RequestOf(r *http.Request, environment string) verdict.Request {
	q := verdict.Request{
		Method: r.Method, Target: r.RequestURI, Environment: environment, Scheme: "http", Host: r.Host, Authorization: r.Header["Authorization"],
		APIKey: r.Header["X-Api-Key"], Proof: r.Header["Dpop"], Overridden: overridden(r.Header), Network: Network(r.RemoteAddr),
	}
	if r.TLS != nil {
		q.Scheme = "https"
		if len(r.TLS.PeerCertificates) > 0 {
			q.Certificate = certificate.Of(r.TLS.PeerCertificates[0].Raw)
		}
	}
	return q
}
