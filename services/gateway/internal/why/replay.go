// Package why explains a decision of an authorizer after the fact: it reaches the verdict again from the log as it was at the
// decision's position, and lists what the verdict rested on.
package why

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// Follow reads EVENTS after a sequence in order, until apply says stop.
type Follow func(ctx context.Context, after uint64, apply func(context.Context, []eventlog.Recorded) error) error

// idle is how long a replayed log is kept for the next question.
const idle = time.Minute

// Replay folds the log a second time, up to the positions asked about. Going on is cheap, going back begins anew; one
// question is answered at a time. Nothing of it lies in the way of a call.
type Replay struct {
	Follow Follow
	Logger *slog.Logger

	mu   sync.Mutex
	at   *folded
	drop *time.Timer
}

type folded struct {
	fold *fold.Fold
	live *lineage.Fold
}

// reach returns the folds at a position. The caller holds mu.
func (r *Replay) reach(ctx context.Context, position uint64) (*folded, error) {
	if r.at == nil || r.at.live.Position() > position {
		live := lineage.NewFold()
		r.at = &folded{fold.New(live, slog.New(slog.DiscardHandler)), live}
	}
	f := r.at
	if f.live.Position() == position {
		return f, nil
	}
	err := r.Follow(ctx, f.live.Position(), func(ctx context.Context, batch []eventlog.Recorded) error {
		for i := range batch {
			if batch[i].Sequence > position {
				batch = batch[:i]
				break
			}
		}
		if err := f.fold.Apply(ctx, batch); err != nil {
			return err
		}
		for _, m := range batch {
			if err := f.live.Apply(m.Sequence, m.Time, m.Envelope, []proto.Message(m.Facts)); err != nil {
				return err
			}
		}
		if f.live.Position() >= position {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		r.at = nil
		return nil, err
	}
	return f, nil
}

// kept forgets the folds some time after the last question.
func (r *Replay) kept() {
	if r.drop != nil {
		r.drop.Stop()
	}
	r.drop = time.AfterFunc(idle, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.at = nil
	})
}

// maxRange bounds how many positions a verdict is looked for that was reached while facts arrived.
const maxRange = 64

// Derived is what the log says of a decision.
type Derived struct {
	// Bundle says that the contracts in force were those the decision names.
	Bundle bool
	// Reason is the verdict reached again, empty if nothing in the log speaks against the call.
	Reason verdict.Reason
	// Agrees says that the decision follows from the log; if its reason lies in the request itself, that the log holds
	// nothing against the caller.
	Agrees bool
	// Position is where it does.
	Position uint64
	Verdict  verdict.Verdict
}

// Derive reaches the verdict of a decision again.
func (r *Replay) Derive(ctx context.Context, d *decision.Decision) (out Derived, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.kept()
	for position := d.Position; position <= min(d.Through, d.Position+maxRange); position++ {
		f, err := r.reach(ctx, position)
		if err != nil {
			return out, err
		}
		if out = derive(f, d); out.Agrees {
			return out, nil
		}
	}
	return out, nil
}

func derive(f *folded, d *decision.Decision) Derived {
	out := Derived{Position: f.live.Position()}
	table := f.fold.Table()
	sum := table.Digest()
	out.Bundle = [8]byte(sum[:8]) == d.Bundle
	if d.Credential == "" {
		// Nothing was recognised: the id's own word stands, and which contracts were in force.
		out.Reason, out.Agrees = d.Reason, out.Bundle && d.Reason != ""
		return out
	}
	call := verdict.Recalled{Credential: d.Credential, Generation: d.Generation, At: d.At, Environment: d.Environment, Operation: table.Named(d.Operation)}
	if t := d.Token; t != nil {
		call.Token = &verdict.RecalledToken{Claim: d.Claim(func(short [4]byte) string {
			return f.fold.KeyNamed(func(id string) bool { return decision.KeyOf(id) == short })
		}), Scopes: func(of []string) (scopes []string) {
			for i, scope := range of {
				if i < 64 && t.Scopes&(1<<i) != 0 {
					scopes = append(scopes, scope)
				}
			}
			return scopes
		}}
	}
	verdict.Again(f.fold, &call, &out.Verdict)
	out.Reason = out.Verdict.Reason
	known := call.Operation != nil || d.Operation == [6]byte{}
	out.Agrees = out.Bundle && known && (out.Reason == d.Reason || out.Reason == "" && d.Reason.FromRequest())
	// A call that passed was for an operation.
	if d.Reason == "" && call.Operation == nil {
		out.Agrees = false
	}
	return out
}
