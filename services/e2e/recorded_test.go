package e2e

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
)

// message is one message of a stream as it was recorded by a release.
type message struct {
	Sequence uint64    `json:"sequence"`
	Time     time.Time `json:"time"`
	Subject  string    `json:"subject"`
	Data     []byte    `json:"data"`
}

// TestStreamsOfEveryReleaseAreStillRead keeps what was once written readable for ever: every recorded stream decodes, every
// fact is known, and the fold judges its credentials as it did. RECORD_STREAM=0.1.0 records the stream of this test's own
// suite, after the other stories were told on it.
func TestStreamsOfEveryReleaseAreStillRead(t *testing.T) {
	if release := os.Getenv("RECORD_STREAM"); release != "" {
		record(t, filepath.Join("testdata", "stream-"+release+".ndjson.gz"))
	}
	files, err := filepath.Glob("testdata/stream-*.ndjson.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded stream: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { read(t, file) })
	}
}

func read(t *testing.T, file string) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	fold, count, kinds := lineage.NewFold(), uint64(0), map[string]int{}
	var last time.Time
	lines := bufio.NewScanner(zipped)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		envelope, facts, err := eventlog.DecodeEnvelope(m.Data)
		if err != nil {
			t.Fatalf("#%d: %v", m.Sequence, err)
		}
		for i, fact := range facts {
			if fact == nil {
				t.Fatalf("#%d: %s is no longer known", m.Sequence, envelope.GetFacts()[i].MessageName())
			}
			if unknown := fact.ProtoReflect().GetUnknown(); len(unknown) > 0 {
				t.Fatalf("#%d: fields of %s are no longer known", m.Sequence, fact.ProtoReflect().Descriptor().FullName())
			}
			kinds[string(fact.ProtoReflect().Descriptor().FullName())]++
		}
		if again, err := (proto.MarshalOptions{}).Marshal(envelope); err != nil || len(again) != len(m.Data) {
			t.Fatalf("#%d: %d bytes are %d when written again: %v", m.Sequence, len(m.Data), len(again), err)
		}
		if err := fold.Apply(m.Sequence, m.Time, envelope, facts); err != nil {
			t.Fatalf("#%d: %v", m.Sequence, err)
		}
		if e := envelope; e.GetSubject().GetKind() == "credential" && e.GetFacts()[0].MessageName() == "issuance.v1.CredentialRevoked" {
			if err := fold.Live(lineage.Ref{Kind: "credential", ID: e.GetSubject().GetId()}, m.Time); err == nil {
				t.Fatalf("#%d: a revoked credential is live", m.Sequence)
			}
		}
		count, last = count+1, m.Time
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if count < 50 || len(kinds) < 20 || last.IsZero() {
		t.Fatalf("only %d messages of %d kinds of facts", count, len(kinds))
	}
}

func record(t *testing.T, file string) {
	s := tell(t)
	log := s.Suite.Services["audit"].Deps.Log
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tail, err := log.Tail(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	zipped := gzip.NewWriter(f)
	lines := json.NewEncoder(zipped)
	err = log.Follow(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			if err := lines.Encode(message{r.Sequence, r.Time, r.Subject, r.Raw}); err != nil {
				return err
			}
			if r.Sequence >= tail {
				return eventlog.ErrStop
			}
		}
		return nil
	})
	if err := errors.Join(err, zipped.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}
