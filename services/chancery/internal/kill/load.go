// Package kill puts a split suite under a load of whole lifecycles, kills its processes, and counts what became of every
// command that was accepted.
package kill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/services/chancery/internal/client"
	"github.com/chancery-dev/chancery/services/chancery/internal/world"
)

// Accepted is a command that was answered as carried out.
type Accepted struct {
	What     string
	Position uint64
}

// Revoked is a secret and when its end was answered.
type Revoked struct {
	Secret string
	At     time.Time
}

// Load is what callers do and what they were answered.
type Load struct {
	Portal, Gateway string
	Product, Backup string

	mu        sync.Mutex
	accepted  []Accepted
	revoked   []Revoked
	admitted  []time.Duration
	completed int
	asked     int
	http      http.Client
}

// patience bounds every single step, kills included.
const patience = 2 * time.Minute

// Prepare signs everybody in once and publishes the product that the load is about.
func Prepare(ctx context.Context, portal, idp, gateway string) (*Load, error) {
	cast, err := world.Sign(ctx, portal, idp)
	if err != nil {
		return nil, err
	}
	product, _, err := cast.Publish(ctx, "ledger")
	if err != nil {
		return nil, err
	}
	return &Load{Portal: portal, Gateway: gateway, Product: product, Backup: cast.IDs["sam"], http: http.Client{Timeout: 5 * time.Second}}, nil
}

// Accepted are all commands accepted so far.
func (l *Load) Accepted() []Accepted {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.accepted)
}

// Revoked are all secrets whose end was answered so far.
func (l *Load) Revoked() []Revoked {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.revoked)
}

// Admitted is, of every call that the authorizer admitted with a revoked key, how long after the revocation's answer it
// began.
func (l *Load) Admitted() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.admitted)
}

// Completed is how many lifecycles went to their end, Asked how often the authorizer answered about revoked keys.
func (l *Load) Completed() (lives, asked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.completed, l.asked
}

// Keep brings a credential to life that nobody will end, and gives its secret.
func (l *Load) Keep(ctx context.Context) (string, error) {
	for {
		key, err := (&worker{Load: l, people: map[string]*client.Person{}}).begin(ctx)
		if err != nil || key.Secret != "" {
			return key.Secret, err
		}
	}
}

// Admits says whether the authorizer admits a secret.
func (l *Load) Admits(ctx context.Context, secret string) (bool, error) {
	status, err := (&worker{Load: l}).verify(ctx, secret)
	return status == http.StatusNoContent, err
}

// Work lives lifecycles one after the other until stop is closed; the one begun is brought to its end.
func (l *Load) Work(ctx context.Context, stop <-chan struct{}) error {
	w := &worker{Load: l, people: map[string]*client.Person{}}
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := w.life(ctx); err != nil {
			return err
		}
		l.mu.Lock()
		l.completed++
		l.mu.Unlock()
	}
}

type worker struct {
	*Load
	people map[string]*client.Person
}

const (
	owner    = "noor@northwind.example"
	reviewer = "mara@meridian.example"
)

// begin brings a credential to life, until the authorizer admits it.
func (w *worker) begin(ctx context.Context) (key world.Key, err error) {
	var app, request struct {
		ID            string
		ContentDigest string `json:"content_digest"`
	}
	if err := w.command(ctx, owner, "registry", "/v1/applications", map[string]any{
		"name": "Load " + uuid.NewString()[:8], "purpose": "Lives under fire", "environment": "sandbox", "backup_owner_id": w.Backup,
	}, &app); err != nil {
		return key, err
	}
	if err := w.command(ctx, owner, "approval", "/v1/requests", map[string]any{
		"application_id": app.ID, "product_id": w.Product, "scopes": []string{"accounts:read"}, "duration_days": 30, "justification": "Lives under fire",
	}, &request); err != nil {
		return key, err
	}
	if err := w.command(ctx, reviewer, "approval", "/v1/requests/"+request.ID+"/reviews", map[string]any{
		"seat": "product_reviewer", "verdict": "approve", "content_digest": request.ContentDigest, "comment": "what is asked for fits the purpose",
	}, nil); err != nil {
		return key, err
	}
	grant, err := w.grant(ctx, app.ID)
	if err != nil {
		return key, err
	}
	if err := w.command(ctx, owner, "issuance", "/v1/credentials", map[string]any{
		"grant_id": grant, "kind": "api_key", "name": "load", "expires_in_seconds": 86400,
	}, &key); err != nil {
		return key, err
	}
	if err := w.callable(ctx, key.Secret); err != nil {
		return key, err
	}
	return key, nil
}

