package doors

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// refusal is an answer made ready.
type refusal struct {
	status                    int
	body                      []byte
	line, authenticate, retry []string
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
}

var (
	contentType = []string{problem.ContentType}
	noStore     = []string{"no-store"}
)

var (
	// Whatever is wrong with a credential, the answer is the same byte for byte.
	credentialRefused = made("The credential is refused", problem.New(problem.Unauthenticated, "credential_refused", "No usable credential was presented."), `Bearer realm="api"`)
	operationUnknown  = made("Not allowed", problem.New(problem.Forbidden, "operation_unknown", "The credential opens no such operation."), "")
	environmentWrong  = made("Not allowed", problem.New(problem.Forbidden, "environment_mismatch", "The credential is for another environment."), "")
	stale             = made("Not available", problem.New(problem.Unavailable, "authorizer_behind", "It is not certain that everything the call must be judged by has arrived here.").RetryAfter(time.Second), "")
)

func refusalOf(v *verdict.Verdict) *refusal {
	switch v.Reason {
	case verdict.ScopeMissing:
		return made("Not allowed", problem.New(problem.Forbidden, "scope_missing", "needs "+v.Scope), `Bearer error="insufficient_scope", scope="`+v.Scope+`"`)
	case verdict.NoOperation, verdict.ProductMismatch, verdict.ProductWithdrawn:
		return operationUnknown
	case verdict.EnvironmentMismatch:
		return environmentWrong
	case verdict.Stale:
		return stale
	}
	return credentialRefused
}
