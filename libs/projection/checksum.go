package projection

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// Sum is what a view holds: two views with the same sum hold the same rows.
type Sum struct {
	Rows   int64
	SHA256 string
}

// Verdict is a view compared with what the log says it should be, at one position.
type Verdict struct {
	View     string
	Position uint64
	Found    Sum
	Derived  Sum
	// Missing and Surplus are the first few rows only one side has, as text.
	Missing, Surplus []string
}

// Err is nil if the view is what the log says.
func (v Verdict) Err() error {
	if v.Found == v.Derived {
		return nil
	}
	return fmt.Errorf("view %s at #%d holds %d rows (%.12s) where the log gives %d (%.12s); missing %q, surplus %q",
		v.View, v.Position, v.Found.Rows, v.Found.SHA256, v.Derived.Rows, v.Derived.SHA256, v.Missing, v.Surplus)
}

// Checksum sums up every row of a view's tables, in an order of their own.
func Checksum(ctx context.Context, db *sqlx.DB, v View) (Sum, error) {
	tx, err := db.BeginTxx(ctx, readOnly)
	if err != nil {
		return Sum{}, err
	}
	defer func() { _ = tx.Rollback() }()
	return sum(ctx, tx, "", v)
}

// samples bounds the rows a verdict quotes, quoted their length.
const (
	samples = 3
	quoted  = 400
)

// Verify derives a view anew from the log, in temporary tables that nobody else sees, and compares it with the one that
// is there. Both are taken at the checkpoint; services go on meanwhile.
func Verify(ctx context.Context, db *sqlx.DB, follow Source, v View) (Verdict, error) {
	tx, err := db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return Verdict{}, err
	}
	defer func() { _ = tx.Rollback() }()
	verdict := Verdict{View: v.Name}
	var source, schema string
	var s standing
	if err := tx.QueryRowxContext(ctx, `select c.seq, c.fingerprint, v.source, current_schema()
		from projection_views v join projection_checkpoints c on c.name=v.source where v.name=$1`, v.Name).Scan(&s.Seq, &s.Fingerprint, &source, &schema); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = fmt.Errorf("there is no view %s", v.Name)
		}
		return verdict, err
	}
	if s.Fingerprint == "" {
		return verdict, ErrRebuilding
	}
	verdict.Position = s.Seq
	live := pq.QuoteIdentifier(schema) + "."
	if verdict.Found, err = sum(ctx, tx, live, v); err != nil {
		return verdict, err
	}
	if verdict.Derived, err = derive(ctx, tx, follow, v, s.Seq); err != nil || verdict.Found == verdict.Derived {
		return verdict, err
	}
	if verdict.Missing, err = difference(ctx, tx, v, "pg_temp.", live); err != nil {
		return verdict, err
	}
	verdict.Surplus, err = difference(ctx, tx, v, live, "pg_temp.")
	return verdict, err
}

// Derive is what a view would hold of everything up to a position, made in temporary tables that are gone afterwards.
func Derive(ctx context.Context, db *sqlx.DB, follow Source, v View, to uint64) (Sum, error) {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return Sum{}, err
	}
	defer func() { _ = tx.Rollback() }()
	return derive(ctx, tx, follow, v, to)
}

func derive(ctx context.Context, tx *sqlx.Tx, follow Source, v View, to uint64) (Sum, error) {
	if _, err := tx.ExecContext(ctx, `set local search_path = pg_temp`); err != nil {
		return Sum{}, err
	}
	if _, err := tx.ExecContext(ctx, v.Schema); err != nil {
		return Sum{}, err
	}
	if to == 0 {
		return sum(ctx, tx, "pg_temp.", v)
	}
	err := follow(ctx, 0, func(ctx context.Context, batch []eventlog.Recorded) error {
		last := batch[len(batch)-1].Sequence
		if batch = until(batch, to); len(batch) > 0 {
			if err := v.apply(ctx, tx, batch); err != nil {
				return err
			}
		}
		if last >= to {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		return Sum{}, err
	}
	return sum(ctx, tx, "pg_temp.", v)
}

// sum makes text of rows under settings that do not depend on the connection.
func sum(ctx context.Context, tx *sqlx.Tx, schema string, v View) (Sum, error) {
	if _, err := tx.ExecContext(ctx, `set local timezone = 'UTC'; set local datestyle = 'ISO'; set local intervalstyle = 'iso_8601';
		set local extra_float_digits = 1; set local bytea_output = 'hex'`); err != nil {
		return Sum{}, err
	}
	digest, out := sha256.New(), Sum{}
	tables := v.Tables()
	slices.Sort(tables)
	for _, table := range tables {
		fmt.Fprintf(digest, "%s\n", table)
		rows, err := tx.QueryContext(ctx, `select t::text from `+schema+pq.QuoteIdentifier(table)+` t order by t::text collate "C"`)
		if err != nil {
			return Sum{}, err
		}
		n, err := digestRows(rows, digest)
		if err != nil {
			return Sum{}, err
		}
		out.Rows += n
	}
	out.SHA256 = hex.EncodeToString(digest.Sum(nil))
	return out, nil
}

func digestRows(rows *sql.Rows, digest io.Writer) (n int64, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	var row sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&row); err != nil {
			return n, err
		}
		fmt.Fprintf(digest, "%d:%s\n", len(row), row)
		n++
	}
	return n, rows.Err()
}

func difference(ctx context.Context, tx *sqlx.Tx, v View, in, notIn string) ([]string, error) {
	var out []string
	for _, table := range v.Tables() {
		var some []string
		quotedTable := pq.QuoteIdentifier(table)
		if err := tx.SelectContext(ctx, &some, `select $1 || left(row, $2) from (
			select t::text as row from `+in+quotedTable+` t except all select t::text from `+notIn+quotedTable+` t order by row limit $3) d`,
			table+" ", quoted, samples-min(len(out), samples)); err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}
