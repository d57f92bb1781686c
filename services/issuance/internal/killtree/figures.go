package killtree

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/endings"
)

// remembered is how many endings the figures are made of.
const remembered = 500

// Revocation is one ending and when each authorizer had applied it.
type Revocation struct {
	endings.Cause
	Organization string `json:"organization_id,omitempty"`
	// Authorizers is by name how many milliseconds after the log stored it an authorizer had applied it.
	Authorizers map[string]float64 `json:"authorizers_ms"`
	// Felt is the longest of them.
	Felt float64 `json:"felt_ms"`
}

// Figures are the recent endings, newest first, and how fast they were felt by the authorizers that said so.
type Figures struct {
	Items []Revocation `json:"items"`
	Count int          `json:"count" doc:"How many endings the figures are of"`
	P50   float64      `json:"p50_ms" doc:"From the log to an authorizer, over endings and authorizers"`
	P99   float64      `json:"p99_ms"`
	Max   float64      `json:"max_ms"`
}

// Revocations measures how quickly access can be revoked (D10), since this process started. It is safe for concurrent use.
type Revocations struct {
	// Organization is whose tree a cause stands in.
	Organization func(endings.Cause) string
	Watch        func(ctx context.Context, apply func(eventlog.Beat) error) error
	Now          func() time.Time
	// Took is told of each measured time, if set.
	Took func(kind string, d time.Duration)

	mu      sync.Mutex
	recent  []*Revocation // oldest first
	started time.Time
}

// Apply notes the endings of a batch.
func (v *Revocations) Apply(_ context.Context, batch []eventlog.Recorded) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.started.IsZero() {
		v.started = time.Now()
	}
	for _, r := range batch {
		if r.Time.Before(v.started) {
			continue // nobody measured then
		}
		if c, ok := CauseOf(r); ok {
			v.recent = append(v.recent, &Revocation{Cause: c, Organization: r.Envelope.GetOrganization(), Authorizers: map[string]float64{}})
		}
	}
	if over := len(v.recent) - remembered; over > 0 {
		v.recent = slices.Delete(v.recent, 0, over)
	}
	return nil
}

// Run listens to the authorizers until ctx ends.
func (v *Revocations) Run(ctx context.Context) error {
	for {
		_ = v.Watch(ctx, v.hear) // a lost watch is begun again
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (v *Revocations) hear(b eventlog.Beat) error {
	var said eventv1.Applied
	if b.Service != "gateway" || proto.Unmarshal(b.Body, &said) != nil {
		return nil
	}
	now := v.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range slices.Backward(v.recent) {
		if _, known := r.Authorizers[b.Node]; known {
			break // and all before it
		}
		if r.Position > said.Position {
			continue
		}
		took := max(now.Sub(r.At), 0)
		r.Authorizers[b.Node] = milliseconds(took)
		r.Felt = max(r.Felt, milliseconds(took))
		if v.Took != nil {
			v.Took(r.Of.Kind, took)
		}
	}
	return nil
}

// Figures are those of one organisation, of all where it is empty.
func (v *Revocations) Figures(organization string) Figures {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := Figures{Items: []Revocation{}}
	var took []float64
	for _, r := range slices.Backward(v.recent) {
		if r.Organization == "" {
			r.Organization = v.Organization(r.Cause)
		}
		if organization != "" && r.Organization != organization {
			continue
		}
		f.Count++
		for _, d := range r.Authorizers {
			took = append(took, d)
		}
		if len(f.Items) < 100 {
			c := *r
			c.Authorizers = map[string]float64{}
			for name, d := range r.Authorizers {
				c.Authorizers[name] = d
			}
			f.Items = append(f.Items, c)
		}
	}
	if len(took) > 0 {
		slices.Sort(took)
		f.P50, f.P99, f.Max = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	}
	return f
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
