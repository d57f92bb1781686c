package endpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/endpoint/endpointtest"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
)

type ctx = context.Context

type keyRequest struct {
	Body struct {
		Application string `json:"application"`
	}
}

func TestARawDoorHasTheSameGuardAndItsOwnErrors(t *testing.T) {
	oauth := func(w http.ResponseWriter, _ *http.Request, err error) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(problem.As(err).Kind().Status())
		fmt.Fprintf(w, `{"error":"%s"}`, problem.As(err).Code())
	}
	w := newWorld(t, nil, func(e *endpoint.API) {
		endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "POST", Path: "/oauth2/token", Summary: "Token", MaxBody: 100}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil {
				oauth(w, r, problem.New(problem.TooLarge, "invalid_request", ""))
				return
			}
			call := endpoint.CallOf(r.Context())
			fmt.Fprintf(w, `%s %t %t`, r.PostForm.Get("grant_type"), call.CommandID != "", call.CorrelationID != "")
		}), oauth)
		endpoint.Raw(e, read, endpoint.Operation{Method: "GET", Path: "/tile/{path...}", Summary: "Tile", ObjectParameter: "path", Object: func(_ ctx, _ principal.Principal, id string) error {
			if id != "0/x001" {
				return problem.NotFoundError()
			}
			return nil
		}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.PathValue("path")) }), nil)
	})
	form := "application/x-www-form-urlencoded"
	if r := w.do(nil, "POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Basic YTpi"); r.status != 200 || r.body != "client_credentials true true" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.do(nil, "POST", "/oauth2/token", "x="+strings.Repeat("a", 200), "Content-Type", form); r.status != 413 || r.body != `{"error":"too_large"}` {
		t.Errorf("large: %d %s", r.status, r.body)
	}
	if r := w.do(nil, "POST", "/oauth2/token", "x=1", "Content-Type", form, "Authorization", "Bearer a", "Authorization", "Bearer b"); r.status != 400 || r.body != `{"error":"authorization_repeated"}` {
		t.Errorf("two headers: %d %s", r.status, r.body)
	}
	for path, want := range map[string]int{"/tile/0/x001": 200, "/tile/0/x002": 404} {
		if r := w.do(&w.ann, "GET", path, ""); r.status != want {
			t.Errorf("%s: %d", path, r.status)
		}
		if r := w.do(nil, "GET", path, ""); r.status != 401 || code(t, r) != "unauthenticated" {
			t.Errorf("%s without a session: %d", path, r.status)
		}
	}
	document := w.do(nil, "GET", "/openapi.json", "").body
	if !strings.Contains(document, `"/tile/{path}"`) || !strings.Contains(document, `"x-permission":"public"`) {
		t.Error("raw doors are in the document")
	}
}

func TestThePlainTextOfFailuresIsLoggedAndNeverSent(t *testing.T) {
	fail := func(path string, f func(ctx) error) func(*endpoint.API) {
		return func(e *endpoint.API) {
			endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: path, Timeout: 50 * time.Millisecond}, func(ctx ctx, _ struct{}) (endpoint.Answer[endpoint.Receipt], error) {
				return endpoint.OK(endpoint.Receipt{}), f(ctx)
			})
		}
	}
	w := newWorld(t, nil, func(e *endpoint.API) {
		fail("/v1/unknown", func(ctx) error { return fmt.Errorf("dial postgres://%s", planted) })(e)
		fail("/v1/panic", func(ctx) error { panic(planted) })(e)
		endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/loader/{id}", Object: func(ctx, principal.Principal, string) error { panic(planted) }},
			func(ctx, byID) (endpoint.Answer[endpoint.Receipt], error) { panic("unreached") })
		fail("/v1/slow", func(c ctx) error { <-c.Done(); return fmt.Errorf("%s: %w", planted, c.Err()) })(e)
		fail("/v1/wrapped", func(ctx) error { return fmt.Errorf("%s: %w", planted, errSameName) })(e)
	})
	for path, want := range map[string]string{"/v1/unknown": "500 internal", "/v1/panic": "500 internal", "/v1/loader/1": "500 internal", "/v1/slow": "504 timed_out", "/v1/wrapped": "409 same_name"} {
		r := w.do(&w.ann, "GET", path, "")
		if got := strconv.Itoa(r.status) + " " + code(t, r); got != want || strings.Contains(r.body, planted) {
			t.Errorf("%s: %s %s", path, got, r.body)
		}
	}
	if n := strings.Count(w.log.String(), planted); n < 3 {
		t.Errorf("the log holds the text %d times:\n%s", n, w.log)
	}
	if r := w.do(&w.ann, "GET", "/v1/notes", ""); r.status != 200 {
		t.Errorf("after a panic: %d", r.status)
	}
}

