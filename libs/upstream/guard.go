package upstream

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/libs/problem"
)

type contextKey struct{}

// From is the context of a call behind Guard.
func From(ctx context.Context) (Context, bool) {
	c, ok := ctx.Value(contextKey{}).(Context)
	return c, ok
}

var (
	errUnsigned = problem.New(problem.Unauthenticated, "context_refused", "The call did not come through the gateway.")
	errScope    = problem.New(problem.Forbidden, "scope_missing", "The call may not do this.")
)

// Guard lets only calls reach next whose context is good, and that may do what every one of the scopes allows.
func (v Verifier) Guard(next http.Handler, scopes ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := v.Verify(r)
		if err == nil && !c.Has(scopes...) {
			err = errScope.Saying("needs " + strings.Join(scopes, " "))
		} else if errors.Is(err, ErrContext) {
			err = errUnsigned.Because(err)
		}
		if err != nil {
			problem.Write(w, err, "")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, c)))
	})
}
