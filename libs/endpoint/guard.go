package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	kit "github.com/go-kit/kit/endpoint"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
)

// exchange is one request on its way through the guard: the request type of every go-kit middleware here.
type exchange struct {
	op      *declared
	w       *writer
	r       *http.Request
	call    *Call
	begun   time.Time
	serve   func(context.Context) error
	failure error
}

// smallBody is what a refused request may still send without losing its connection.
const smallBody = 4 << 10

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// guard is the one chain before every operation. Nothing here reads the body.
func (d *declared) guard() kit.Endpoint {
	return kit.Chain(
		d.trace,
		d.measure,
		d.log,
		d.survive,
		d.limitAddress,
		d.authenticate,
		d.authorize,
		d.limitCaller,
	)(d.enter)
}

func (d *declared) handle(w http.ResponseWriter, r *http.Request, serve func(context.Context) error) {
	out, ok := w.(*writer)
	if !ok {
		out = &writer{ResponseWriter: w}
	}
	ctx := r.Context()
	if !d.Stream {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.timeout)
		defer cancel()
	}
	x := &exchange{op: d, w: out, r: r, serve: serve, begun: d.api.options.Clock()}
	x.call = d.newCall(ctx, r)
	ctx = context.WithValue(ctx, exchangeKey{}, x)
	controller := http.NewResponseController(w)
	if d.Stream {
		_ = controller.SetWriteDeadline(time.Time{})
	} else {
		_ = controller.SetWriteDeadline(time.Now().Add(d.timeout + bodyReadTimeout))
	}
	if _, err := d.chain(ctx, x); err != nil && !out.wrote {
		if r.ContentLength < 0 || r.ContentLength > smallBody {
			// net/http would otherwise wait for a body that nobody is going to read before it answers.
			out.Header().Set("Connection", "close")
		}
		d.fail(out, r, err)
	}
}

// survive makes a panic of an operation, or of what the guard asks, an internal error.
func (d *declared) survive(next kit.Endpoint) kit.Endpoint {
	return func(ctx context.Context, request any) (response any, err error) {
		x := request.(*exchange)
		defer func() {
			switch p := recover(); {
			case p == nil:
			case p == http.ErrAbortHandler:
				panic(p)
			default:
				err = fmt.Errorf("panic in %s: %v\n%s", d.name, p, debug.Stack())
				if x.w.wrote {
					// The answer is half out: only breaking the connection tells the caller.
					d.api.options.Logger.ErrorContext(ctx, "request failed after its answer began", "error", err)
					panic(http.ErrAbortHandler)
				}
			}
		}()
		return next(ctx, request)
	}
}

// enter is the innermost endpoint: the operation itself.
func (d *declared) enter(ctx context.Context, request any) (any, error) {
	x := request.(*exchange)
	ctx = context.WithValue(ctx, callKey{}, *x.call)
	if d.api.options.Enter != nil {
		ctx = d.api.options.Enter(ctx, *x.call)
	}
	if err := x.serve(ctx); err != nil {
		return nil, err
	}
	if x.failure != nil {
		var refusal *problem.Error
		if errors.As(x.failure, &refusal) {
			d.tellRefused(ctx, x, refusal)
		}
	}
	return nil, x.failure
}

