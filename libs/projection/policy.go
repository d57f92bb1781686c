package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// commands is the namespace of command ids that policies give.
var commands = uuid.MustParse("5b1c7b0e-6a5e-4c62-9d0b-4e9a3f6f0c11")

// CommandID is the id of what a policy does about one fact: the same however often it is shown the fact.
func CommandID(policy, factID string) string {
	return uuid.NewSHA1(commands, []byte(policy+"/"+factID)).String()
}

// saving is how often the policies' positions are stored: what was done since is done again after a crash, to no effect.
const saving = time.Second

// reaction is one policy on its way through the log.
type reaction struct {
	Policy
	at    atomic.Uint64
	saved uint64
}

// lead runs the policies whenever this instance is the one that does.
func (r *Runner) lead(ctx context.Context) {
	// Before the views are made there is nothing a policy could answer, nor a table to keep its position in.
	for soon := (backoff{limit: 100 * time.Millisecond}); !r.Prepared(); {
		if soon.wait(ctx) != nil {
			return
		}
	}
	b := backoff{limit: time.Second}
	for ctx.Err() == nil {
		err := alone(ctx, r.DB, "policies", r.Name, r.react)
		if ctx.Err() == nil && err != nil && !errors.Is(err, errBusy) {
			r.Logger.WarnContext(ctx, "policies interrupted", "checkpoint", r.Name, "error", err)
		}
		_ = b.wait(ctx)
	}
}

// react runs every policy until ctx ends or the connection is lost whose lock says that no other instance does.
func (r *Runner) react(ctx context.Context, conn *sqlx.Conn) error {
	reactions, err := r.reactions(ctx, conn)
	if err != nil {
		return err
	}
	acting, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, p := range reactions {
		all.Go(func() { r.pursue(acting, p) })
	}
	err = save(ctx, conn, reactions)
	stop()
	all.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return errors.Join(err, store(last, conn, reactions))
}

func (r *Runner) reactions(ctx context.Context, conn *sqlx.Conn) ([]*reaction, error) {
	out := make([]*reaction, len(r.Policies))
	for i, p := range r.Policies {
		out[i] = &reaction{Policy: p}
		err := conn.GetContext(ctx, &out[i].saved, `select seq from projection_policies where name=$1`, p.Name)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = conn.ExecContext(ctx, `insert into projection_policies (name, seq) values ($1, 0)`, p.Name)
		}
		if err != nil {
			return nil, err
		}
		out[i].at.Store(out[i].saved)
	}
	return out, nil
}

func save(ctx context.Context, conn *sqlx.Conn, reactions []*reaction) error {
	tick := time.NewTicker(saving)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := conn.PingContext(ctx); err != nil {
			return err
		}
		if err := store(ctx, conn, reactions); err != nil {
			return err
		}
	}
}

func store(ctx context.Context, conn *sqlx.Conn, reactions []*reaction) error {
	var names []string
	var positions []uint64
	for _, p := range reactions {
		if at := p.at.Load(); at != p.saved {
			names, positions = append(names, p.Name), append(positions, at)
			p.saved = at
		}
	}
	if len(names) == 0 {
		return nil
	}
	var rows Columns
	for i := range names {
		rows.Add(names[i], int64(positions[i]))
	}
	return rows.Exec(ctx, conn, `update projection_policies p set seq=n.seq from unnest($1::text[], $2::bigint[]) as n(name, seq)
		where p.name=n.name and p.seq<n.seq`)
}

// pursue shows one policy everything the views have taken.
func (r *Runner) pursue(ctx context.Context, p *reaction) {
	b := backoff{limit: 5 * time.Second}
	for ctx.Err() == nil {
		records, ok, err := r.recent.after(ctx, p.at.Load())
		switch {
		case err != nil:
			return
		case ok:
			err = r.show(ctx, p, records)
		default:
			err = r.Follow(ctx, p.at.Load(), func(ctx context.Context, batch []eventlog.Recorded) error {
				if err := r.show(ctx, p, batch); err != nil {
					return err
				}
				if r.recent.covers(p.at.Load()) {
					return eventlog.ErrStop
				}
				return nil
			})
		}
		if err == nil {
			b.last = 0
			continue
		}
		if ctx.Err() == nil {
			r.Logger.WarnContext(ctx, "a policy waits", "policy", p.Name, "position", p.at.Load(), "error", err)
			_ = b.wait(ctx)
		}
	}
}

