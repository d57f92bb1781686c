// Package fsck derives again what is derived, from the log alone, and compares: the records with their sources, the tree
// with the records, the newest checkpoint with the tree, and every view of a service with the log.
package fsck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/nats-io/nats.go"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/services/audit/internal/record"
	"github.com/chancery-dev/chancery/services/audit/internal/tree"
	"github.com/chancery-dev/chancery/services/audit/internal/view"
)

// ErrDiffers says that something is not what the log says; the lines before say what.
var ErrDiffers = errors.New("what is stored differs from what the log says")

// patience is how long a running writer is given to record what is in the log already.
const patience = 5 * time.Second

// quoted bounds the differences told one by one.
const quoted = 20

// teller writes lines and counts the differences among them.
type teller struct {
	out   io.Writer
	wrong int
}

func (t *teller) say(format string, args ...any) {
	fmt.Fprintf(t.out, format+"\n", args...)
}

func (t *teller) differs(format string, args ...any) {
	if t.wrong++; t.wrong <= quoted {
		t.say("DIFFERS "+format, args...)
	}
}

func (t *teller) verdict() error {
	if t.wrong == 0 {
		return nil
	}
	if t.wrong > quoted {
		t.say("… and %d more", t.wrong-quoted)
	}
	return fmt.Errorf("%w: %d differences", ErrDiffers, t.wrong)
}

// Audit checks audit's own: order and completeness of the records, the tree, the newest checkpoint, and its views. db is
// audit's database, nc and log its own connection and log.
func Audit(ctx context.Context, out io.Writer, nc *nats.Conn, log *eventlog.Log, db *sqlx.DB) error {
	stream, err := record.Open(ctx, nc)
	if err != nil {
		return err
	}
	return errors.Join(
		Records(ctx, out, nc, log),
		Tree(ctx, out, nc, db),
		Views(ctx, out, "audit", db, log.Follow, view.Own()),
		Views(ctx, out, "audit", db, stream.Follow, []projection.View{view.Records, tree.View}),
	)
}

// Records checks that every fact of EVENTS and every observation of ACTIVITY that is still kept is recorded once, in its
// stream's order, with what its stream says.
func Records(ctx context.Context, out io.Writer, nc *nats.Conn, log *eventlog.Log) error {
	t := &teller{out: out}
	stream, err := record.Open(ctx, nc)
	if err != nil {
		return err
	}
	events, activity, err := tails(ctx, nc, log)
	if err != nil {
		return err
	}
	at, err := settled(ctx, stream, events, activity)
	if err != nil {
		return err
	}
	n, err := record.Compare(ctx, stream, at.Records, []record.Source{
		{Name: "EVENTS", Follow: log.Follow, To: max(events, at.Events.Sequence)},
		{Name: "ACTIVITY", Follow: log.FollowActivity, To: max(activity, at.Activity.Sequence)},
	}, t.differs)
	if err != nil {
		return err
	}
	if n.Waiting > 0 {
		t.say("records: %d facts and observations wait to be recorded", n.Waiting)
	}
	t.say("records: %d facts + %d observations = %d records, in order; %d of observations that aged out", n.Events, n.Observations, n.Records, n.Unread)
	return t.verdict()
}

func tails(ctx context.Context, nc *nats.Conn, log *eventlog.Log) (events, activity uint64, err error) {
	if events, err = log.Tail(ctx); err != nil {
		return 0, 0, err
	}
	js, err := eventlog.JetStream(ctx, nc, eventlog.APILog)
	if err != nil {
		return 0, 0, err
	}
	stream, err := js.Stream(ctx, "ACTIVITY")
	if err != nil {
		return 0, 0, err
	}
	state := stream.CachedInfo().State
	if state.Msgs == 0 {
		return events, 0, nil
	}
	return events, state.LastSeq, nil
}

// settled is how far the records have come once a writer, if one runs, has recorded everything there was.
func settled(ctx context.Context, stream *record.Stream, events, activity uint64) (record.At, error) {
	until := time.Now().Add(patience)
	for {
		at, err := stream.Last(ctx)
		if err != nil || at.Events.Sequence >= events && at.Activity.Sequence >= activity || time.Now().After(until) {
			return at, err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return at, ctx.Err()
		}
	}
}