func TestPagesFollowEachOtherWithoutGapOrRepeatAndKeepTheirFilters(t *testing.T) {
	w := newWorld(t, nil, nil)
	for i := range 7 {
		w.create(fmt.Sprintf("note %d", i))
	}
	seen := map[string]bool{}
	at, pages := "/v1/notes?limit=3", 0
	for at != "" {
		r := w.do(&w.ann, "GET", at, "")
		page := decode[endpoint.Page[noteAnswer]](t, r)
		for _, n := range page.Items {
			if seen[n.ID] || n.Tags == nil {
				t.Fatalf("%+v", n)
			}
			seen[n.ID] = true
		}
		at, pages = "", pages+1
		link := r.header.Get("Link")
		if (link == "") != (page.Next == "") {
			t.Fatalf("link %q, next %q", link, page.Next)
		}
		if link != "" {
			query, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
			if !strings.Contains(query, "limit=3") || !strings.HasSuffix(link, `>; rel="next"`) {
				t.Fatal(link)
			}
			at = "/v1/notes" + query
		}
	}
	if len(seen) != 7 || pages != 3 {
		t.Fatalf("%d notes on %d pages", len(seen), pages)
	}
	if r := w.do(&w.ann, "GET", "/v1/notes?limit=1", ""); r.status != 200 {
		t.Fatal(r.status)
	}
	empty := w.portal.Fresh("org-empty")
	if r := w.do(&empty, "GET", "/v1/notes", ""); !strings.Contains(r.body, `"items":[]`) {
		t.Errorf("an empty list: %s", r.body)
	}
}

func TestAnIdempotencyKeyNamesTheCommandOfOneCaller(t *testing.T) {
	var calls []endpoint.Call
	w := newWorld(t, func(o *endpoint.Options) {
		o.Enter = func(c ctx, call endpoint.Call) ctx { calls = append(calls, call); return c }
	}, nil)
	bob := w.portal.Fresh("org-1", principal.AppOwner)
	bob.Seen = 40
	post := func(who principal.Principal, name string, headers ...string) endpoint.Call {
		if r := w.do(&who, "POST", "/v1/notes", `{"name":"`+name+`"}`, headers...); r.status != 201 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		return calls[len(calls)-1]
	}
	one, again := post(w.ann, "a", "Idempotency-Key", "k"), post(w.ann, "a", "Idempotency-Key", "k")
	other, without, later := post(bob, "b", "Idempotency-Key", "k", endpoint.PositionHeader, "12"), post(w.ann, "c"), post(w.ann, "d")
	if one.CommandID != again.CommandID || !one.Repeatable {
		t.Errorf("the same key: %s, %s", one.CommandID, again.CommandID)
	}
	if one.CommandID == other.CommandID || without.CommandID == later.CommandID || without.Repeatable {
		t.Error("another caller or no key is another command")
	}
	if other.Shown != 40 {
		t.Errorf("shown %d: the higher of token and header", other.Shown)
	}
	if r := w.do(&w.ann, "POST", "/v1/notes", `{"name":"e"}`, "Idempotency-Key", "a", "Idempotency-Key", "b"); r.status != 422 {
		t.Errorf("two keys: %d", r.status)
	}
}

func TestAReadWaitsForWhatItsCallerWasShown(t *testing.T) {
	var asked uint64
	behind := false
	w := newWorld(t, func(o *endpoint.Options) {
		o.WaitFor = func(_ ctx, position uint64) (uint64, error) {
			if asked = position; behind {
				return 0, errors.New("at 3")
			}
			return 17, nil
		}
	}, nil)
	if r := w.do(&w.ann, "GET", "/v1/notes", "", endpoint.PositionHeader, "15"); r.status != 200 || asked != 15 || r.header.Get(endpoint.PositionHeader) != "17" {
		t.Errorf("%d, asked for %d, answered %q", r.status, asked, r.header.Get(endpoint.PositionHeader))
	}
	behind = true
	if r := w.do(&w.ann, "GET", "/v1/notes", "", endpoint.PositionHeader, "99"); r.status != 503 || code(t, r) != "view_behind" || r.header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", r.status, r.body)
	}
	asked = 0
	if w.do(nil, "GET", "/v1/notes", "", endpoint.PositionHeader, "99"); asked != 0 {
		t.Error("nobody waits without a session")
	}
}

