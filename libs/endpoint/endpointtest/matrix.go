package endpointtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/libs/principal"
)

// Matrix checks every operation of an API's OpenAPI document: without a session 401 whatever the body, with no role that
// suffices 403, by the wrong kind of caller 403, on an object outside reach 404 exactly like a missing one.
type Matrix struct {
	// URL is where the service answers, without a slash at the end.
	URL     string
	Service string
	Portal  Voucher
	// Stranger is a caller outside the reach of every object in Objects; roles are added as each operation needs.
	Stranger principal.Principal
	// Everywhere are roles whose reach has no bounds: the stranger is given none of them.
	Everywhere []string
	// Objects gives, for an operation's id, the id of an object that exists and that the stranger cannot reach; an operation
	// with a reach that has none here fails the matrix. Path parameters beside the object are "x".
	Objects map[string]string
	// Object gives an id where Objects names none.
	Object func(operation, path string) string
	Client *http.Client
}

// Voucher makes tokens for callers: a Portal, or the suite of a service that runs whole.
type Voucher interface {
	Token(service string, caller principal.Principal) string
}

// Operation is what the document says of one operation.
type Operation struct {
	ID         string   `json:"operationId"`
	Permission string   `json:"x-permission"`
	Kinds      []string `json:"x-kinds"`
	Roles      []string `json:"x-roles"`
	Object     string   `json:"x-object"`
	StepUp     bool     `json:"x-step-up"`
	Method     string   `json:"-"`
	Path       string   `json:"-"`
}

// Operations reads the operations of an OpenAPI document, in order of path and method.
func Operations(t testing.TB, document []byte) []Operation {
	t.Helper()
	var d struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	var all []Operation
	for path, methods := range d.Paths {
		for method, raw := range methods {
			var op Operation
			if err := json.Unmarshal(raw, &op); err != nil {
				t.Fatal(err)
			}
			op.Method, op.Path = strings.ToUpper(method), path
			all = append(all, op)
		}
	}
	slices.SortFunc(all, func(a, b Operation) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
	return all
}

var bodies = []struct{ media, body string }{
	{"", ""},
	{"application/json", `{}`},
	{"application/json", `{"unknown":1,"unknown":2`},
	{"text/plain", "no"},
	{"application/json", `"` + strings.Repeat("a", 128<<10) + `"`},
}

// Run drives the whole matrix and gives how many requests it made.
func (m Matrix) Run(t testing.TB) int {
	t.Helper()
	if m.Client == nil {
		m.Client = http.DefaultClient
	}
	document := m.send(t, http.MethodGet, m.URL+"/openapi.json", nil, "", "")
	requests := 1
	operations := Operations(t, []byte(document.body))
	if len(operations) == 0 {
		t.Fatal("the document has no operations")
	}
	for _, op := range operations {
		switch {
		case op.Permission == "":
			t.Errorf("%s %s states no permission", op.Method, op.Path)
		case op.Permission == "public":
		default:
			requests += m.guarded(t, op)
		}
	}
	return requests
}

func (m Matrix) guarded(t testing.TB, op Operation) int {
	t.Helper()
	missing := m.URL + fill(op, "00000000-0000-7000-8000-000000000000")
	requests := 0
	expect := func(what string, got answer, status int) {
		t.Helper()
		requests++
		if got.status != status {
			t.Errorf("%s %s %s: %d, want %d: %.200s", op.Method, op.Path, what, got.status, status, got.body)
		}
	}
	for _, b := range bodies {
		expect("without a session, body "+b.media, m.send(t, op.Method, missing, nil, b.media, b.body), http.StatusUnauthorized)
	}
	entitled := m.Stranger
	entitled.Roles = slices.DeleteFunc(slices.Clone(op.Roles), func(role string) bool { return slices.Contains(m.Everywhere, role) })
	if slices.Contains(op.Kinds, string(principal.Person)) && len(op.Roles) > 0 {
		roleless := m.Stranger
		roleless.Roles = []string{"no_such_role"}
		expect("without a role", m.send(t, op.Method, missing, &roleless, "application/json", `{}`), http.StatusForbidden)
	}
	for _, kind := range []principal.Kind{principal.Person, principal.Client} {
		if !slices.Contains(op.Kinds, string(kind)) {
			other := principal.Principal{ID: "other", Kind: kind, Organization: m.Stranger.Organization, Roles: op.Roles}
			if kind == principal.Person {
				other = entitled
			}
			expect("as "+string(kind), m.send(t, op.Method, missing, &other, "application/json", `{}`), http.StatusForbidden)
		}
	}
	if op.Object == "" || !slices.Contains(op.Kinds, string(principal.Person)) {
		return requests
	}
	if len(entitled.Roles) == 0 && len(op.Roles) > 0 {
		return requests
	}
	id := m.Objects[op.ID]
	if id == "" && m.Object != nil {
		id = m.Object(op.ID, op.Path)
	}
	if id == "" {
		t.Errorf("%s %s (%s) has a reach and the matrix no object to try", op.Method, op.Path, op.ID)
		return requests
	}
	none := m.send(t, op.Method, missing, &entitled, "application/json", `{}`)
	expect("on a missing object", none, http.StatusNotFound)
	foreign := m.send(t, op.Method, m.URL+fill(op, id), &entitled, "application/json", `{}`)
	expect("on a foreign object", foreign, http.StatusNotFound)
	if foreign.alike() != none.alike() {
		t.Errorf("%s %s: a foreign object can be told from a missing one:\n%s\n%s", op.Method, op.Path, foreign.alike(), none.alike())
	}
	return requests
}

var placeholder = regexp.MustCompile(`\{([^}]+)\}`)

func fill(op Operation, object string) string {
	return placeholder.ReplaceAllStringFunc(op.Path, func(p string) string {
		if p == "{"+op.Object+"}" {
			return object
		}
		return "x"
	})
}

type answer struct {
	status int
	header http.Header
	body   string
}

var requestID = regexp.MustCompile(`"request_id":"[^"]*",?`)

// alike is an answer without what differs between any two.
func (a answer) alike() string {
	h := a.header.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "Content-Length"} {
		h.Del(name)
	}
	return fmt.Sprintf("%d %v %s", a.status, h, requestID.ReplaceAllString(a.body, ""))
}

func (m Matrix) send(t testing.TB, method, url string, caller *principal.Principal, media, body string) answer {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	if caller != nil {
		r.Header.Set("Authorization", "Bearer "+m.Portal.Token(m.Service, *caller))
	}
	response, err := m.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil && response.StatusCode < 400 {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(content)}
}