// show tells one policy every fact of the records, none before the views have it.
func (r *Runner) show(ctx context.Context, p *reaction, records []eventlog.Recorded) error {
	for _, rec := range records {
		for i, fact := range rec.Facts {
			if fact == nil || (len(p.To) > 0 && !slices.Contains(p.To, fact.ProtoReflect().Descriptor().FullName())) {
				continue
			}
			if err := r.insist(ctx, p.Policy, rec, i); err != nil {
				return err
			}
		}
		p.at.Store(rec.Sequence)
	}
	return nil
}

// insist shows a fact until the policy is done with it: its next facts must not overtake it.
func (r *Runner) insist(ctx context.Context, p Policy, rec eventlog.Recorded, index int) error {
	b := backoff{limit: 5 * time.Second}
	for try := 1; ; try++ {
		err := r.on(ctx, p, rec, index)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, eventlog.ErrBehind) && try <= 20 {
			// The views are on their way to what it decided just before.
			soon := backoff{limit: 20 * time.Millisecond}
			if err := soon.wait(ctx); err != nil {
				return err
			}
			continue
		}
		r.stick(p.Name, err)
		if err == nil {
			return nil
		}
		r.Logger.ErrorContext(ctx, "a policy failed and tries again", "policy", p.Name, "fact", rec.FactID(index), "position", rec.Sequence, "try", try, "error", err)
		if err := b.wait(ctx); err != nil {
			return err
		}
	}
}

func (r *Runner) stick(policy string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stuck == nil {
		r.stuck = map[string]error{}
	}
	r.stuck[policy] = err
}

func (r *Runner) on(ctx context.Context, p Policy, rec eventlog.Recorded, index int) (err error) {
	shown, seen, err := r.sight(ctx, rec)
	if err != nil {
		return err
	}
	ctx, span := r.Tracer.Start(rec.Trace(ctx), "policy "+p.Name, trace.WithAttributes(
		attribute.String("chancery.service", r.Service), attribute.String("chancery.fact", rec.FactID(index)), attribute.Int64("chancery.position", int64(rec.Sequence))))
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, "not done")
		}
		span.End()
	}()
	id := rec.FactID(index)
	return p.On(eventlog.WithMeta(ctx, eventlog.Meta{
		CommandID: CommandID(p.Name, id), CausationID: id, CorrelationID: rec.Envelope.GetCorrelationId(),
		Actor:        &eventv1.Actor{Id: r.Service + "." + p.Name, Kind: "service"},
		Organization: rec.Envelope.GetOrganization(), Shown: shown, Seen: seen,
	}), rec, index, rec.Facts[index])
}

// sight waits until everything a policy may look at holds the record. It returns the position the policy answers, and
// the one it has certainly seen, read before it looks: what it reads may be newer, never older.
func (r *Runner) sight(ctx context.Context, rec eventlog.Recorded) (shown, seen uint64, err error) {
	if r.Name != events {
		// Positions are those of EVENTS, and so is what an observation had seen.
		shown = rec.Envelope.GetSeen()
		if r.Frontier != nil {
			if err := r.Frontier.WaitFor(ctx, shown); err != nil {
				return 0, 0, err
			}
			seen = r.Frontier.Position()
		}
		return shown, seen, nil
	}
	if err := r.wait(ctx, rec.Sequence, nil); err != nil {
		return 0, 0, err
	}
	seen = r.Position()
	if r.Frontier != nil {
		if err := r.Frontier.WaitFor(ctx, rec.Sequence); err != nil {
			return 0, 0, fmt.Errorf("%w: %w", eventlog.ErrBehind, err)
		}
		seen = min(seen, r.Frontier.Position())
	}
	if seen < rec.Sequence {
		return 0, 0, fmt.Errorf("%w: the views are being rebuilt", eventlog.ErrBehind)
	}
	return rec.Sequence, seen, nil
}
