package suite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// process is something that runs beside this one.
type process interface {
	PID() int
	Done() <-chan struct{}
	Stop(ctx context.Context) error
}

// child is a process that is started again whenever it ends.
type child struct {
	name  string
	start func(ctx context.Context) (process, error)
	say   func(string)

	cancel context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	now      process
	restarts int
}

// steady is how long a process has to run to be started again at once when it ends.
const steady = 10 * time.Second

// begin starts the process and keeps it running until stop.
func (c *child) begin(ctx context.Context) error {
	p, err := c.start(ctx)
	if err != nil {
		return err
	}
	c.now, c.ended = p, make(chan struct{})
	ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() { defer close(c.ended); c.keep(ctx, p) }()
	return nil
}

func (c *child) keep(ctx context.Context, p process) {
	wait, since := time.Duration(0), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.Done():
		}
		// For what a child holds beside its process, such as the lock of a folder.
		_ = p.Stop(ctx)
		c.say(fmt.Sprintf("%s (process %d) ended: starting it again", c.name, p.PID()))
		for begun := false; !begun; {
			if time.Since(since) > steady {
				wait = 0
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			wait, since = min(max(2*wait, 100*time.Millisecond), 5*time.Second), time.Now()
			next, err := c.start(ctx)
			if err != nil && ctx.Err() == nil {
				c.say(fmt.Sprintf("%s does not start: %v", c.name, err))
				continue
			}
			if err != nil {
				return
			}
			begun, p = true, next
		}
		c.mu.Lock()
		c.now = p
		c.restarts++
		c.mu.Unlock()
		c.say(fmt.Sprintf("%s runs again as process %d", c.name, p.PID()))
	}
}

// running is the process as it is now, and how often it had to be started again.
func (c *child) running() (process, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now, c.restarts
}

// patience is how long a process may take to end.
const patience = 25 * time.Second

func (c *child) stop(ctx context.Context) error {
	c.cancel()
	<-c.ended
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, _ := c.running()
	select {
	case <-p.Done(): // it had ended just before
		_ = p.Stop(ctx)
		return nil
	default:
	}
	// A process that had not got as far as listening to signals ends by ours.
	if err := p.Stop(ctx); err != nil && err.Error() != "signal: terminated" {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// Process is one process of a split suite.
type Process struct {
	Name     string
	PID      int
	Restarts int
}

// Processes are those of a split suite, in the order they were started.
func (s *Suite) Processes() []Process {
	all := make([]Process, len(s.children))
	for i, c := range s.children {
		p, restarts := c.running()
		all[i] = Process{c.name, p.PID(), restarts}
	}
	return all
}

func (s *Suite) stopChildren(ctx context.Context) error {
	var errs []error
	for i := len(s.children) - 1; i >= 0; i-- {
		errs = append(errs, s.children[i].stop(ctx))
	}
	s.children = nil
	return errors.Join(errs...)
}
