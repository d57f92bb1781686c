package service

import (
	"context"
	"errors"
	"time"

	"github.com/chancery-dev/chancery/libs/projection"
)

// Inspection is a service connected and wired, but not served: for tools that look at what it keeps.
type Inspection struct {
	Deps Deps
	// Views are everything it derives of the log, each with what it is derived of.
	Views []Derived

	running *Running
}

// Derived is a view and the stream it is a fold of.
type Derived struct {
	projection.View
	Follow projection.Source
}

// errNotServed answers who would wait for views that nobody keeps.
var errNotServed = errors.New("the service is looked at, not served")

// Inspect connects and wires a service as Start does, and serves nothing. The caller closes it.
func Inspect(ctx context.Context, name string, c Config, wire New) (_ *Inspection, err error) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &Running{Name: name, failed: make(chan struct{}), cancel: cancel}
	i := &Inspection{running: r}
	defer func() {
		if err != nil {
			err = errors.Join(err, i.Close())
		}
	}()
	starting, done := context.WithTimeout(ctx, c.StartTimeout)
	defer done()
	d, limits, err := r.open(starting, name, c)
	if err != nil {
		return nil, err
	}
	d.WaitFor = func(context.Context, uint64) error { return errNotServed }
	d.API = r.newAPI(d, limits, func(context.Context, uint64) (uint64, error) { return 0, errNotServed })
	s, err := wire(own(running, name), d)
	if err != nil {
		return nil, err
	}
	i.Deps = d
	for _, v := range s.Views {
		i.Views = append(i.Views, Derived{v, d.Log.Follow})
	}
	i.Views = append(i.Views, s.Derived...)
	return i, nil
}

// Close ends the connections.
func (i *Inspection) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return i.running.close(ctx)
}