// Tree derives the tree of the records and compares it with the stored hashes and with the newest checkpoint.
func Tree(ctx context.Context, out io.Writer, nc *nats.Conn, db *sqlx.DB) error {
	t := &teller{out: out}
	stream, err := record.Open(ctx, nc)
	if err != nil {
		return err
	}
	tx, err := db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	size, err := tree.Size(ctx, tx)
	if err != nil {
		return err
	}
	derived, err := derive(ctx, stream, size)
	if err != nil {
		return err
	}
	if int64(len(derived)) != tlog.StoredHashCount(size) {
		t.differs("tree: the view has %d leaves, there are fewer records", size)
		return t.verdict()
	}
	if err := stored(ctx, tx, derived, t); err != nil {
		return err
	}
	root, err := tlog.TreeHash(size, derived)
	if err != nil {
		return err
	}
	t.say("tree: %d leaves, root %s", size, root)
	if err := checkpoint(ctx, tx, derived, size, t); err != nil {
		return err
	}
	return t.verdict()
}

// hashes are stored hashes in memory.
type hashes []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		if n >= int64(len(h)) {
			return nil, fmt.Errorf("hash %d is not there", n)
		}
		out[i] = h[n]
	}
	return out, nil
}

func derive(ctx context.Context, stream *record.Stream, size int64) (h hashes, err error) {
	at, err := stream.Last(ctx)
	if err != nil || size == 0 || at.Records == 0 {
		return nil, err
	}
	to := min(uint64(size), at.Records)
	err = stream.Follow(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			if r.Sequence > to {
				return eventlog.ErrStop
			}
			fresh, err := tlog.StoredHashes(int64(r.Sequence)-1, r.Raw, h)
			if err != nil {
				return err
			}
			h = append(h, fresh...)
		}
		if batch[len(batch)-1].Sequence >= to {
			return eventlog.ErrStop
		}
		return nil
	})
	return h, err
}

func stored(ctx context.Context, tx *sqlx.Tx, derived hashes, t *teller) error {
	rows, err := tx.QueryContext(ctx, `select idx, hash from tree_hashes order by idx`)
	if err != nil {
		return err
	}
	defer rows.Close()
	next := int64(0)
	for rows.Next() {
		var i int64
		var h []byte
		if err := rows.Scan(&i, &h); err != nil {
			return err
		}
		for ; next < i; next++ {
			t.differs("tree: hash %d is missing", next)
		}
		if next = i + 1; i < int64(len(derived)) && string(h) != string(derived[i][:]) {
			level, leaf := tlog.SplitStoredHashIndex(i)
			t.differs("tree: hash %d (level %d, number %d) is not that of the records", i, level, leaf)
		}
	}
	return rows.Err()
}

func checkpoint(ctx context.Context, tx *sqlx.Tx, derived hashes, size int64, t *teller) error {
	var text string
	err := tx.QueryRowContext(ctx, `select note from checkpoints order by size desc limit 1`).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		t.say("checkpoint: none signed yet")
		return nil
	}
	if err != nil {
		return err
	}
	n, err := note.Open([]byte(text), note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		n, err = unverified.Note, nil // whose key it is, an export's reader asks
	}
	lines := strings.Split(strings.TrimSpace(textOf(n)), "\n")
	if err != nil || len(lines) < 3 {
		t.differs("checkpoint: it cannot be read")
		return nil
	}
	signed, serr := strconv.ParseInt(lines[1], 10, 64)
	root, rerr := tlog.ParseHash(lines[2])
	if serr != nil || rerr != nil {
		t.differs("checkpoint: it cannot be read")
		return nil
	}
	if signed > size {
		t.differs("checkpoint: size %d below checkpoint %d", size, signed)
		return nil
	}
	if is, err := tlog.TreeHash(signed, derived); err != nil || is != root {
		t.differs("checkpoint: the root of %d records is %s, signed was %s", signed, is, root)
		return nil
	}
	t.say("checkpoint: %d of %d records signed, root as signed", signed, size)
	return nil
}

func textOf(n *note.Note) string {
	if n == nil {
		return ""
	}
	return n.Text
}

// Views derives every view of a service anew and compares it with the one in its database.
func Views(ctx context.Context, out io.Writer, service string, db *sqlx.DB, follow projection.Source, views []projection.View) error {
	t := &teller{out: out}
	for _, v := range views {
		verdict, err := projection.Verify(ctx, db, follow, v)
		if err != nil {
			return fmt.Errorf("view %s of %s: %w", v.Name, service, err)
		}
		if err := verdict.Err(); err != nil {
			t.differs("%s: %v", service, err)
			continue
		}
		t.say("%s view %s: %d rows at #%d, as the log says", service, v.Name, verdict.Found.Rows, verdict.Position)
	}
	return t.verdict()
}

// Rebuild empties one of audit's views; the service fills it again from the log when it runs.
func Rebuild(ctx context.Context, db *sqlx.DB, name string) error {
	var names []string
	for _, v := range append(view.Own(), view.Records, tree.View) {
		if v.Name == name {
			return projection.Rebuild(ctx, db, v)
		}
		names = append(names, v.Name)
	}
	return fmt.Errorf("audit has no view %q, but %s", name, strings.Join(names, ", "))
}
