package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/chancery-dev/chancery/services/chancery/internal/world"
)

const (
	switching = 2000  // calls across a rotation
	trials    = 200   // credentials revoked under probes
	probes    = 10000 // calls with revoked keys
)

// foreignKey is a key of another organisation's application, revoked.
func (s *story) foreignKey(ctx context.Context) (string, error) {
	t := &s.told
	app, err := s.cast.Register(ctx, "kenji", "ruth", "Checkout", "Pays merchants", "sandbox")
	if err != nil {
		return "", err
	}
	request, digest, err := s.cast.Request(ctx, "kenji", app, t.product, []string{t.scope}, 30, "showing a merchant its payments")
	if err != nil {
		return "", err
	}
	if err := s.cast.Review(ctx, "mara", "product_reviewer", request, digest); err != nil {
		return "", err
	}
	grant, err := s.cast.Grant(ctx, "kenji", app, request)
	if err != nil {
		return "", err
	}
	key, err := s.cast.Issue(ctx, "kenji", grant, "api_key", "checkout")
	if err != nil {
		return "", err
	}
	return key.Secret, s.cast.People["kenji"].Post(ctx, "issuance", "/v1/credentials/"+key.ID+"/revoke", map[string]any{"reason": "suspected_leak"}, nil)
}

func (s *story) rotate(ctx context.Context) error {
	t := &s.told
	at := s.front.url + t.allowed.target(t.basePath)
	old, next := t.key, atomic.Pointer[string]{}
	next.Store(&old.Secret)
	var made, good atomic.Int64
	done := make(chan error, 1)
	go func() {
		done <- spread(ctx, 8, switching, func(int) error {
			// Clients move over to the new key one by one.
			key := old.Secret
			if rand.IntN(2) == 0 {
				key = *next.Load()
			}
			a, err := s.call.do(ctx, t.allowed.Method, at, key)
			if err == nil && a.status >= 200 && a.status < 300 {
				good.Add(1)
			}
			made.Add(1)
			return err
		})
	}()
	for made.Load() < switching/10 {
		select {
		case err := <-done:
			return err
		case <-time.After(time.Millisecond):
		}
	}
	var fresh world.Key
	if err := s.cast.People["noor"].Post(ctx, "issuance", "/v1/credentials/"+old.ID+"/rotate", map[string]any{"overlap_seconds": 3600, "reason": "scheduled"}, &fresh); err != nil {
		return err
	}
	next.Store(&fresh.Secret)
	if err := <-done; err != nil {
		return err
	}
	if err := s.happened(ctx, 7, "rotate", "issuance.credential.RotationStarted", old.ID, "%d calls across the switch: %d answered", made.Load(), good.Load()); err != nil {
		return err
	}
	if err := s.check("calls across the switch", switching, good.Load()); err != nil {
		return err
	}
	if err := s.cast.People["noor"].Post(ctx, "issuance", "/v1/credentials/"+old.ID+"/retire", map[string]any{"generation": 1}, nil); err != nil {
		return err
	}
	retired, err := s.until(ctx, old.Secret, 401)
	if err != nil {
		return err
	}
	if err := s.happened(ctx, 0, "retire", "issuance.credential.Retired", old.ID, "the old key: %d", retired); err != nil {
		return err
	}
	t.key.Secret = fresh.Secret
	still, err := s.call.do(ctx, t.allowed.Method, at, fresh.Secret)
	if err != nil {
		return err
	}
	return s.check("the new key after the old one's end", true, still.status < 300)
}

// until asks the authorizer until it answers a status.
func (s *story) until(ctx context.Context, key string, want int) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for status != want {
		if status, err = s.call.verify(ctx, s.suite.Gateway, s.told.allowed.Method, s.told.allowed.target(s.told.basePath), key); err != nil {
			return status, err
		}
	}
	return status, nil
}

func (s *story) revoke(ctx context.Context) error {
	t := &s.told
	subscriber := &subscriber{s: s}
	if err := subscriber.catchUp(ctx); err != nil {
		return err
	}
	// The second factor is proven before, so that the command alone is timed.
	if err := s.cast.People["sam"].StepUp(ctx); err != nil {
		return err
	}
	began := time.Now()
	came := make(chan result, 1)
	go func() {
		at, err := subscriber.await(ctx, "io.chancery.issuance.credential.revoked.v1", "credential/"+t.key.ID)
		came <- result{at, err}
	}()
	took, err := s.end1(ctx, "sam", t.key)
	if err != nil {
		return err
	}
	fed := <-came
	if fed.err != nil {
		return fed.err
	}
	if err := s.happened(ctx, 8, "revoke", "issuance.credential.Revoked", t.key.ID, "by the second owner, reason suspected_leak"); err != nil {
		return err
	}
	dead := []string{t.key.Secret}
	var times []time.Duration
	for i := range trials {
		key, err := s.cast.Issue(ctx, "noor", t.grant, "api_key", fmt.Sprintf("trial %d", i))
		if err != nil {
			return err
		}
		if _, err := s.until(ctx, key.Secret, 204); err != nil {
			return err
		}
		took, err := s.end1(ctx, "noor", key)
		if err != nil {
			return err
		}
		times, dead = append(times, took), append(dead, key.Secret)
	}
	var admitted atomic.Int64
	target := t.allowed.target(t.basePath)
	err = spread(ctx, 8, probes, func(i int) error {
		status, err := s.call.verify(ctx, s.suite.Gateway, t.allowed.Method, target, dead[i%len(dead)])
		if status != 401 {
			admitted.Add(1)
		}
		return err
	})
	if err != nil {
		return err
	}
	s.line("denied", "%s ms after the command (%d trials: p50 %s, p99 %s); %d probes since: %d admitted", ms(took), trials, ms(quantile(times, .5)), ms(quantile(times, .99)), probes, admitted.Load())
	if err := s.check("calls with a revoked key", 0, admitted.Load()); err != nil {
		return err
	}
	s.line("feed", "a subscriber of Northwind's events got credential.revoked after %s ms, and %d events of other organisations among %d", ms(fed.at.Sub(began)), subscriber.foreign(), len(subscriber.events))
	return s.check("events of other organisations", 0, subscriber.foreign())
}

type result struct {
	at  time.Time
	err error
}

// end1 revokes a credential while its key is used without pause, and tells how long after the command the first call was
// denied. No call that began after the command was answered may pass.
func (s *story) end1(ctx context.Context, who string, key world.Key) (time.Duration, error) {
	t := &s.told
	target := t.allowed.target(t.basePath)
	denied := make(chan time.Time, 1)
	failed := make(chan error, 1)
	go func() {
		for {
			status, err := s.call.verify(ctx, s.suite.Gateway, t.allowed.Method, target, key.Secret)
			if err != nil {
				failed <- err
				return
			}
			if status == 401 {
				denied <- time.Now()
				return
			}
		}
	}()
	sent := time.Now()
	if err := s.cast.People[who].Post(ctx, "issuance", "/v1/credentials/"+key.ID+"/revoke", map[string]any{"reason": "suspected_leak"}, nil); err != nil {
		return 0, err
	}
	select {
	case at := <-denied:
		return at.Sub(sent), nil
	case err := <-failed:
		return 0, err
	case <-time.After(30 * time.Second):
		return 0, s.check("a revoked key", "denied", "admitted for 30 s")
	}
}
