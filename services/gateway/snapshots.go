package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
	"github.com/chancery-dev/chancery/services/gateway/internal/snapshot"
)

const (
	snapshotFile = "snapshot"
	nameFile     = "name"
)

// snapshots keeps what an authorizer has folded in a file, so that it starts from there and the log's tail.
type snapshots struct {
	folder, name, program string
	key                   []byte
	every                 time.Duration
	log                   *eventlog.Log
	facts                 *fold.Fold
	live                  *lineage.Fold
	keyring               *principal.Keyring
	// between runs f while nothing is folded.
	between func(f func())
	clock   func() time.Time
	logger  *slog.Logger

	signers signers
	writing sync.Mutex
	written uint64
}

// signers keeps the messages that name the keys of services, to fold them anew into a keyring.
type signers struct{ kept []signer }

type signer struct {
	Position uint64
	Subject  string
	Until    time.Time
	Raw      []byte
}

func (s *signers) apply(_ context.Context, batch []eventlog.Recorded) error {
	for _, r := range batch {
		for _, fact := range r.Facts {
			switch e := fact.(type) {
			case *eventv1.SignerKeyPublished:
				s.kept = append(s.kept, signer{r.Sequence, r.Subject, e.GetNotAfter().AsTime(), r.Raw})
			case *eventv1.SignerKeyWithdrawn:
				// A key stays withdrawn, also when it is published again.
				s.kept = append(s.kept, signer{r.Sequence, r.Subject, time.Unix(1<<40, 0), r.Raw})
			}
		}
	}
	return nil
}

// load takes the state over from the file if it is one of this authorizer and of this log, and says what it did. Without it
// the whole log is folded.
func (s *snapshots) load(ctx context.Context) {
	if s.folder == "" {
		return
	}
	begun := time.Now()
	facts, live := fold.New(s.live, s.logger), (*lineage.Fold)(nil)
	var kept []signer
	h, err := snapshot.Read(filepath.Join(s.folder, snapshotFile), s.key, func(h snapshot.Header) error { return s.accept(ctx, h) }, func(r io.Reader) (err error) {
		if live, err = lineage.Read(r); err != nil {
			return err
		}
		if err := facts.Read(r); err != nil {
			return err
		}
		return gob.NewDecoder(r).Decode(&kept)
	})
	if err == nil && live.Position() != h.Position {
		err = fmt.Errorf("%w: its parts are of other positions", snapshot.ErrRefused)
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		return
	case err != nil:
		s.logger.WarnContext(ctx, "the whole log is folded", "reason", err)
		return
	}
	if err := s.take(facts, live, kept); err != nil {
		s.logger.ErrorContext(ctx, "the snapshot cannot be taken over", "error", err)
		return
	}
	s.written = h.Position
	s.logger.InfoContext(ctx, "the state was taken from the snapshot", "position", h.Position, "written", h.Written, "took", time.Since(begun))
}

func (s *snapshots) take(facts *fold.Fold, live *lineage.Fold, kept []signer) error {
	for _, k := range kept {
		_, known, err := eventlog.DecodeEnvelope(k.Raw)
		if err != nil {
			return err
		}
		if s.keyring != nil {
			s.keyring.Apply(k.Position, k.Subject, []proto.Message(known))
		}
	}
	if err := s.live.Adopt(live); err != nil {
		return err
	}
	s.facts.Adopt(facts)
	s.signers.kept = kept
	return nil
}

