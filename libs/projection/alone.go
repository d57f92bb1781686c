package projection

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
)

// errBusy says that another instance is at it.
var errBusy = errors.New("another instance is at it")

// Alone runs f while no other instance of the service runs what has this name, or returns nil at once if one does. The
// lock ends with its connection to the database; f has to end when ctx does.
func Alone(ctx context.Context, db *sqlx.DB, name string, f func(ctx context.Context) error) error {
	err := alone(ctx, db, "alone", name, func(ctx context.Context, conn *sqlx.Conn) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		done := make(chan error, 1)
		go func() { done <- f(ctx) }()
		tick := time.NewTicker(saving)
		defer tick.Stop()
		for {
			select {
			case err := <-done:
				return err
			case <-tick.C:
				if err := conn.PingContext(ctx); err != nil && ctx.Err() == nil {
					cancel(err)
					return errors.Join(err, <-done)
				}
			}
		}
	})
	if errors.Is(err, errBusy) {
		return nil
	}
	return err
}

func alone(ctx context.Context, db *sqlx.DB, what, name string, f func(ctx context.Context, conn *sqlx.Conn) error) error {
	conn, err := db.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	unlock, err := tryLock(ctx, conn, what, name)
	if err != nil {
		return err
	}
	defer unlock()
	return f(ctx, conn)
}

// tryLock holds a lock that ends with the connection at the latest.
func tryLock(ctx context.Context, conn *sqlx.Conn, what, name string) (unlock func(), err error) {
	// Creating the tables needs the lock already, since "if not exists" alone lets two instances collide.
	var mine bool
	if err := conn.GetContext(ctx, &mine, `select pg_try_advisory_lock(hashtextextended(current_schema() || '.' || $1 || '.' || $2, 0))`, what, name); err != nil {
		return nil, err
	}
	if !mine {
		return nil, errBusy
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `select pg_advisory_unlock(hashtextextended(current_schema() || '.' || $1 || '.' || $2, 0))`, what, name)
	}, nil
}
