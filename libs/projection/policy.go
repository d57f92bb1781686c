package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// policies is the namespace of command ids that policies give.
var policies = uuid.MustParse("5b1c7b0e-6a5e-4c62-9d0b-4e9a3f6f0c11")

// CommandID is the id of what a policy does about one fact: the same however often it is shown the fact.
func CommandID(policy, factID string) string {
	return uuid.NewSHA1(policies, []byte(policy+"/"+factID)).String()
}

// react runs the policies behind the views, in one instance at a time.
func (r *Runner) react(ctx context.Context) error {
	conn, err := r.DB.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// Whoever holds the lock reacts; when its connection ends, another instance takes over from the stored positions.
	if _, err := conn.ExecContext(ctx, `select pg_advisory_lock(hashtext(current_schema() || '.policies.' || $1))`, r.Name); err != nil {
		return err
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `select pg_advisory_unlock(hashtext(current_schema() || '.policies.' || $1))`, r.Name)
	}()
	at := make([]uint64, len(r.Policies))
	least := ^uint64(0)
	for i, p := range r.Policies {
		err := conn.GetContext(ctx, &at[i], `select seq from projection_policies where name=$1`, p.Name)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = conn.ExecContext(ctx, `insert into projection_policies (name, seq) values ($1, 0)`, p.Name)
		}
		if err != nil {
			return err
		}
		least = min(least, at[i])
	}
	return r.Follow(ctx, least, func(ctx context.Context, batch []eventlog.Recorded) error {
		for _, rec := range batch {
			if err := r.wait(ctx, rec.Sequence, nil); err != nil {
				return err
			}
			for i, p := range r.Policies {
				if rec.Sequence <= at[i] {
					continue
				}
				if err := r.on(ctx, p, rec); err != nil {
					return fmt.Errorf("policy %s, position %d: %w", p.Name, rec.Sequence, err)
				}
			}
		}
		last := batch[len(batch)-1].Sequence
		for i := range at {
			at[i] = max(at[i], last)
		}
		return save(ctx, conn, r.Policies, last)
	})
}

func save(ctx context.Context, conn *sqlx.Conn, all []Policy, last uint64) error {
	for _, p := range all {
		if _, err := conn.ExecContext(ctx, `update projection_policies set seq=$2 where name=$1 and seq<$2`, p.Name, last); err != nil {
			return err
		}
	}
	return nil
}

// on shows one policy every fact of a decision.
func (r *Runner) on(ctx context.Context, p Policy, rec eventlog.Recorded) error {
	ctx, span := r.Tracer.Start(rec.Trace(ctx), "policy "+p.Name, trace.WithAttributes(attribute.Int64("position", int64(rec.Sequence))))
	defer span.End()
	for i, fact := range rec.Facts {
		if fact == nil {
			continue
		}
		id := rec.FactID(i)
		act := eventlog.WithMeta(ctx, eventlog.Meta{
			CommandID: CommandID(p.Name, id), CausationID: id, CorrelationID: rec.Envelope.GetCorrelationId(),
			Actor: &eventv1.Actor{Id: r.Service + "." + p.Name, Kind: "service"}, Shown: rec.Sequence,
		})
		if err := p.On(act, rec, i, fact); err != nil {
			return err
		}
	}
	return nil
}
