package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

const recordsTable = `create table %s (seq bigint not null, idx int not null, type text not null, subject text not null,
	actor text not null, at timestamptz not null, primary key (seq, idx)); create index on %s (subject, seq); create index on %s (at)`

// projecting is P9: an append-only view of the log against raw COPY of the same rows with the same indexes.
func projecting(ctx context.Context, b *bench) ([]row, error) {
	n := b.n(100_000)
	server, err := embedded.StartNATS(ctx, embedded.NATSOptions{Dir: filepath.Join(b.dir, "p9"), Relaxed: true})
	if err != nil {
		return nil, err
	}
	defer server.Stop()
	nc, err := server.Connect()
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	if err := eventlog.Provision(ctx, nc, eventlog.ProvisionOptions{Services: []string{"registry"}}); err != nil {
		return nil, err
	}
	log, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "registry"})
	if err != nil {
		return nil, err
	}
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: filepath.Join(b.dir, "p9pg")})
	if err != nil {
		return nil, err
	}
	defer func() { _ = pg.Stop(context.WithoutCancel(ctx)) }()
	dsn, err := pg.Roles(ctx, "registry")
	if err != nil {
		return nil, err
	}
	db, err := sqlx.Open("postgres", dsn["registry"])
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if _, err := repeat(ctx, 16, n, func(int, int) error {
		_, err := log.Append(ctx, log.Subject("application", uuid.NewString()), 0, &registryv1.ApplicationSuspended{Reason: "for the record"})
		return err
	}); err != nil {
		return nil, err
	}
	raw, err := rawCopy(ctx, db, n)
	if err != nil {
		return nil, err
	}
	view, err := project(ctx, log, db, n)
	if err != nil {
		return nil, err
	}
	ratio := view / raw
	return []row{{
		"P9", fmt.Sprintf("log → view, %d facts", n), perSecond(view), "raw COPY " + perSecond(raw), fmt.Sprintf("%.2f", ratio),
		"≥ 10 k/s or ≥ 0.8", ratio >= .8 || view >= 10_000,
	}}, nil
}

func rawCopy(ctx context.Context, db *sqlx.DB, n int) (float64, error) {
	if _, err := db.ExecContext(ctx, fmt.Sprintf(recordsTable, "raw_records", "raw_records", "raw_records")); err != nil {
		return 0, err
	}
	started := time.Now()
	for from := 0; from < n; from += 1000 {
		tx, err := db.BeginTxx(ctx, nil)
		if err != nil {
			return 0, err
		}
		err = copyRows(ctx, tx, "raw_records", min(1000, n-from), func(i int) []any {
			return []any{from + i, 0, "registry.v1.ApplicationSuspended", uuid.NewString(), "", time.Now()}
		})
		if err = errors.Join(err, tx.Commit()); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(started).Seconds(), nil
}

func copyRows(ctx context.Context, tx *sqlx.Tx, table string, n int, values func(int) []any) error {
	s, err := tx.PrepareContext(ctx, "copy "+table+" (seq, idx, type, subject, actor, at) from stdin")
	if err != nil {
		return err
	}
	for i := range n {
		if _, err := s.ExecContext(ctx, values(i)...); err != nil {
			return err
		}
	}
	if _, err := s.ExecContext(ctx); err != nil {
		return err
	}
	return s.Close()
}

func project(ctx context.Context, log *eventlog.Log, db *sqlx.DB, n int) (float64, error) {
	view := projection.View{
		Name: "bench_records", Version: 1, Schema: fmt.Sprintf(recordsTable, "bench_records", "bench_records", "bench_records"),
		Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
			return copyRows(ctx, tx, "bench_records", len(batch), func(i int) []any {
				r := batch[i]
				return []any{r.Sequence, 0, string(r.Facts[0].ProtoReflect().Descriptor().FullName()), r.Envelope.GetSubject().GetId(), r.Envelope.GetActor().GetId(), r.Time}
			})
		},
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	runner := &projection.Runner{DB: db, Follow: log.Follow, Views: []projection.View{view}, Service: "registry"}
	started, done := time.Now(), make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	for {
		if runner.WaitFor(ctx, uint64(n)) == nil {
			took := time.Since(started)
			cancel()
			<-done
			return float64(n) / took.Seconds(), nil
		}
		select {
		case err := <-done:
			return 0, err
		default:
		}
	}
}
