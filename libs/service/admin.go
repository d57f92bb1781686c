package service

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/libs/projection"
)

// health is what the admin port tells of a running service.
type health struct {
	deps     Deps
	follower *follower
	runner   *projection.Runner
	started  atomic.Bool
	draining atomic.Bool
	checks   map[string]func(context.Context) error

	mu     sync.Mutex
	failed map[string]string
	// What was in the log when the service started: ready means to have folded at least that.
	target uint64
}

// fail says that a background function ended, which it should not.
func (h *health) fail(what string, err error) {
	text := "ended"
	if err != nil {
		text = err.Error()
	}
	h.mu.Lock()
	h.failed[what] = text
	h.mu.Unlock()
}

type check struct {
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
	// Position and Lag are of folds and views: how far, and how many messages behind the log.
	Position *uint64 `json:"position,omitempty"`
	Lag      *uint64 `json:"lag,omitempty"`
}

type readiness struct {
	Ready  bool             `json:"ready"`
	Checks map[string]check `json:"checks"`
}

func checked(err error) check {
	if err != nil {
		return check{Detail: err.Error()}
	}
	return check{OK: true}
}

func (h *health) readiness(ctx context.Context) readiness {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	// Asked first: what the checks compare with is set before it.
	started := h.started.Load()
	r := readiness{Checks: map[string]check{}}
	tail, err := h.deps.Log.Tail(ctx)
	r.Checks["log"] = checked(err)
	r.Checks["fold"] = h.reach(tail, h.deps.Lineage.Position(), h.follower.health())
	if h.runner != nil {
		r.Checks["views"] = h.reach(tail, h.runner.Position(), h.runner.Health())
	}
	if h.deps.DB != nil {
		r.Checks["postgres"] = checked(h.deps.DB.PingContext(ctx))
	}
	for name, f := range h.checks {
		r.Checks[name] = checked(f(ctx))
	}
	h.mu.Lock()
	for name, text := range h.failed {
		r.Checks[name] = check{Detail: text}
	}
	h.mu.Unlock()
	r.Ready = started && !h.draining.Load()
	for _, c := range r.Checks {
		r.Ready = r.Ready && c.OK
	}
	return r
}

func (h *health) reach(tail, position uint64, err error) check {
	c := checked(err)
	lag := uint64(0)
	if tail > position {
		lag = tail - position
	}
	c.Position, c.Lag = &position, &lag
	h.mu.Lock()
	target := h.target
	h.mu.Unlock()
	if c.OK && position < target {
		c.OK, c.Detail = false, "catching up"
	}
	return c
}

var errStarting = problem.New(problem.Unavailable, "starting", "This instance is not ready yet.").RetryAfter(time.Second)

// gate answers nothing before the service has folded what the log held when it started.
func (h *health) gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.started.Load() {
			endpoint.SecurityHeaders(w.Header())
			problem.Write(w, errStarting, "")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// admin serves what operators need and nobody else may see.
func (h *health) admin(scrape http.Handler, more func(*http.ServeMux)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		state := h.readiness(r.Context())
		status := http.StatusOK
		if !state.Ready {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, state)
	})
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"service": h.deps.Name, "version": h.deps.Version})
	})
	mux.Handle("GET /metrics", scrape)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	if more != nil {
		more(mux)
	}
	return mux
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
