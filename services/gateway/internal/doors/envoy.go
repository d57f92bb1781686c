package doors

import (
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
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
	q.request = verdict.Request{
		Method: r.Method, Target: target, Environment: environment, Authorization: r.Header["Authorization"], APIKey: r.Header["X-Api-Key"],
		Overridden: overridden(r.Header),
	}
	d.judge(r.Context(), q, address(r, forwarded))
	w.Header()[decision.Header] = []string{q.decision}
	if Pass(w, &q.verdict) {
		w.Header()[Context] = d.contexts.of(&q.verdict)
		w.WriteHeader(http.StatusOK)
	}
}
