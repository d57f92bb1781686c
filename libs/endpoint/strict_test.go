package endpoint_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
)

const planted = "hunter2-planted-secret"

// H4 H5
func TestBadInputIsRefusedByNameAndNeverQuoted(t *testing.T) {
	w := newWorld(t, nil, func(e *endpoint.API) {
		type formats struct {
			Body struct {
				Email string    `json:"email,omitempty" format:"email"`
				URI   string    `json:"uri,omitempty" format:"uri"`
				ID    string    `json:"id,omitempty" format:"uuid"`
				When  time.Time `json:"when,omitempty"`
				Wait  string    `json:"wait,omitempty" format:"duration"`
				Kind  string    `json:"kind,omitempty" enum:"a,b"`
				Count int       `json:"count,omitempty" minimum:"1" maximum:"9"`
				Deep  struct {
					List []struct {
						Name string `json:"name"`
					} `json:"list,omitempty" maxItems:"2"`
				} `json:"deep,omitempty"`
			}
		}
		endpoint.Route(e, read, endpoint.Operation{Method: "POST", Path: "/v1/formats"}, func(context.Context, formats) (endpoint.Answer[endpoint.Receipt], error) {
			return endpoint.OK(endpoint.Receipt{}), nil
		})
	})
	id := w.create("first")
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		fields             string
	}{
		"unknown field":        {"POST", "/v1/notes", `{"name":"a","` + "colour" + `":"` + planted + `"}`, 422, "colour unknown_field"},
		"wrong letter case":    {"POST", "/v1/notes", `{"Name":"` + planted + `"}`, 422, "Name unknown_field,name required"},
		"name twice":           {"POST", "/v1/notes", `{"name":"a","name":"` + planted + `"}`, 422, "name repeated"},
		"name twice, deep":     {"POST", "/v1/formats", `{"deep":{"list":[{"name":"a"},{"name":"b","name":"` + planted + `"}]}}`, 422, "deep.list[1].name repeated"},
		"required":             {"POST", "/v1/notes", `{}`, 422, "name required"},
		"null for required":    {"POST", "/v1/notes", `{"name":null}`, 422, "name type"},
		"wrong type":           {"POST", "/v1/notes", `{"name":{"x":"` + planted + `"}}`, 422, "name type"},
		"too long":             {"POST", "/v1/notes", `{"name":"` + planted + planted + `"}`, 422, "name length"},
		"too many":             {"POST", "/v1/notes", `{"name":"a","tags":["` + planted + `","b","c","d"]}`, 422, "tags length"},
		"NUL":                  {"POST", "/v1/notes", `{"name":"a\u0000b"}`, 422, "name format"},
		"not an object":        {"POST", "/v1/notes", `["` + planted + `"]`, 422, "body type"},
		"not JSON":             {"POST", "/v1/notes", `{"name":` + planted, 400, ""},
		"two values":           {"POST", "/v1/notes", `{"name":"a"} {"name":"` + planted + `"}`, 400, ""},
		"not UTF-8":            {"POST", "/v1/notes", "{\"name\":\"\xff" + planted + "\"}", 400, ""},
		"too deep":             {"POST", "/v1/notes", strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40), 400, ""},
		"no body":              {"POST", "/v1/notes", "", 400, ""},
		"body where none":      {"POST", "/v1/notes/" + id + "/erase", `{"x":"` + planted + `"}`, 422, ""},
		"e-mail":               {"POST", "/v1/formats", `{"email":"` + planted + `@@"}`, 422, "email format"},
		"URI":                  {"POST", "/v1/formats", `{"uri":"http://a b/` + planted + `%zz"}`, 422, "uri format"},
		"UUID":                 {"POST", "/v1/formats", `{"id":"` + planted + `"}`, 422, "id format"},
		"time":                 {"POST", "/v1/formats", `{"when":"` + planted + `"}`, 422, "when format"},
		"duration":             {"POST", "/v1/formats", `{"wait":"` + planted + `"}`, 422, "wait format"},
		"choice":               {"POST", "/v1/formats", `{"kind":"` + planted + `"}`, 422, "kind choice"},
		"range":                {"POST", "/v1/formats", `{"count":10}`, 422, "count range"},
		"fraction":             {"POST", "/v1/formats", `{"count":1.5}`, 422, "count type"},
		"unknown parameter":    {"GET", "/v1/notes?colour=" + planted, "", 422, "query.colour unknown_parameter"},
		"repeated parameter":   {"GET", "/v1/notes?limit=1&limit=2", "", 422, "query.limit repeated"},
		"parameter letter":     {"GET", "/v1/notes?Limit=1", "", 422, "query.Limit unknown_parameter"},
		"parameter type":       {"GET", "/v1/notes?limit=" + planted, "", 422, "query.limit type"},
		"parameter range":      {"GET", "/v1/notes?limit=201", "", 422, "query.limit range"},
		"parameter NUL":        {"GET", "/v1/notes?after=a%00b", "", 422, "query.after format"},
		"semicolon query":      {"GET", "/v1/notes?a=1;b=2", "", 400, ""},
		"broken query":         {"GET", "/v1/notes?a=%zz", "", 400, ""},
		"made-up cursor":       {"GET", "/v1/notes?after=" + planted, "", 422, "query.after cursor"},
		"unknown path":         {"GET", "/v2/" + planted, "", 404, ""},
		"wrong method":         {"DELETE", "/v1/notes", "", 405, ""},
		"preflight":            {"OPTIONS", "/v1/notes", "", 405, ""},
		"path not shortest":    {"GET", "/v1//notes", "", 404, ""},
		"path with dots":       {"GET", "/v1/x/../notes", "", 404, ""},
		"encoded path control": {"GET", "/v1/notes/a%00b", "", 404, ""},
		"too long an address":  {"GET", "/v1/notes?after=" + strings.Repeat("a", 9000), "", 431, ""},
	} {
		r := w.do(&w.ann, c.method, c.path, c.body)
		if r.status != c.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
			continue
		}
		p := decode[problem.Problem](t, r)
		var fields []string
		for _, f := range p.Errors {
			fields = append(fields, f.Name+" "+f.Code)
			if f.Detail == "" {
				t.Errorf("%s: field without a detail: %s", name, r.body)
			}
		}
		slices.Sort(fields)
		if got := strings.Join(fields, ","); got != c.fields {
			t.Errorf("%s: fields %q, want %q", name, got, c.fields)
		}
		if p.Status != r.status || p.Code == "" || p.Title == "" || p.RequestID != r.header.Get("X-Request-Id") || r.header.Get("Content-Type") != problem.ContentType {
			t.Errorf("%s: %s", name, r.body)
		}
		for _, forbidden := range []string{planted, "json:", "Go value", "goroutine", ".go:", "strconv"} {
			if strings.Contains(r.body, forbidden) {
				t.Errorf("%s: the answer quotes %q: %s", name, forbidden, r.body)
			}
		}
	}
	if strings.Contains(w.log.String(), planted) {
		t.Error("the log quotes input")
	}
	if r := w.do(&w.ann, "DELETE", "/v1/notes", ""); r.header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", r.header.Get("Allow"))
	}
}

