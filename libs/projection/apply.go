package projection

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

var (
	// errChanged says that somebody else prepared the views anew: what this instance knows of them is void.
	errChanged = errors.New("the views were prepared anew")
	// errGap says that the log was delivered with a hole.
	errGap = errors.New("a decision is missing between the checkpoint and what was delivered")
	// errLost says that the connection under a transaction is gone, whatever else it said.
	errLost = errors.New("the connection to the database was lost")
)

// standing is a checkpoint as it stands.
type standing struct {
	Seq         uint64
	Fingerprint string
}

func (r *Runner) standing(ctx context.Context) (s standing, err error) {
	err = r.DB.GetContext(ctx, &s, `select seq, fingerprint from projection_checkpoints where name=$1`, r.Name)
	return s, err
}

// project follows from the checkpoint.
func (r *Runner) project(ctx context.Context) error {
	s, err := r.standing(ctx)
	if err != nil {
		return err
	}
	if s.Fingerprint != r.fingerprint() {
		return errChanged
	}
	r.recent.reset(s.Seq)
	r.reached(s.Seq)
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() { defer close(watched); r.watch(ctx, cancel) }()
	err = r.Follow(ctx, s.Seq, func(ctx context.Context, batch []eventlog.Recorded) error {
		if err := r.apply(ctx, batch); err != nil {
			return err
		}
		r.recent.add(batch)
		return nil
	})
	if cause := context.Cause(ctx); errors.Is(cause, errChanged) {
		err = cause
	}
	cancel(nil)
	<-watched
	return err
}

// watch notices on an idle log what other instances did.
func (r *Runner) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if s, err := r.standing(ctx); err == nil && s.Fingerprint != r.fingerprint() {
			cancel(errChanged)
			return
		}
	}
}

// apply writes one batch with its checkpoint; where another instance was first, what it left over. Of a batch with a fact
// that a view cannot take it writes what precedes it.
func (r *Runner) apply(ctx context.Context, batch []eventlog.Recorded) error {
	err := r.applyWhole(ctx, batch)
	if err == nil || ctx.Err() != nil || errors.Is(err, errChanged) || r.passing(ctx, err) {
		return err
	}
	for len(batch) > 0 && batch[0].Sequence != batch[len(batch)-1].Sequence {
		first := until(batch, batch[0].Sequence)
		if err := r.applyWhole(ctx, first); err != nil {
			return err
		}
		batch = batch[len(first):]
	}
	return r.applyWhole(ctx, batch)
}

func (r *Runner) applyWhole(ctx context.Context, batch []eventlog.Recorded) error {
	last := batch[len(batch)-1].Sequence
	for {
		at := r.Position()
		if last <= at {
			return nil
		}
		rest := after(batch, at)
		if r.Name == events && rest[0].Sequence != at+1 {
			return fmt.Errorf("%w: #%d after #%d", errGap, rest[0].Sequence, at)
		}
		won, err := r.write(ctx, rest, at, last)
		if err != nil {
			return err
		}
		if won {
			r.count(ctx, rest)
			r.reached(last)
			return nil
		}
		s, err := r.standing(ctx)
		if err != nil {
			return err
		}
		if s.Fingerprint != r.fingerprint() || s.Seq < at {
			return errChanged
		}
		r.reached(s.Seq)
	}
}

func after(batch []eventlog.Recorded, at uint64) []eventlog.Recorded {
	for i, rec := range batch {
		if rec.Sequence > at {
			return batch[i:]
		}
	}
	return nil
}

func until(batch []eventlog.Recorded, to uint64) []eventlog.Recorded {
	for i, rec := range batch {
		if rec.Sequence > to {
			return batch[:i]
		}
	}
	return batch
}

func (r *Runner) write(ctx context.Context, batch []eventlog.Recorded, old, last uint64) (won bool, err error) {
	ctx, span := r.Tracer.Start(ctx, "project "+r.Name, trace.WithLinks(eventlog.Links(ctx, batch)...), trace.WithAttributes(
		attribute.String("chancery.service", r.Service), attribute.Int("chancery.records", len(batch)), attribute.Int64("chancery.position", int64(last))))
	defer func() {
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, "not applied")
		}
		span.SetAttributes(attribute.Bool("chancery.applied", won))
		span.End()
	}()
	tx, err := r.DB.BeginTxx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }()
	// Rows and checkpoint are lost together or not at all, and the log has what they were made of.
	if _, err := tx.ExecContext(ctx, `set local synchronous_commit = off`); err != nil {
		return false, err
	}
	// The row is locked first, so that a race is decided before any work is done twice.
	res, err := tx.ExecContext(ctx, `update projection_checkpoints set seq=$1, moved_at=now() where name=$2 and seq=$3 and fingerprint=$4`,
		last, r.Name, old, r.fingerprint())
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return false, err
	}
	for _, v := range r.Views {
		if err := v.apply(ctx, tx, batch); err != nil {
			return false, err
		}
	}
	return true, tx.Commit()
}

// apply blames the first record of the batch, which is right for batches of one. A failure of the connection is no fault
// of the facts.
func (v View) apply(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if err == nil {
			return
		}
		err = &Stopped{View: v.Name, Sequence: batch[0].Sequence, Subject: batch[0].Subject, Err: err}
		if rollback := tx.Rollback(); rollback != nil {
			err = errors.Join(errLost, err)
		}
	}()
	return v.Apply(ctx, tx, batch)
}

// passing is true for failures that waiting may heal.
func (r *Runner) passing(ctx context.Context, err error) bool {
	var pg *pq.Error
	var network net.Error
	switch {
	case err == nil:
		return true
	case errors.Is(err, eventlog.ErrForbidden), errors.Is(err, eventlog.ErrCorrupt), errors.Is(err, eventlog.ErrShorter), errors.Is(err, ErrSuperseded):
		return false
	case errors.Is(err, errLost), errors.Is(err, errGap), errors.Is(err, errBusy), errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF),
		errors.Is(err, eventlog.ErrUnavailable), errors.As(err, &network):
		return true
	case errors.As(err, &pg):
		switch pg.Code.Class() {
		case "08", "40", "53", "55", "57", "58": // connection, rollback, resources, state, operator, system
			return true
		}
		return false
	}
	// Whatever it was, if the database does not answer either, it is not the facts.
	ping, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return r.DB.PingContext(ping) != nil
}

// count keeps the number of each unknown type and tells of the first of it.
func (r *Runner) count(ctx context.Context, batch []eventlog.Recorded) {
	for _, rec := range batch {
		for i, f := range rec.Facts {
			if f != nil {
				continue
			}
			name := protoreflect.FullName(rec.Envelope.GetFacts()[i].MessageName())
			r.mu.Lock()
			if r.unknown == nil {
				r.unknown = map[protoreflect.FullName]uint64{}
			}
			r.unknown[name]++
			first := r.unknown[name] == 1
			r.mu.Unlock()
			if first {
				r.Logger.WarnContext(ctx, "passing over facts of an unknown type", "type", name, "position", rec.Sequence)
			}
		}
	}
}
