package tree

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// checkpoints are state beside the tree: what was once signed is never derived anew.
const checkpoints = `create table if not exists checkpoints (size bigint primary key, note text not null, signed_at timestamptz not null)`

// Secrets keeps the signing key.
type Secrets interface {
	Create(ctx context.Context, kind, id string, secret []byte) error
	Get(ctx context.Context, kind, id string) ([]byte, error)
}

// Signer signs heads of the tree as C2SP checkpoints.
type Signer struct {
	Origin string
	DB     *sqlx.DB
	Now    func() time.Time
	Logger *slog.Logger

	signer note.Signer
	public string
}

// Open prepares the table and takes the key from the vault, making one the first time.
func (s *Signer) Open(ctx context.Context, vault Secrets, missing error) error {
	if _, err := s.DB.ExecContext(ctx, checkpoints); err != nil {
		return err
	}
	private, err := vault.Get(ctx, "log_key", "1")
	if errors.Is(err, missing) {
		made, public, gerr := note.GenerateKey(rand.Reader, s.Origin)
		if gerr != nil {
			return gerr
		}
		// Where two instances make one at once, the first stays.
		if err = vault.Create(ctx, "log_key", "1", []byte(made+"\n"+public)); err != nil {
			return err
		}
		private, err = vault.Get(ctx, "log_key", "1")
	}
	if err != nil {
		return err
	}
	var secret string
	if _, err := fmt.Sscan(string(private), &secret, &s.public); err != nil {
		return fmt.Errorf("the log's key cannot be read: %w", err)
	}
	s.signer, err = note.NewSigner(secret)
	return err
}

// Note signs a text that is no checkpoint; the text says what it is.
func (s *Signer) Note(text string) (string, error) {
	signed, err := note.Sign(&note.Note{Text: text}, s.signer)
	return string(signed), err
}

// Key signs what is no checkpoint; what is signed says what it is.
func (s *Signer) Key() note.Signer { return s.signer }

// Public is the verifier key, in the form of C2SP signed-note.
func (s *Signer) Public() string { return s.public }

// Text is the checkpoint of a size and root: origin, size, base64 root.
func Text(origin string, size int64, root tlog.Hash) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)
}

// Newest is the newest checkpoint signed, empty before the first.
func (s *Signer) Newest(ctx context.Context) (text string, size int64, err error) {
	err = s.DB.QueryRowContext(ctx, `select note, size from checkpoints order by size desc limit 1`).Scan(&text, &size)
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, nil
	}
	return text, size, err
}

// All gives every checkpoint signed up to a size, smallest first.
func (s *Signer) All(ctx context.Context, size int64) (texts []string, err error) {
	err = s.DB.SelectContext(ctx, &texts, `select note from checkpoints where size <= $1 order by size`, size)
	return texts, err
}

// Sign signs the head as the view has it, unless it is signed.
func (s *Signer) Sign(ctx context.Context) (text string, size int64, err error) {
	tx, err := s.DB.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = tx.Rollback() }()
	if size, err = Size(ctx, tx); err != nil {
		return "", 0, err
	}
	newest, signed, err := s.Newest(ctx)
	if err != nil || signed >= size {
		return newest, signed, err
	}
	root, err := tlog.TreeHash(size, Hashes(ctx, tx))
	if err != nil {
		return "", 0, err
	}
	raw, err := note.Sign(&note.Note{Text: Text(s.Origin, size, root)}, s.signer)
	if err != nil {
		return "", 0, err
	}
	_, err = s.DB.ExecContext(ctx, `insert into checkpoints (size, note, signed_at) values ($1,$2,$3) on conflict do nothing`, size, string(raw), s.Now())
	return string(raw), size, err
}

// Run signs the head once a second while it grows; what cannot be signed now is with the next head.
func (s *Signer) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
			if _, _, err := s.Sign(ctx); err != nil && ctx.Err() == nil {
				s.Logger.WarnContext(ctx, "the log's head was not signed", "error", err)
			}
		}
	}
}