func TestARequestIsTracedMeasuredAndLoggedOnce(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	reader := metric.NewManualReader()
	w := newWorld(t, func(o *endpoint.Options) {
		o.Traces = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
		o.Metrics = metric.NewMeterProvider(metric.WithReader(reader))
	}, nil)
	const parent = "0af7651916cd43dd8448eb211c80319c"
	w.do(&w.ann, "GET", "/v1/notes?after=", "", "traceparent", "00-"+parent+"-b7ad6b7169203331-01")
	w.do(nil, "GET", "/v1/notes", "")
	ended := spans.Ended()
	if len(ended) != 2 || ended[0].Name() != "GET /v1/notes" || ended[0].SpanContext().TraceID().String() != parent || ended[0].SpanKind() != trace.SpanKindServer {
		t.Fatalf("%d spans: %v", len(ended), ended)
	}
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &collected); err != nil {
		t.Fatal(err)
	}
	all, _ := json.Marshal(collected)
	for _, want := range []string{`"http.server.request.duration"`, `"/v1/notes"`, `"unauthenticated"`, `200`, `401`} {
		if !strings.Contains(string(all), want) {
			t.Errorf("metrics lack %s: %s", want, all)
		}
	}
	log := w.log.String()
	if strings.Count(log, "msg=request") != 2 || !strings.Contains(log, parent) || !strings.Contains(log, "principal="+w.ann.ID) || strings.Contains(log, "after=") {
		t.Errorf("log:\n%s", log)
	}
}

func TestRefusalsOfCommandsAreTold(t *testing.T) {
	var told []string
	w := newWorld(t, func(o *endpoint.Options) {
		o.Refused = func(_ ctx, c endpoint.Call, p *problem.Error) { told = append(told, c.Operation+" "+p.Code()) }
	}, nil)
	viewer := w.portal.Fresh("org-1")
	id := w.create("one")
	w.do(&viewer, "POST", "/v1/notes", `{"name":"x"}`)
	w.do(&w.ann, "POST", "/v1/notes", `{"name":"one"}`)
	w.do(nil, "POST", "/v1/notes", `{"name":"x"}`)
	w.do(&w.ann, "POST", "/v1/notes", `{"nam":"x"}`)
	w.do(&viewer, "GET", "/v1/notes/"+id, "")
	w.do(&w.ann, "POST", "/v1/notes/foreign/erase", "")
	if got := strings.Join(told, ", "); got != "post-v1-notes role_missing, post-v1-notes same_name, post-v1-notes-id-erase not_found" {
		t.Errorf("told of %s", got)
	}
}

func TestTheDocumentSaysWhatTheGuardDemands(t *testing.T) {
	w := newWorld(t, nil, nil)
	document := w.do(nil, "GET", "/openapi.json", "")
	if document.status != 200 || strings.Contains(document.body, "$schema") || strings.Contains(document.body, `"null"`) {
		t.Errorf("%d %.300s", document.status, document.body)
	}
	var pretty strings.Builder
	enc := json.NewEncoder(&pretty)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(decode[any](t, document)); err != nil {
		t.Fatal(err)
	}
	golden(t, "openapi.json", pretty.String())
	operations := endpointtest.Operations(t, []byte(document.body))
	if len(operations) != 4 {
		t.Fatalf("%d operations", len(operations))
	}
	for _, op := range operations {
		if op.ID == "post-v1-notes-id-erase" && (op.Permission != "note.erase" || !op.StepUp || op.Object != "id" || len(op.Roles) != 1) {
			t.Errorf("%+v", op)
		}
	}
	for _, path := range []string{"/docs", "/schemas/Problem.json", "/openapi.yaml", "/openapi-3.0.json"} {
		if r := w.do(&w.ann, "GET", path, ""); r.status != 404 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}

// recorder is a test that fails without failing the one that runs it.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// A16
func TestTheMatrixFindsPlantedViolations(t *testing.T) {
	answer := func(ctx, byID) (endpoint.Answer[endpoint.Receipt], error) {
		return endpoint.OK(endpoint.Receipt{}), nil
	}
	foreignOrMissing := func(refusal error) func(ctx, principal.Principal, string) error {
		return func(_ ctx, p principal.Principal, id string) error {
			if id == "foreign" {
				return refusal
			}
			return problem.NotFoundError()
		}
	}
	w := newWorld(t, nil, func(e *endpoint.API) {
		endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/open/{id}", ID: "open", Object: foreignOrMissing(nil)}, answer)
		endpoint.Route(e, read, endpoint.Operation{Method: "GET", Path: "/v1/untried/{id}", ID: "untried", Object: foreignOrMissing(nil)}, answer)
		endpoint.Route(e, endpoint.Public, endpoint.Operation{Method: "GET", Path: "/v1/public/{id}", ID: "public"}, answer)
	})
	r := &recorder{TB: t}
	objects := map[string]string{"open": "foreign"}
	for _, op := range []string{"get-v1-notes-id", "post-v1-notes-id-erase"} {
		objects[op] = w.create(op[:12])
	}
	endpointtest.Matrix{URL: w.url, Service: "notes", Portal: w.portal, Stranger: w.portal.Fresh("org-2"), Objects: objects}.Run(r)
	all := strings.Join(r.failures, "\n")
	if !strings.Contains(all, "/v1/open/{id} on a foreign object: 200") || !strings.Contains(all, "(untried) has a reach and the matrix no object") || strings.Contains(all, "notes") {
		t.Errorf("found:\n%s", all)
	}
}