func (s *snapshots) accept(ctx context.Context, h snapshot.Header) error {
	schema, err := snapshot.Schema()
	if err != nil {
		return err
	}
	switch {
	case h.Program != s.program:
		return fmt.Errorf("it is of version %s", h.Program)
	case h.Schema != schema:
		return errors.New("it is of another contract")
	case h.Authorizer != s.name:
		return fmt.Errorf("it is of authorizer %s", h.Authorizer)
	}
	created, err := s.log.Created(ctx)
	if err != nil {
		return err
	}
	tail, err := s.log.Tail(ctx)
	if err != nil {
		return err
	}
	switch {
	case !h.Stream.Equal(created):
		return errors.New("it is of another log")
	case h.Position > tail || h.Position == 0:
		return fmt.Errorf("it is of position %d, and the log ends at %d", h.Position, tail)
	}
	if last, err := s.digest(ctx, h.Position); err != nil || last != h.Last {
		return errors.Join(errors.New("the log holds another message at its position"), err)
	}
	return nil
}

func (s *snapshots) digest(ctx context.Context, position uint64) (string, error) {
	r, err := s.log.Get(ctx, position)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(r.Raw)
	return hex.EncodeToString(sum[:]), nil
}

// run writes the state down from time to time until ctx ends.
func (s *snapshots) run(ctx context.Context) error {
	for {
		select {
		case <-time.After(s.every):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := s.save(ctx); err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "the state was not written down", "error", err)
		}
	}
}

// save writes the state as it is now. Calls are judged meanwhile, and facts folded.
func (s *snapshots) save(ctx context.Context) error {
	if s.folder == "" {
		return nil
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	var live *lineage.Frozen
	var facts *fold.Frozen
	var kept []signer
	var err error
	s.between(func() {
		switch {
		case s.live.Position() == s.written:
			return
		case s.facts.Applied() != s.live.Position():
			err = errors.New("a batch was folded in part")
			return
		}
		now := s.clock()
		for _, k := range s.signers.kept {
			if k.Until.After(now.Add(-time.Hour)) {
				kept = append(kept, k)
			}
		}
		s.signers.kept = kept
		kept = kept[:len(kept):len(kept)]
		live = s.live.Freeze()
		facts, err = s.facts.Freeze()
	})
	if live == nil {
		return err
	}
	defer live.Thaw()
	if err != nil {
		return err
	}
	defer facts.Thaw()
	h := snapshot.Header{Program: s.program, Authorizer: s.name, Position: live.Position(), Written: s.clock().UTC()}
	if h.Schema, err = snapshot.Schema(); err != nil {
		return err
	}
	if h.Stream, err = s.log.Created(ctx); err != nil {
		return err
	}
	if h.Last, err = s.digest(ctx, h.Position); err != nil {
		return err
	}
	err = snapshot.Write(filepath.Join(s.folder, snapshotFile), s.key, h, func(w io.Writer) error {
		if err := live.Write(w); err != nil {
			return err
		}
		if err := facts.Write(w); err != nil {
			return err
		}
		return gob.NewEncoder(w).Encode(kept)
	})
	if err == nil {
		s.written = h.Position
	}
	return err
}

// folderOf makes the folder and gives the name kept in it, so that a process that starts again has the same one.
func folderOf(folder, configured string) (string, error) {
	if folder == "" {
		return name(configured), nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("CHANCERY_GATEWAY_STATE is wrong: it should be a folder of the authorizer's own: %w", err)
	}
	if configured != "" {
		return configured, nil
	}
	path := filepath.Join(folder, nameFile)
	if kept, err := os.ReadFile(path); err == nil && len(kept) > 0 && len(kept) <= 60 {
		return string(kept), nil
	}
	made := name("")
	return made, os.WriteFile(path, []byte(made), 0o600)
}

// snapshots is where the state is kept, sealed under the key file, or under the shared pepper where there is none.
func (c *config) snapshots(d service.Deps, node string, facts *fold.Fold) *snapshots {
	sealing := []byte(c.Pepper.Reveal())
	if d.Keys != nil {
		sealing = d.Keys.Pepper()
	}
	return &snapshots{folder: c.State, name: node, program: d.Version, key: snapshot.Key(sealing), every: c.Every, log: d.Log, facts: facts, live: d.Lineage,
		keyring: d.Keyring, between: d.Between, clock: d.Clock, logger: d.Logger}
}
