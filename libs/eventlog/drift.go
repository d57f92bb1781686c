package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Drift is one safety-bearing setting of a stream that is not what it has to be.
type Drift struct{ Stream, Field, Found, Expected string }

func (d Drift) Error() string {
	return fmt.Sprintf("stream %s: %s is %s, expected %s; refusing to run on it", d.Stream, d.Field, d.Found, d.Expected)
}

// checked are the settings that could lose, alter, hide or leak what a stream holds.
var checked = []struct {
	field string
	value func(jetstream.StreamConfig) any
}{
	{"subjects", func(c jetstream.StreamConfig) any { return slices.Sorted(slices.Values(c.Subjects)) }},
	{"retention", func(c jetstream.StreamConfig) any { return c.Retention }},
	{"discard", func(c jetstream.StreamConfig) any { return c.Discard }},
	{"discard_new_per_subject", func(c jetstream.StreamConfig) any { return c.DiscardNewPerSubject }},
	{"storage", func(c jetstream.StreamConfig) any { return c.Storage }},
	{"max_age", func(c jetstream.StreamConfig) any { return c.MaxAge }},
	{"max_msgs", func(c jetstream.StreamConfig) any { return unlimited(c.MaxMsgs) }},
	{"max_bytes", func(c jetstream.StreamConfig) any { return unlimited(c.MaxBytes) }},
	{"max_msgs_per_subject", func(c jetstream.StreamConfig) any { return unlimited(c.MaxMsgsPerSubject) }},
	{"max_msg_size", func(c jetstream.StreamConfig) any { return unlimited(int64(c.MaxMsgSize)) }},
	{"max_consumers", func(c jetstream.StreamConfig) any { return unlimited(int64(c.MaxConsumers)) }},
	{"no_ack", func(c jetstream.StreamConfig) any { return c.NoAck }},
	{"duplicate_window", func(c jetstream.StreamConfig) any { return c.Duplicates }},
	{"sealed", func(c jetstream.StreamConfig) any { return c.Sealed }},
	{"deny_delete", func(c jetstream.StreamConfig) any { return c.DenyDelete }},
	{"deny_purge", func(c jetstream.StreamConfig) any { return c.DenyPurge }},
	{"allow_rollup_hdrs", func(c jetstream.StreamConfig) any { return c.AllowRollup }},
	{"allow_direct", func(c jetstream.StreamConfig) any { return c.AllowDirect }},
	{"mirror", func(c jetstream.StreamConfig) any { return c.Mirror != nil }},
	{"sources", func(c jetstream.StreamConfig) any { return len(c.Sources) }},
	{"subject_transform", func(c jetstream.StreamConfig) any { return c.SubjectTransform != nil }},
	{"republish", func(c jetstream.StreamConfig) any { return c.RePublish != nil }},
	{"allow_msg_ttl", func(c jetstream.StreamConfig) any { return c.AllowMsgTTL }},
	{"subject_delete_marker_ttl", func(c jetstream.StreamConfig) any { return c.SubjectDeleteMarkerTTL }},
	{"allow_msg_counter", func(c jetstream.StreamConfig) any { return c.AllowMsgCounter }},
	{"allow_msg_schedules", func(c jetstream.StreamConfig) any { return c.AllowMsgSchedules }},
	{"allow_atomic", func(c jetstream.StreamConfig) any { return c.AllowAtomicPublish }},
	{"allow_batched", func(c jetstream.StreamConfig) any { return c.AllowBatchPublish }},
	{"persist_mode", func(c jetstream.StreamConfig) any { return c.PersistMode }},
	{"num_replicas", func(c jetstream.StreamConfig) any { return c.Replicas }},
}

// unlimited is the one form of "no limit"; the server takes 0 and -1 alike.
func unlimited(n int64) int64 {
	if n <= 0 {
		return -1
	}
	return n
}

// drifts are the differences of a live configuration, all of them.
func drifts(found, want jetstream.StreamConfig) error {
	var out []error
	for _, c := range checked {
		f, w := fmt.Sprint(c.value(found)), fmt.Sprint(c.value(want))
		if f != w {
			out = append(out, Drift{want.Name, c.field, f, w})
		}
	}
	return errors.Join(out...)
}

// CheckStreams refuses, with every difference named, streams whose safety-bearing settings are not the wanted ones; prefix
// is where their account's interface is lent to this connection's.
func CheckStreams(ctx context.Context, nc *nats.Conn, prefix string, wanted ...jetstream.StreamConfig) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, err := reach(ctx, nc)
	if err != nil {
		return err
	}
	if s.api != apiOwn {
		if s.js, err = s.interfaceAt(prefix); err != nil {
			return err
		}
	}
	var refused []error
	for _, want := range wanted {
		refused = append(refused, s.checkDrift(ctx, want))
	}
	return errors.Join(refused...)
}

func (s *server) checkDrift(ctx context.Context, want jetstream.StreamConfig) error {
	live, err := retried(ctx, s.patience, func(ctx context.Context) (jetstream.StreamConfig, error) {
		live, err := s.js.Stream(ctx, want.Name)
		if err != nil {
			if errors.Is(err, jetstream.ErrStreamNotFound) {
				err = fmt.Errorf("%w: %w", errNoMessage, err)
			}
			return jetstream.StreamConfig{}, err
		}
		return live.CachedInfo().Config, nil
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("stream %s does not exist: provision it first", want.Name)
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", want.Name, err)
	}
	if want.Name == streamActivity {
		// How long observations are kept is the operator's choice.
		if live.MaxAge > 0 && live.MaxAge < 24*time.Hour {
			return Drift{want.Name, "max_age", live.MaxAge.String(), "at least a day"}
		}
		want.MaxAge = live.MaxAge
	}
	if live.Replicas > want.Replicas {
		want.Replicas = live.Replicas
	}
	return drifts(live, want)
}
