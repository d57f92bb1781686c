package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Names of the streams.
const (
	streamEvents    = "EVENTS"
	streamActivity  = "ACTIVITY"
	streamLifecycle = "LIFECYCLE"
	streamBlobs     = "BLOBS"
	streamPulse     = "PULSE"
)

// ProvisionOptions say which streams there are to be.
type ProvisionOptions struct {
	// Replicas of every stream; 0 means 1.
	Replicas int
	// Services each get a vault.
	Services []string
	// ActivityAge is how long observations are kept; 0 means 400 days.
	ActivityAge time.Duration
}

// EventsStream is EVENTS: every decision, for ever.
func EventsStream(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: streamEvents, Subjects: []string{"events.>"}, Description: "every state-changing decision, one total order",
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, Storage: jetstream.FileStorage,
		MaxConsumers: -1, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1,
		Replicas: max(replicas, 1), Duplicates: 2 * time.Minute,
		DenyDelete: true, DenyPurge: true, AllowDirect: true,
	}
}

// ActivityStream is ACTIVITY: observations, kept for a time; 0 means 400 days.
func ActivityStream(replicas int, age time.Duration) jetstream.StreamConfig {
	if age == 0 {
		age = 400 * 24 * time.Hour
	}
	c := EventsStream(replicas)
	c.Name, c.Subjects, c.Description = streamActivity, []string{"activity.>"}, "observations that change no aggregate"
	c.MaxAge = age
	return c
}

// AuditStream is AUDIT_<n>: what audit read of both, in the order auditors see. It is in an account of its own.
func AuditStream(n, replicas int) jetstream.StreamConfig {
	c := EventsStream(replicas)
	c.Name, c.Description = fmt.Sprintf("AUDIT_%d", n), "every record, in the order auditors see"
	c.Subjects = []string{fmt.Sprintf("audit.%d", n)}
	c.AllowAtomicPublish = true
	return c
}

// LifecycleStream is LIFECYCLE: the public feed, in an account of its own.
func LifecycleStream(replicas int) jetstream.StreamConfig {
	c := EventsStream(replicas)
	c.Name, c.Subjects, c.Description = streamLifecycle, []string{"lifecycle.>"}, "the public feed, made of the audit records"
	c.MaxAge, c.AllowDirect = 90*24*time.Hour, false
	return c
}

// VaultStream is VAULT_<SERVICE>: one message a secret, which can be deleted so that its bytes are gone.
func VaultStream(service string, replicas int) jetstream.StreamConfig {
	c := EventsStream(replicas)
	c.Name, c.Description = vaultName(service), "wrapped secrets of "+service
	c.Subjects = []string{"vault." + service + ".>"}
	c.Discard, c.MaxMsgsPerSubject = jetstream.DiscardOld, 1
	c.DenyDelete, c.DenyPurge = false, true
	return c
}

func vaultName(service string) string { return "VAULT_" + strings.ToUpper(service) }

// BlobsStream is BLOBS: contracts and evidence in pieces, each written once.
func BlobsStream(replicas int) jetstream.StreamConfig {
	c := EventsStream(replicas)
	c.Name, c.Subjects, c.Description = streamBlobs, []string{"blobs.>"}, "contracts and evidence by digest, written once"
	c.MaxMsgsPerSubject, c.DiscardNewPerSubject = 1, true
	return c
}

// PulseStream is PULSE: the newest beat of every node, in memory, for seconds.
func PulseStream(replicas int) jetstream.StreamConfig {
	c := EventsStream(replicas)
	c.Name, c.Subjects, c.Description = streamPulse, []string{"pulse.>"}, "the newest beat of every node"
	c.Storage, c.Discard, c.MaxMsgsPerSubject = jetstream.MemoryStorage, jetstream.DiscardOld, 1
	c.MaxAge, c.Duplicates = time.Minute, time.Minute
	c.DenyDelete, c.DenyPurge = false, false
	return c
}

// Streams are those of the services' account.
func (o ProvisionOptions) Streams() []jetstream.StreamConfig {
	out := []jetstream.StreamConfig{EventsStream(o.Replicas), ActivityStream(o.Replicas, o.ActivityAge),
		BlobsStream(o.Replicas), PulseStream(o.Replicas)}
	for _, s := range o.Services {
		out = append(out, VaultStream(s, o.Replicas))
	}
	return out
}

// Provision makes the streams of the services' account that are missing, and refuses, changing nothing of it, a stream
// that is there with other settings.
func Provision(ctx context.Context, nc *nats.Conn, o ProvisionOptions) error {
	return ProvisionStreams(ctx, nc, o.Streams()...)
}

// ProvisionStreams is Provision for any streams, as those of the audit and feed accounts.
func ProvisionStreams(ctx context.Context, nc *nats.Conn, streams ...jetstream.StreamConfig) error {
	s, err := reach(ctx, nc)
	if err != nil {
		return err
	}
	var refused []error
	for _, want := range streams {
		if err := s.provision(ctx, want); err != nil {
			refused = append(refused, err)
		}
	}
	return errors.Join(refused...)
}

func (s *server) provision(ctx context.Context, want jetstream.StreamConfig) error {
	_, err := retried(ctx, s.patience, func(ctx context.Context) (struct{}, error) {
		_, err := s.js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return struct{}{}, nil
		}
		return struct{}{}, err
	})
	if err != nil {
		return fmt.Errorf("create stream %s: %w", want.Name, err)
	}
	return s.checkDrift(ctx, want)
}