func (d *declared) tellRefused(ctx context.Context, x *exchange, refusal *problem.Error) {
	if d.api.options.Refused == nil || x.call.Principal.ID == "" || isRead(x.r) {
		return
	}
	switch refusal.Kind() {
	case problem.Forbidden, problem.Conflict, problem.Gone, problem.NotFound, problem.TooMany:
		d.api.options.Refused(ctx, *x.call, refusal)
	}
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

var (
	errUnauthenticated = problem.New(problem.Unauthenticated, "unauthenticated", "A session is needed.")
	errKind            = problem.New(problem.Forbidden, "wrong_kind", "Callers of this kind cannot do this.")
	errRole            = problem.New(problem.Forbidden, "role_missing", "None of your roles allows this.")
	errStepUp          = problem.New(problem.Forbidden, "step_up_required", "This needs a second factor confirmed within the last minutes.")
	errViewBehind      = problem.New(problem.Unavailable, "view_behind", "The view has not yet reached what you were shown; try again.").RetryAfter(time.Second)
	errTimedOut        = problem.New(problem.TimedOut, "timed_out", "The operation took longer than it may.")
	errTooLarge        = problem.New(problem.TooLarge, "too_large", "The request body is larger than allowed.")
)

func (d *declared) authenticate(next kit.Endpoint) kit.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		x := request.(*exchange)
		token, err := bearer(x.r)
		switch {
		case err != nil:
			return nil, err
		case token == "" && d.permission.IsPublic():
			return next(ctx, request)
		case token == "":
			return nil, errUnauthenticated
		case d.permission.IsPublic():
			// A public door may carry a client's own credential; it is the handler's to judge.
			return next(ctx, request)
		}
		p, err := d.api.options.Authenticate(ctx, token)
		if err != nil {
			return nil, errUnauthenticated.Because(err)
		}
		if d.api.options.Live != nil {
			if err := d.api.options.Live(ctx, p); err != nil {
				var refusal *problem.Error
				if errors.As(err, &refusal) {
					return nil, err
				}
				return nil, errUnauthenticated.Because(err)
			}
		}
		x.call.identify(p)
		return next(principal.With(ctx, p), request)
	}
}

func (d *declared) authorize(next kit.Endpoint) kit.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		x := request.(*exchange)
		p := x.call.Principal
		switch {
		case d.permission.IsPublic():
		case !d.permission.AllowsKind(p.Kind):
			return nil, d.refused(ctx, x, errKind)
		case !d.permission.AllowsRoles(p):
			return nil, d.refused(ctx, x, errRole)
		}
		if err := d.waitForViews(ctx, x); err != nil {
			return nil, err
		}
		if d.Object != nil {
			if err := d.reach(ctx, p, x.r.PathValue(d.ObjectParameter)); err != nil {
				var refusal *problem.Error
				if errors.As(err, &refusal) {
					d.tellRefused(ctx, x, refusal)
				}
				return nil, err
			}
		}
		if d.permission.StepUp && p.Kind == principal.Person && !d.api.options.Clock().Before(p.FreshUntil(d.api.options.StepUpAge)) {
			challenge := fmt.Sprintf(`Bearer error="insufficient_user_authentication", max_age=%d`, int(d.api.options.StepUpAge.Seconds()))
			return nil, d.refused(ctx, x, errStepUp.Header("WWW-Authenticate", challenge)) // RFC 9470 §3
		}
		return next(ctx, request)
	}
}

func (d *declared) refused(ctx context.Context, x *exchange, refusal *problem.Error) error {
	d.tellRefused(ctx, x, refusal)
	return refusal
}

// reach answers alike whatever is not within it, so that a foreign object cannot be told from a missing one.
func (d *declared) reach(ctx context.Context, p principal.Principal, id string) error {
	if !plainText(id) {
		return problem.NotFoundError()
	}
	err := d.refuse(ctx, d.Object(ctx, p, id))
	var refusal *problem.Error
	if err == nil || !errors.As(err, &refusal) {
		return err
	}
	switch refusal.Kind() {
	case problem.Internal, problem.Unavailable, problem.TimedOut, problem.TooMany:
		return err
	}
	return problem.NotFoundError().Because(err)
}

func (d *declared) waitForViews(ctx context.Context, x *exchange) error {
	if x.call.shownErr != nil {
		return x.call.shownErr
	}
	// Who is nobody waits for nothing.
	if !isRead(x.r) || d.api.options.WaitFor == nil || d.permission.IsPublic() {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, ViewWait)
	defer cancel()
	reached, err := d.api.options.WaitFor(waiting, x.call.position)
	if err != nil {
		return errViewBehind.Because(err)
	}
	x.w.Header().Set(PositionHeader, formatPosition(reached))
	return nil
}
