package testkit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/testkit"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

func some() []eventlog.Recorded {
	var r testkit.Records
	for i := range 12 {
		r.Add(fmt.Sprintf("events.issuance.signer.%d", i%3), &eventv1.SignerKeyPublished{Service: "issuance", KeyId: fmt.Sprint("k", i)})
	}
	return r.All()
}

// counting makes a view whose every fact runs one statement with its position and key.
func counting(schema, statement string) projection.View {
	return projection.View{Name: "planted", Version: 1, Schema: schema, Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
		for _, r := range batch {
			for _, f := range r.Facts {
				if _, err := tx.ExecContext(ctx, statement, int64(r.Sequence), f.(*eventv1.SignerKeyPublished).KeyId, len(batch)); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

func TestASoundViewPasses(t *testing.T) {
	v := projection.View{Name: "planted", Version: 1, Schema: `create table planted (at bigint, key text primary key)`,
		Apply: func(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
			var rows projection.Columns
			for _, r := range batch {
				rows.Add(int64(r.Sequence), r.Facts[0].(*eventv1.SignerKeyPublished).KeyId)
			}
			return rows.Exec(ctx, tx, `insert into planted (at, key) select at, key from unnest($1::bigint[], $2::text[]) as n(at, key)`)
		}}
	db := testkit.View(t, v, some())
	var n int
	if err := db.Get(&n, `select count(*) from planted`); err != nil || n != 12 {
		t.Errorf("%d rows, %v", n, err)
	}
	testkit.ViewInAnyOrder(t, v, some())
}

// witness takes the failures of a check that ought to fail.
type witness struct {
	testing.TB
	said []string
}

func (w *witness) Helper() {}
func (w *witness) Errorf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}
func (w *witness) Logf(string, ...any) {}

func TestAViewThatBreaksItsPromiseIsFound(t *testing.T) {
	for name, c := range map[string]struct{ schema, statement, says string }{
		"depends on the batch": {`create table planted (at bigint, key text, n integer)`, `insert into planted (at, key, n) values ($1, $2, $3)`, "in one batch"},
		"depends on the clock": {`create table planted (at bigint, key text, n integer, made timestamptz)`, `insert into planted values ($1, $2, $3::integer * 0, clock_timestamp())`, "rebuilt"},
		"makes no rows":        {`create table planted (at bigint)`, `select $1::bigint, $2::text, $3::integer`, "no row"},
	} {
		w := &witness{TB: t}
		testkit.View(w, counting(c.schema, c.statement), some())
		if !strings.Contains(strings.Join(w.said, "\n"), c.says) {
			t.Errorf("a view that %s: %q", name, w.said)
		}
	}
	w := &witness{TB: t}
	orderly := counting(`create table planted (at bigint, key text primary key, n integer, of text references planted)`,
		`insert into planted values ($1, $2, $3::integer * 0, case when $2 = 'k0' then null else 'k0' end)`)
	testkit.ViewInAnyOrder(w, orderly, some())
	if len(w.said) == 0 {
		t.Error("a view that needs one order of aggregates passes")
	}
}