// life is one credential's whole life.
func (w *worker) life(ctx context.Context) error {
	key, err := w.begin(ctx)
	if err != nil {
		return err
	}
	var next world.Key
	at := "/v1/credentials/" + key.ID
	if err := w.command(ctx, owner, "issuance", at+"/rotate", map[string]any{"overlap_seconds": 3600, "reason": "scheduled"}, &next); err != nil {
		return err
	}
	if err := w.callable(ctx, next.Secret); err != nil {
		return err
	}
	if err := w.command(ctx, owner, "issuance", at+"/revoke", map[string]any{"reason": "suspected_leak"}, nil); err != nil {
		return err
	}
	answered := time.Now()
	for _, secret := range []string{key.Secret, next.Secret} {
		if secret == "" { // its only answer was lost with a process, so nobody has it
			continue
		}
		l, r := w.Load, Revoked{secret, answered}
		l.mu.Lock()
		l.revoked = append(l.revoked, r)
		l.mu.Unlock()
		l.Ask(ctx, r)
	}
	return nil
}

// command sends a command under one Idempotency-Key until it is answered.
func (w *worker) command(ctx context.Context, who, service, path string, in, out any) error {
	key := uuid.NewString()
	var at uint64
	if err := w.insist(ctx, who+" "+service+path, func(ctx context.Context) error {
		p, err := w.person(ctx, who)
		if err != nil {
			return err
		}
		at, err = p.Command(ctx, service, path, key, in, out)
		return err
	}, who); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accepted = append(w.accepted, Accepted{service + path + " " + key, at})
	return nil
}

func (w *worker) person(ctx context.Context, who string) (*client.Person, error) {
	if w.people[who] == nil {
		p, err := client.SignIn(ctx, w.Portal, who)
		if err != nil {
			return nil, err
		}
		w.people[who] = p
	}
	return w.people[who], nil
}

// grant waits until approval has one for the application, and answers its id.
func (w *worker) grant(ctx context.Context, application string) (id string, err error) {
	err = w.insist(ctx, "grant", func(ctx context.Context) error {
		p, err := w.person(ctx, owner)
		if err != nil {
			return err
		}
		var grants struct{ Items []struct{ ID, State string } }
		if err := p.Get(ctx, "approval", "/v1/grants?application_id="+application, &grants); err != nil {
			return err
		}
		for _, g := range grants.Items {
			if g.State == "active" {
				id = g.ID
				return nil
			}
		}
		return errors.New("there is no grant yet")
	}, owner)
	return id, err
}

// insist repeats what a killed process or a view on its way may have failed.
func (w *worker) insist(ctx context.Context, what string, try func(context.Context) error, who string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		var refusal *client.Problem
		if errors.As(err, &refusal) {
			switch {
			case refusal.Status == http.StatusUnauthorized:
				delete(w.people, who) // the session ended: sign in again
			case refusal.Status < 500 && refusal.Status != http.StatusTooManyRequests && refusal.Status != http.StatusNotFound && refusal.Code != "concurrent_change":
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s did not succeed within %s: %w", what, patience, err)
		}
	}
}

// callable waits until the authorizer admits a key.
func (w *worker) callable(ctx context.Context, secret string) error {
	if secret == "" {
		return nil
	}
	return w.insist(ctx, "call", func(ctx context.Context) error {
		status, err := w.verify(ctx, secret)
		if err == nil && status != http.StatusNoContent {
			err = fmt.Errorf("the authorizer answers %d to a live key", status)
		}
		return err
	}, owner)
}

// Ask asks the authorizer about a revoked key, and notes if it admits it.
func (l *Load) Ask(ctx context.Context, r Revoked) {
	begun := time.Now()
	status, err := l.verify(ctx, r.Secret)
	if err != nil {
		return // it is not there, so it admits nobody
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if status < 300 {
		l.admitted = append(l.admitted, begun.Sub(r.At))
	}
}

func (l *Load) verify(ctx context.Context, secret string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.Gateway+"/nginx/sandbox", http.NoBody)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("X-Original-Method", http.MethodGet)
	r.Header.Set("X-Original-Uri", "/ledger/v1/accounts")
	response, err := l.http.Do(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Body.Close()
}
