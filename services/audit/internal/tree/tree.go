// Package tree is the Merkle tree over the records, RFC 6962 §2.1, kept as the stored hashes of golang.org/x/mod/sumdb/tlog:
// leaf n is the record at position n+1. It is derived and may be dropped.
package tree

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
)

// View keeps the tree's hashes.
var View = projection.View{
	Name: "tree", Version: 1,
	Schema: `create table tree_hashes (idx bigint primary key, hash bytea not null)`,
	Apply:  apply,
}

func apply(ctx context.Context, tx *sqlx.Tx, batch []eventlog.Recorded) error {
	read := &reader{query: tx, ctx: ctx, known: map[int64]tlog.Hash{}}
	first := tlog.StoredHashIndex(0, int64(batch[0].Sequence)-1)
	next := first
	var fresh []tlog.Hash
	for _, r := range batch {
		hashes, err := tlog.StoredHashes(int64(r.Sequence)-1, r.Raw, read)
		if err != nil {
			return err
		}
		for _, h := range hashes {
			read.known[next] = h
			next++
		}
		fresh = append(fresh, hashes...)
	}
	insert, err := tx.PrepareContext(ctx, "copy tree_hashes (idx, hash) from stdin")
	if err != nil {
		return err
	}
	for i, h := range fresh {
		if _, err := insert.ExecContext(ctx, first+int64(i), h[:]); err != nil {
			return err
		}
	}
	if _, err := insert.ExecContext(ctx); err != nil {
		return err
	}
	return insert.Close()
}

// Hashes reads the tree from the view's rows.
func Hashes(ctx context.Context, q sqlx.QueryerContext) tlog.HashReader {
	return &reader{query: q, ctx: ctx, known: map[int64]tlog.Hash{}}
}

// reader remembers what it read: the upper part of the tree is asked for again and again.
type reader struct {
	query sqlx.QueryerContext
	ctx   context.Context
	known map[int64]tlog.Hash
}

// ReadHashes implements tlog.HashReader.
func (r *reader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var missing []int64
	for _, i := range indexes {
		if _, ok := r.known[i]; !ok {
			missing = append(missing, i)
		}
	}
	if len(missing) > 0 {
		rows, err := r.query.QueryContext(r.ctx, `select idx, hash from tree_hashes where idx = any($1)`, pq.Array(missing))
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var i int64
			var h []byte
			if err := rows.Scan(&i, &h); err != nil {
				return nil, err
			}
			if len(h) != tlog.HashSize {
				return nil, fmt.Errorf("hash %d has %d bytes", i, len(h))
			}
			r.known[i] = tlog.Hash(h)
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	out := make([]tlog.Hash, len(indexes))
	for n, i := range indexes {
		h, ok := r.known[i]
		if !ok {
			return nil, fmt.Errorf("hash %d of the tree is missing", i)
		}
		out[n] = h
	}
	return out, nil
}

// Size is how many leaves the view holds.
func Size(ctx context.Context, q sqlx.QueryerContext) (int64, error) {
	var last int64
	if err := sqlx.GetContext(ctx, q, &last, `select coalesce(max(idx), -1) from tree_hashes`); err != nil {
		return 0, err
	}
	// The hashes of n leaves end where those of leaf n would begin.
	low, high := int64(0), last+2
	for low < high {
		mid := (low + high) / 2
		if tlog.StoredHashCount(mid) <= last {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, nil
}
