package eventlog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
)

// TestAStreamWithOtherSettingsStopsTheBoot changes one setting after the other, as far as the server lets anybody.
func TestAStreamWithOtherSettingsStopsTheBoot(t *testing.T) {
	nc := connect(t, startOne(t))
	ctx := within(t)
	streams, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "issuance"}); err == nil || !strings.Contains(err.Error(), "EVENTS does not exist") {
		t.Fatalf("without streams: %v", err)
	}
	// create makes EVENTS anew with one setting changed.
	create := func(change func(*jetstream.StreamConfig)) error {
		for _, s := range []string{"EVENTS", "ACTIVITY", "OTHER"} {
			if err := streams.DeleteStream(ctx, s); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
				t.Fatal(err)
			}
		}
		events := eventlog.EventsStream(1)
		change(&events)
		if events.Mirror != nil || len(events.Sources) > 0 {
			if _, err := streams.CreateStream(ctx, jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"other"}}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := streams.CreateStream(ctx, events); err != nil {
			return err
		}
		_, err := streams.CreateStream(ctx, eventlog.ActivityStream(1, 0))
		return err
	}
	for _, c := range []struct {
		field, found, expected string
		change                 func(*jetstream.StreamConfig)
	}{
		{"max_age", "1s", "0s", func(c *jetstream.StreamConfig) { c.MaxAge, c.Duplicates = time.Second, time.Second }},
		{"duplicate_window", "1s", "2m0s", func(c *jetstream.StreamConfig) { c.Duplicates = time.Second }},
		{"max_msgs", "10", "-1", func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 }},
		{"max_bytes", "1000", "-1", func(c *jetstream.StreamConfig) { c.MaxBytes = 1000 }},
		{"max_msgs_per_subject", "1", "-1", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }},
		{"max_msg_size", "100", "-1", func(c *jetstream.StreamConfig) { c.MaxMsgSize = 100 }},
		{"max_consumers", "2", "-1", func(c *jetstream.StreamConfig) { c.MaxConsumers = 2 }},
		{"subjects", "[events.* events.x.>]", "[events.>]", func(c *jetstream.StreamConfig) { c.Subjects = []string{"events.x.>", "events.*"} }},
		{"retention", "Interest", "Limits", func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }},
		{"discard", "DiscardOld", "DiscardNew", func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }},
		{"discard_new_per_subject", "true", "false", func(c *jetstream.StreamConfig) { c.DiscardNewPerSubject, c.MaxMsgsPerSubject = true, 5 }},
		{"storage", "Memory", "File", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }},
		{"no_ack", "true", "false", func(c *jetstream.StreamConfig) { c.NoAck = true }},
		{"deny_delete", "false", "true", func(c *jetstream.StreamConfig) { c.DenyDelete = false }},
		{"deny_purge", "false", "true", func(c *jetstream.StreamConfig) { c.DenyPurge = false }},
		{"allow_rollup_hdrs", "true", "false", func(c *jetstream.StreamConfig) { c.AllowRollup, c.DenyPurge = true, false }},
		{"allow_direct", "false", "true", func(c *jetstream.StreamConfig) { c.AllowDirect = false }},
		{"allow_msg_ttl", "true", "false", func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true }},
		{"allow_msg_counter", "true", "false", func(c *jetstream.StreamConfig) { c.AllowMsgCounter, c.Discard = true, jetstream.DiscardOld }},
		{"allow_msg_schedules", "true", "false", func(c *jetstream.StreamConfig) { c.AllowMsgSchedules, c.Discard = true, jetstream.DiscardOld }},
		{"allow_atomic", "true", "false", func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = true }},
		{"allow_batched", "true", "false", func(c *jetstream.StreamConfig) { c.AllowBatchPublish = true }},
		{"subject_delete_marker_ttl", "1m0s", "0s", func(c *jetstream.StreamConfig) {
			c.AllowMsgTTL, c.SubjectDeleteMarkerTTL, c.AllowRollup, c.DenyPurge = true, time.Minute, true, false
		}},
		{"republish", "true", "false", func(c *jetstream.StreamConfig) { c.RePublish = &jetstream.RePublish{Source: ">", Destination: "out.>"} }},
		{"subject_transform", "true", "false", func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: "events.x", Destination: "events.y"}
		}},
		{"sources", "1", "0", func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{Name: "OTHER"}} }},
		{"mirror", "true", "false", func(c *jetstream.StreamConfig) {
			c.Subjects, c.Mirror, c.Discard = nil, &jetstream.StreamSource{Name: "OTHER"}, jetstream.DiscardOld
		}},
	} {
		if err := create(c.change); err != nil {
			t.Errorf("%s: the server itself refuses: %v", c.field, err)
			continue
		}
		_, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "issuance"})
		want := eventlog.Drift{Stream: "EVENTS", Field: c.field, Found: c.found, Expected: c.expected}
		if err == nil || !strings.Contains(err.Error(), want.Error()) {
			t.Errorf("%s: %v, expected %v", c.field, err, want)
		}
		if err := eventlog.Provision(ctx, nc, eventlog.ProvisionOptions{}); err == nil || !strings.Contains(err.Error(), want.Error()) {
			t.Errorf("%s: provisioned over: %v", c.field, err)
		}
	}
	if err := create(func(*jetstream.StreamConfig) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "issuance"}); err != nil {
		t.Fatal(err)
	}
	// The one change that would empty the log while it is in use.
	emptied := eventlog.EventsStream(1)
	emptied.MaxAge, emptied.Duplicates = time.Second, time.Second
	if _, err := streams.UpdateStream(ctx, emptied); err != nil {
		t.Fatal(err)
	}
	var drift eventlog.Drift
	if _, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "issuance"}); !errors.As(err, &drift) || drift.Field != "max_age" {
		t.Fatalf("got %v", err)
	}
}

func TestOperatorsChooseHowLongObservationsAreKept(t *testing.T) {
	nc := connect(t, startOne(t))
	ctx := within(t)
	if err := eventlog.Provision(ctx, nc, eventlog.ProvisionOptions{ActivityAge: 30 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "issuance"}); err != nil {
		t.Fatal(err)
	}
	if _, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "issuance", Replicas: 3}); err == nil || !strings.Contains(err.Error(), "num_replicas is 1, expected 3") {
		t.Fatalf("one copy where three are wanted: %v", err)
	}
}

func TestProvisioningAsksHowTheServersSync(t *testing.T) {
	access := eventlog.AccessFor("issuance")
	users, err := embedded.EnsureUsers(t.TempDir(), access)
	if err != nil {
		t.Fatal(err)
	}
	for relaxed, want := range map[bool]error{false: nil, true: eventlog.ErrLazySync} {
		s, err := embedded.StartNATS(within(t), embedded.NATSOptions{Dir: t.TempDir(), Address: "127.0.0.1:0", Relaxed: relaxed, Access: access, Users: users})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Stop)
		if err := eventlog.CheckSync(within(t), connect(t, s, users.As(eventlog.UserSystem)), 1); !errors.Is(err, want) {
			t.Errorf("relaxed %v: %v", relaxed, err)
		}
	}
}
