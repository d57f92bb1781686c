package endpoint

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
)

// Permission is what a caller must be for an operation.
type Permission = principal.Permission

// Public is the permission of operations that anybody may call without a session.
var Public = principal.Public

// Operation describes one operation of an API.
type Operation struct {
	Method string
	// Path as in http.ServeMux: "/v1/requests/{id}/reviews".
	Path        string
	Summary     string
	Description string
	// ID names the operation in the document; made of method and path if empty.
	ID string
	// Tag groups operations in the document.
	Tag string

	// Object says whether the object the path names is within the caller's reach: nil if it is, else
	// problem.NotFoundError, whether it does not exist or lies beyond. Any other plain error is a failure, not a refusal.
	// It is called before the body is read.
	Object func(ctx context.Context, p principal.Principal, id string) error
	// ObjectParameter is the path parameter that names the object; the first one if empty.
	ObjectParameter string
	// Reach says in words which objects are within reach.
	Reach string

	// Status is that of success; 200, or 204 for an answer without a body.
	Status int
	// MaxBody bounds the body in bytes; DefaultMaxBody if zero.
	MaxBody int64
	// Accept lists the media types of a raw body; application/json for a typed one.
	Accept []string
	// Timeout bounds the operation; DefaultTimeout if zero.
	Timeout time.Duration
	// Stream leaves the answer unbounded in time, for feeds.
	Stream bool
	// Limits hold for each caller of this operation, beside those over all operations.
	Limits Limits
}

// Func is a typed operation. Req is a struct of parameters by tag (path, query, header) and a Body; Resp is a struct of
// headers and a Body, most simply an Answer.
type Func[Req, Resp any] func(context.Context, Req) (Resp, error)

// Route declares a typed operation. The guard has let the caller through, and the request is valid, before f is called.
// A refusal f returns is answered as its problem document, any other error as internal, with its text in the log alone.
func Route[Req, Resp any](a *API, p Permission, op Operation, f Func[Req, Resp]) {
	d := a.declare(p, op)
	request := reflect.TypeFor[Req]()
	_, d.typedBody = request.FieldByName("Body")
	_, d.rawBody = request.FieldByName("RawBody")
	if d.rawBody && len(op.Accept) == 0 {
		panic("endpoint: " + d.name + " takes a raw body and accepts no media type")
	}
	described := d.describe()
	described.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		d.handle(w, r, func(c context.Context) error {
			if err := d.strict(w, r); err != nil {
				return err
			}
			next(huma.WithContext(ctx, c))
			return nil
		})
	}}
	huma.Register(a.huma, *described, func(ctx context.Context, in *Req) (*Resp, error) {
		out, err := f(ctx, *in)
		if err != nil {
			err = d.refuse(ctx, err)
			if x := exchangeOf(ctx); x != nil {
				x.failure = err
			}
			return nil, problem.Document(err, problem.RequestID(ctx))
		}
		fillLists(reflect.ValueOf(&out).Elem())
		return &out, nil
	})
	d.learnParameters(a.huma.OpenAPI())
}

// ErrorWriter answers a request that the guard refuses, in the error format of a door's own standard.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, err error)

// Raw declares an operation with a body format of its own (OAuth, SCIM, streams, tiles) behind the same guard. A nil
// ErrorWriter answers with problem documents. The handler bounds nothing itself: the body is already limited.
func Raw(a *API, p Permission, op Operation, h http.Handler, fail ErrorWriter) {
	d := a.declare(p, op)
	if fail != nil {
		d.fail = fail
	}
	described := d.describe()
	described.Path = strings.ReplaceAll(op.Path, "...}", "}")
	described.Responses = map[string]*huma.Response{"default": {Description: "See the standard this door follows."}}
	for _, m := range pathParameters(op.Path) {
		described.Parameters = append(described.Parameters, &huma.Param{Name: m, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
	}
	a.huma.OpenAPI().AddOperation(described)
	a.mux.HandleFunc(strings.ToUpper(op.Method)+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		d.handle(w, r, func(ctx context.Context) error {
			r := r.WithContext(ctx)
			if r.ContentLength > d.maxBody {
				return errTooLarge
			}
			r.Body = http.MaxBytesReader(w, r.Body, d.maxBody)
			h.ServeHTTP(w, r)
			return nil
		})
	})
}

// declared is an operation as the guard knows it.
type declared struct {
	Operation
	api        *API
	name       string
	permission Permission
	fail       ErrorWriter
	maxBody    int64
	timeout    time.Duration
	typedBody  bool
	rawBody    bool
	query      map[string]bool // parameter → may stand several times
	chain      func(context.Context, any) (any, error)
}

func (a *API) declare(p Permission, op Operation) *declared {
	d := &declared{Operation: op, api: a, permission: p, maxBody: op.MaxBody, timeout: op.Timeout}
	if p.Name == "" {
		panic("endpoint: " + op.Method + " " + op.Path + " has a permission without a name")
	}
	if p.IsPublic() && op.Object != nil {
		panic("endpoint: " + op.Method + " " + op.Path + " is public and has a reach")
	}
	if d.ID == "" {
		d.ID = operationID(op.Method, op.Path)
	}
	if d.maxBody == 0 {
		d.maxBody = DefaultMaxBody
	}
	if d.timeout == 0 {
		d.timeout = DefaultTimeout
	}
	if d.ObjectParameter == "" {
		if names := pathParameters(op.Path); len(names) > 0 {
			d.ObjectParameter = names[0]
		}
	}
	if op.Object != nil && d.ObjectParameter == "" {
		panic("endpoint: " + op.Method + " " + op.Path + " has a reach and names no object")
	}
	d.name = d.Method + " " + d.Path
	d.fail = func(w http.ResponseWriter, r *http.Request, err error) {
		problem.Write(w, err, problem.RequestID(r.Context()))
	}
	a.limiter.know(d.ID, op.Limits)
	d.chain = d.guard()
	return d
}

var parameter = regexp.MustCompile(`\{([^}.$]+)(?:\.\.\.)?\}`)

func pathParameters(path string) []string {
	var names []string
	for _, m := range parameter.FindAllStringSubmatch(path, -1) {
		names = append(names, m[1])
	}
	return names
}

func operationID(method, path string) string {
	id := strings.ToLower(method)
	for s := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		s = strings.Trim(strings.ReplaceAll(s, "...", ""), "{}")
		id += "-" + strings.NewReplacer(".", "-", "_", "-").Replace(s)
	}
	return strings.ReplaceAll(id, "--", "-")
}

func (d *declared) refuse(ctx context.Context, err error) error {
	err = d.api.options.Refusals.Refuse(err)
	var refusal *problem.Error
	if !errors.As(err, &refusal) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errTimedOut.Because(err)
	}
	return err
}
