package doors

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/jws"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// refusal is an answer made ready.
type refusal struct {
	status                           int
	body                             []byte
	line, authenticate, retry, nonce []string
}

func made(title string, e *problem.Error, authenticate string) *refusal {
	document := problem.Document(e, "")
	document.Title = title
	body, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	r := &refusal{status: document.GetStatus(), body: append(body, '\n'), line: []string{string(body)}}
	if authenticate != "" {
		r.authenticate = []string{authenticate}
	}
	if after := document.GetHeaders().Get("Retry-After"); after != "" {
		r.retry = []string{after}
	}
	return r
}

var (
	contentType = []string{problem.ContentType}
	noStore     = []string{"no-store"}
)

// write sets the headers of the answer.
func (r *refusal) write(h http.Header) {
	h["Content-Type"] = contentType
	h["Cache-Control"] = noStore
	h[Problem] = r.line
	if r.authenticate != nil {
		h["Www-Authenticate"] = r.authenticate
	}
	if r.retry != nil {
		h["Retry-After"] = r.retry
	}
	if r.nonce != nil {
		h["Dpop-Nonce"] = r.nonce
	}
}

// answer is the refusal over HTTP. Where the gateway does not pass 429 on, it is told 403 and, beside it, what to say.
func (r *refusal) answer(w http.ResponseWriter, relays bool) {
	r.write(w.Header())
	status := r.status
	if !relays && status == http.StatusTooManyRequests {
		w.Header()[Status] = []string{strconv.Itoa(status)}
		status = http.StatusForbidden
	}
	w.WriteHeader(status)
	_, _ = w.Write(r.body)
}

// refusals are those of one authorizer.
type refusals struct {
	// credential is the answer whatever is wrong with a credential, the same byte for byte.
	credential, operation, environment, stale *refusal
	needsNonce                                refusal
	nonce                                     func() string
}

func newRefusals(o Options) refusals {
	challenge := `Bearer realm="api"`
	if o.Metadata != "" {
		challenge += `, resource_metadata="` + o.Metadata + `"`
	}
	refused := problem.New(problem.Unauthenticated, "credential_refused", "No usable credential was presented.")
	r := refusals{
		operation:   made("Not allowed", problem.New(problem.Forbidden, "operation_unknown", "The credential opens no such operation."), ""),
		environment: made("Not allowed", problem.New(problem.Forbidden, "environment_mismatch", "The credential is for another environment."), ""),
		stale: made("Not available", problem.New(problem.Unavailable, "authorizer_behind",
			"It is not certain that everything the call must be judged by has arrived here.").RetryAfter(time.Second), ""),
	}
	if o.Authorizer.Proofs != nil {
		proof := `DPoP algs="` + strings.Join(jws.Algorithms, " ") + `"` // RFC 9449 §7.1
		challenge += ", " + proof
		r.needsNonce = *made("The credential is refused", refused, proof+`, error="use_dpop_nonce"`)
		r.nonce = o.Authorizer.Proofs.Nonce
	}
	r.credential = made("The credential is refused", refused, challenge)
	return r
}

func (r *refusals) of(v *verdict.Verdict) *refusal {
	switch v.Reason {
	case verdict.ScopeMissing:
		return made("Not allowed", problem.New(problem.Forbidden, "scope_missing", "needs "+v.Scope), `Bearer error="insufficient_scope", scope="`+v.Scope+`"`)
	case verdict.NoOperation, verdict.ProductMismatch, verdict.ProductWithdrawn, verdict.NotRolledOut:
		return r.operation
	case verdict.EnvironmentMismatch:
		return r.environment
	case verdict.Stale:
		return r.stale
	case verdict.QuotaExceeded:
		return exceeded(v)
	case verdict.NonceNeeded:
		needs := r.needsNonce
		needs.nonce = []string{r.nonce()}
		return &needs
	}
	return r.credential
}