func TestProblemDocumentsAreTheSameBytesForEver(t *testing.T) {
	w := newWorld(t, nil, nil)
	id := w.create("one")
	stale := w.ann
	stale.AuthTime = stale.AuthTime.Add(-time.Hour)
	var all strings.Builder
	for _, c := range []struct {
		name               string
		who                *principal.Principal
		method, path, body string
		headers            []string
	}{
		{"no session", nil, "GET", "/v1/notes", "", nil},
		{"two Authorization headers", nil, "GET", "/v1/notes", "", []string{"Authorization", "Bearer a", "Authorization", "Bearer b"}},
		{"missing object", &w.ann, "GET", "/v1/notes/none", "", nil},
		{"step-up", &stale, "POST", "/v1/notes/" + id + "/erase", "", nil},
		{"refused by a rule", &w.ann, "POST", "/v1/notes", `{"name":"one"}`, nil},
		{"fields", &w.ann, "POST", "/v1/notes", `{"name":"","tags":[1],"colour":2}`, nil},
		{"not JSON", &w.ann, "POST", "/v1/notes", `{"name"`, nil},
		{"media type", &w.ann, "POST", "/v1/notes", `name=one`, []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"unknown path", &w.ann, "GET", "/v3", "", nil},
		{"wrong method", &w.ann, "PUT", "/v1/notes", "", nil},
		{"cursor", &w.ann, "GET", "/v1/notes?after=abc", "", nil},
		{"idempotency key", &w.ann, "POST", "/v1/notes", `{"name":"two"}`, []string{"Idempotency-Key", strings.Repeat("k", 129)}},
		{"position", &w.ann, "GET", "/v1/notes", "", []string{endpoint.PositionHeader, "-1"}},
	} {
		r := w.do(c.who, c.method, c.path, c.body, append([]string{"X-Request-Id", "request-0001"}, c.headers...)...)
		fmt.Fprintf(&all, "# %s\n%d %s\n", c.name, r.status, http.StatusText(r.status))
		for _, h := range []string{"Allow", "Content-Type", "Retry-After", "Www-Authenticate"} {
			if v := r.header.Get(h); v != "" {
				fmt.Fprintf(&all, "%s: %s\n", h, v)
			}
		}
		fmt.Fprintf(&all, "%s\n", r.body)
	}
	golden(t, "problems.txt", all.String())
}

