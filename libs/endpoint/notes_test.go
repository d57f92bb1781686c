package endpoint_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/endpoint/endpointtest"
	"github.com/chancery-dev/chancery/libs/principal"
)

const minute = time.Minute

func (n *notes) find(id string) (note, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	v, ok := n.byID[id]
	return v, ok
}

func (n *notes) add(v note) (uint64, bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.byID[v.ID]; ok {
		return n.position, true, nil
	}
	for _, o := range n.byID {
		if o.Name == v.Name {
			return 0, false, errSameName
		}
	}
	n.position++
	n.byID[v.ID] = v
	return n.position, false, nil
}

func (n *notes) remove(id string) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.position++
	delete(n.byID, id)
	return n.position
}

func (n *notes) page(organization, after string, limit int) []note {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []note
	for _, v := range n.byID {
		if v.Organization == organization && v.ID > after {
			out = append(out, v)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out[:min(limit, len(out))]
}

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// world is a service of notes behind real HTTP.
type world struct {
	t       testing.TB
	clock   *clock
	portal  *endpointtest.Portal
	notes   *notes
	api     *endpoint.API
	url     string
	handler http.Handler
	log     *safeBuffer
	ann     principal.Principal
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// newWorld lets declare add operations and change alter the options.
func newWorld(t testing.TB, change func(*endpoint.Options), declare func(*endpoint.API)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{t: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}, notes: &notes{byID: map[string]note{}}, log: &safeBuffer{}}
	w.portal = endpointtest.NewPortal(t, w.clock.now)
	w.ann = w.portal.Fresh("org-1", principal.AppOwner, principal.OrgAdmin)
	o := endpoint.Options{
		Service: "notes", Version: "0.1.0", Clock: w.clock.now, Logger: slog.New(slog.NewTextHandler(w.log, nil)),
		Authenticate: w.portal.Authenticate("notes"), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
	if change != nil {
		change(&o)
	}
	w.api = endpoint.New(o)
	routes(w.api, w.notes)
	if declare != nil {
		declare(w.api)
	}
	w.handler = w.api.Handler()
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

type reply struct {
	status int
	header http.Header
	body   string
}

// do sends a request; a nil caller has no session. Headers come as name, value, name, value.
func (w *world) do(caller *principal.Principal, method, path, body string, headers ...string) reply {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if caller != nil {
		w.portal.Authorize(r, "notes", *caller)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Del(headers[i])
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] != "" {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(content)}
}
