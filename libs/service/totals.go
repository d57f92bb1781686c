package service

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

const (
	// shareEvery is how long a use admitted here can be unknown to the other instances, beside the way of one message.
	shareEvery = 100 * time.Millisecond
	// presentEvery is how often an instance says that it is there, absentAfter when the others stop counting on it.
	presentEvery = 3 * time.Second
	absentAfter  = 10 * time.Second
	recentBeats  = 16
	limitsNode   = "limits-"
)

// totals shares on PULSE what this instance admitted: each beat carries the last few, so that one overwritten before it is
// read is not lost. Callers go by as ids only, network addresses not at all.
type totals struct {
	pulse   *eventlog.Pulse
	service string
	node    string
	clock   func() time.Time
	logger  *slog.Logger

	mu      sync.Mutex
	take    func(string, int)
	pending map[string]int
	sent    sentUses
	heard   map[string]*heard
}

type sentUses struct {
	// Beat numbers the newest of Recent.
	Beat   uint64           `json:"beat"`
	Recent []map[string]int `json:"recent,omitempty"`
}

type heard struct {
	beat uint64
	at   time.Time
}

func newTotals(p *eventlog.Pulse, service, node string, clock func() time.Time, logger *slog.Logger) *totals {
	return &totals{pulse: p, service: service, node: limitsNode + node, clock: clock, logger: logger, pending: map[string]int{}, heard: map[string]*heard{}}
}

func (t *totals) Share(key string) {
	if strings.Contains(key, "/address\x00") {
		return
	}
	t.mu.Lock()
	t.pending[key]++
	t.mu.Unlock()
}

func (t *totals) Listen(take func(string, int)) { t.take = take }

func (t *totals) Instances() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 1
	for _, h := range t.heard {
		if t.clock().Sub(h.at) < absentAfter {
			n++
		}
	}
	return n
}

// run shares and listens until ctx ends. Without PULSE each instance goes on by what it counts itself.
func (t *totals) run(ctx context.Context) error {
	go func() {
		for ctx.Err() == nil {
			if err := t.pulse.Watch(ctx, t.hear); err != nil && ctx.Err() == nil {
				t.logger.WarnContext(ctx, "limits are not heard of other instances", "error", err)
				sleep(ctx, time.Second)
			}
		}
	}()
	tick := time.NewTicker(shareEvery)
	defer tick.Stop()
	present := time.Time{}
	for {
		if body := t.beat(time.Since(present) >= presentEvery); body != nil {
			present = time.Now()
			sending, cancel := context.WithTimeout(ctx, time.Second)
			if err := t.pulse.Beat(sending, t.node, body); err != nil && ctx.Err() == nil {
				t.logger.DebugContext(ctx, "limits were not shared", "error", err)
			}
			cancel()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// beat is what to send, nil if there is nothing new.
func (t *totals) beat(present bool) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) == 0 && !present {
		return nil
	}
	if len(t.pending) > 0 {
		t.sent.Beat++
		t.sent.Recent = append(t.sent.Recent, t.pending)
		if len(t.sent.Recent) > recentBeats {
			t.sent.Recent = t.sent.Recent[len(t.sent.Recent)-recentBeats:]
		}
		t.pending = map[string]int{}
	}
	body, err := json.Marshal(t.sent)
	if err != nil {
		return nil
	}
	return body
}

func (t *totals) hear(b eventlog.Beat) error {
	if b.Service != t.service || b.Node == t.node || !strings.HasPrefix(b.Node, limitsNode) {
		return nil
	}
	var uses sentUses
	if err := json.Unmarshal(b.Body, &uses); err != nil || len(uses.Recent) > recentBeats {
		return nil
	}
	t.mu.Lock()
	h, known := t.heard[b.Node]
	if !known {
		// What it admitted before it was first heard of may be long ago.
		h = &heard{beat: uses.Beat - uint64(min(len(uses.Recent), 1))}
		t.heard[b.Node] = h
	}
	if uses.Beat < h.beat {
		h.beat = 0 // it began anew
	}
	fresh := min(uses.Beat-h.beat, uint64(len(uses.Recent)))
	h.beat, h.at = uses.Beat, t.clock()
	take := t.take
	for node, other := range t.heard {
		if t.clock().Sub(other.at) > time.Minute {
			delete(t.heard, node)
		}
	}
	t.mu.Unlock()
	for _, batch := range uses.Recent[len(uses.Recent)-int(fresh):] {
		for key, n := range batch {
			take(key, n)
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
