package service

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Ready returns once the service is ready, or with what it lacks when ctx ends.
func (r *Running) Ready(ctx context.Context) error {
	for {
		state := r.health.readiness(ctx)
		if state.Ready {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-r.failed:
			return r.failure
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %+v", r.Name, state.Checks)
		}
	}
}

// Stop answers as not ready, lets the requests under way end, stops what runs beside them and closes. Only the first call
// does anything.
func (r *Running) Stop() (err error) {
	r.stopped.Do(func() { err = r.drain() })
	return err
}

func (r *Running) drain() error {
	c := r.Deps.Config
	r.health.draining.Store(true)
	time.Sleep(c.DrainDelay)
	ctx, cancel := context.WithTimeout(context.Background(), c.DrainTimeout)
	defer cancel()
	err := r.api.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were cut off: %w", err), r.api.Close())
	}
	if r.stop != nil {
		err = errors.Join(err, r.stop(ctx))
	}
	err = errors.Join(err, r.admin.Close())
	return errors.Join(err, r.close(ctx))
}

// close ends what runs and then what it ran on, last opened first.
func (r *Running) close(ctx context.Context) error {
	r.cancel()
	if r.api != nil {
		_ = r.api.Close()
	}
	if r.admin != nil {
		_ = r.admin.Close()
	}
	ended := make(chan struct{})
	go func() { r.loops.Wait(); close(ended) }()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = errors.New("something still ran when the service was closed")
	}
	for i := len(r.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, r.closers[i](ctx))
	}
	r.closers = nil
	return err
}

func shortID() string {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
