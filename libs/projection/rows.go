package projection

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Columns collects rows for one statement that takes them apart again with unnest:
//
//	insert into t (id, at) select id, at from unnest($1::text[], $2::timestamptz[]) as n(id, at) on conflict ...
//
// It suits views that update. The zero value is empty.
type Columns struct{ values [][]any }

// Add appends a row; every row has as many values as the first. A nil is a null.
func (c *Columns) Add(row ...any) {
	if c.values == nil {
		c.values = make([][]any, len(row))
	}
	if len(row) != len(c.values) {
		panic(fmt.Sprintf("a row of %d values among rows of %d", len(row), len(c.values)))
	}
	for i, v := range row {
		c.values[i] = append(c.values[i], v)
	}
}

// Len is the number of rows.
func (c *Columns) Len() int {
	if len(c.values) == 0 {
		return 0
	}
	return len(c.values[0])
}

// Exec runs the statement once with every column as an array; without rows it does nothing.
func (c *Columns) Exec(ctx context.Context, tx sqlx.ExecerContext, statement string) error {
	if c.Len() == 0 {
		return nil
	}
	arguments := make([]any, len(c.values))
	for i, column := range c.values {
		arguments[i] = pq.GenericArray{A: column}
	}
	_, err := tx.ExecContext(ctx, statement, arguments...)
	return err
}

// Copy appends the rows to a table by COPY, the fastest way in. It knows no conflicts: it suits views that only append,
// each fact its own rows.
func Copy(ctx context.Context, tx *sqlx.Tx, table string, columns []string, rows [][]any) (err error) {
	if len(rows) == 0 {
		return nil
	}
	in, err := tx.PreparexContext(ctx, copyStatement(table, columns))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	for _, row := range rows {
		if _, err := in.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	_, err = in.ExecContext(ctx)
	return err
}

func copyStatement(table string, columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = pq.QuoteIdentifier(c)
	}
	return "copy " + pq.QuoteIdentifier(table) + " (" + strings.Join(quoted, ", ") + ") from stdin"
}