// golden compares with a file of testdata; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; now:\n%s", path, got)
	}
}

func TestBodiesAreBoundedInSizeAndKind(t *testing.T) {
	w := newWorld(t, nil, nil)
	large := `{"name":"` + strings.Repeat("a", endpoint.DefaultMaxBody) + `"}`
	if r := w.do(&w.ann, "POST", "/v1/notes", large); r.status != 413 || code(t, r) != "too_large" {
		t.Errorf("declared length: %d %s", r.status, r.body)
	}
	chunked, err := http.NewRequest("POST", w.url+"/v1/notes", io.MultiReader(strings.NewReader(large)))
	if err != nil {
		t.Fatal(err)
	}
	chunked.ContentLength = -1
	chunked.Header.Set("Content-Type", "application/json")
	w.portal.Authorize(chunked, "notes", w.ann)
	response, err := http.DefaultClient.Do(chunked)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 413 {
		t.Errorf("chunked: %d", response.StatusCode)
	}
	for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/problem+json", "nonsense"} {
		if r := w.do(&w.ann, "POST", "/v1/notes", `{"name":"a"}`, "Content-Type", media); r.status != 415 {
			t.Errorf("%s: %d", media, r.status)
		}
	}
	if r := w.do(&w.ann, "POST", "/v1/notes", `{"name":"ok"}`, "Content-Type", "application/json; charset=utf-8"); r.status != 201 {
		t.Errorf("with charset: %d %s", r.status, r.body)
	}
	if r := w.do(&w.ann, "GET", "/v1/notes", "", "X-Large", strings.Repeat("a", endpoint.MaxHeader)); r.status != 431 || code(t, r) != "headers_too_large" {
		t.Errorf("large header: %d", r.status)
	}
}

func TestABodyIsNotWaitedForBeforeTheCallerIsKnown(t *testing.T) {
	w := newWorld(t, nil, nil)
	connection, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	// The body is announced and never sent: an answer shows that it was not waited for.
	fmt.Fprint(connection, "POST /v1/notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
	_ = connection.SetReadDeadline(time.Now().Add(time.Minute))
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil || response.StatusCode != 401 {
		t.Fatalf("%v, %v", response, err)
	}
}

// H1
func TestEveryAnswerCarriesTheSecurityHeadersAndAllowsNoOtherOrigin(t *testing.T) {
	w := newWorld(t, nil, nil)
	for _, path := range []string{"/v1/notes", "/nowhere", "/openapi.json"} {
		for _, who := range []*principal.Principal{nil, &w.ann} {
			h := w.do(who, "GET", path, "", "Origin", "https://elsewhere.example").header
			for name, want := range map[string]string{
				"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cross-Origin-Resource-Policy": "same-origin",
				"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "Access-Control-Allow-Origin": "", "Server": "",
			} {
				if h.Get(name) != want {
					t.Errorf("%s %s: %q", path, name, h.Get(name))
				}
			}
			if !regexp.MustCompile(`^[0-9a-f-]{36}$`).MatchString(h.Get("X-Request-Id")) {
				t.Errorf("%s: request id %q", path, h.Get("X-Request-Id"))
			}
		}
	}
	for given, kept := range map[string]bool{"request-0001": true, "short": false, "with space here": false, strings.Repeat("a", 65): false} {
		if got := w.do(&w.ann, "GET", "/v1/notes", "", "X-Request-Id", given).header.Get("X-Request-Id"); (got == given) != kept {
			t.Errorf("request id %q became %q", given, got)
		}
	}
}
