package operator_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/operator"
)

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func connect(t testing.TB, s *embedded.NATS, o ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.URL(), append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(10 * time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})}, o...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// subscriber is a user of the feed with a consumer of its own.
func subscriber(id string) operator.Grant {
	inbox := "_INBOX_sub_" + id
	return operator.Grant{Account: eventlog.AccountReaders, Name: "sub_" + id,
		Publish:   []string{"FEED.API.CONSUMER.INFO.LIFECYCLE.sub_" + id, "FEED.API.CONSUMER.MSG.NEXT.LIFECYCLE.sub_" + id, "$JS.ACK.LIFECYCLE.sub_" + id + ".>"},
		Subscribe: []string{inbox + ".>"}}
}

func TestASubscriberReadsItsConsumerUntilRevoked(t *testing.T) { // X9
	ctx := within(t)
	keys := t.TempDir()
	o, err := operator.Ensure(keys, eventlog.AccessFor("audit"))
	if err != nil {
		t.Fatal(err)
	}
	options := embedded.NATSOptions{Dir: t.TempDir(), Address: "127.0.0.1:0", Relaxed: true, MaxStore: 8 << 30, Operator: o}
	s, err := embedded.StartNATS(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Stop() }()
	provisioner := connect(t, s, o.As(eventlog.UserProvisionFeed))
	if err := eventlog.ProvisionStreams(ctx, provisioner, eventlog.LifecycleStream(1)); err != nil {
		t.Fatal(err)
	}
	if err := eventlog.Provision(ctx, connect(t, s, o.As(eventlog.UserProvision)), eventlog.ProvisionOptions{}); err != nil {
		t.Fatal(err)
	}
	feed, err := eventlog.JetStream(ctx, connect(t, s, o.As("audit")), eventlog.APIFeed)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		if _, err := feed.CreateConsumer(ctx, "LIFECYCLE", jetstream.ConsumerConfig{Durable: "sub_" + id, FilterSubject: "lifecycle.v1.issuance.credential.revoked." + id + ".>", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
			t.Fatal(err)
		}
		if _, err := feed.Publish(ctx, "lifecycle.v1.issuance.credential.revoked."+id+".c", []byte(id)); err != nil {
			t.Fatal(err)
		}
	}
	issued, err := o.Issue(subscriber("a"))
	if err != nil {
		t.Fatal(err)
	}
	as := []nats.Option{nats.UserCredentialBytes(issued.Creds), nats.CustomInboxPrefix("_INBOX_sub_a")}
	closed := make(chan struct{})
	nc := connect(t, s, append(as, nats.MaxReconnects(0), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...)
	own, err := jetstream.NewWithAPIPrefix(nc, eventlog.APIFeed)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := own.Consumer(ctx, "LIFECYCLE", "sub_a")
	if err != nil {
		t.Fatal(err)
	}
	m, err := consumer.Next(jetstream.FetchMaxWait(20 * time.Second))
	if err != nil || string(m.Data()) != "a" || m.DoubleAck(ctx) != nil {
		t.Fatalf("%v %v", m, err)
	}

	// Another's consumer, the stream itself, and the way round by the server's answers.
	for _, call := range []string{"CONSUMER.INFO.LIFECYCLE.sub_b", "CONSUMER.MSG.NEXT.LIFECYCLE.sub_b", "STREAM.INFO.LIFECYCLE", "STREAM.MSG.GET.LIFECYCLE",
		"CONSUMER.CREATE.LIFECYCLE.mine", "CONSUMER.DELETE.LIFECYCLE.sub_a", "CONSUMER.LIST.LIFECYCLE", "CONSUMER.NAMES.LIFECYCLE"} {
		if m, err := nc.Request("FEED.API."+call, nil, 100*time.Millisecond); err == nil {
			t.Errorf("%s answers %s", call, m.Data)
		}
	}
	for _, to := range []string{"$JS.API.STREAM.DELETE.LIFECYCLE", "FEED.API.STREAM.DELETE.LIFECYCLE", "lifecycle.v1.forged"} {
		if err := nc.PublishMsg(&nats.Msg{Subject: "FEED.API.CONSUMER.MSG.NEXT.LIFECYCLE.sub_a", Reply: to, Data: []byte(`{"batch":1,"no_wait":true}`)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := consumer.Info(ctx); err != nil {
		t.Fatal(err)
	}
	stream, err := feed.Stream(ctx, "LIFECYCLE")
	if err != nil || stream.CachedInfo().State.LastSeq != 2 {
		t.Fatalf("the feed was changed: %v", err)
	}

	system := connect(t, s, o.As(eventlog.UserSystem))
	if err := o.Revoke(ctx, system, eventlog.AccountReaders, issued.PublicKey); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-ctx.Done():
		t.Fatal("a revoked user is still connected")
	}
	refused := func() {
		t.Helper()
		if again, err := nats.Connect(s.URL(), as...); !errors.Is(err, nats.ErrAuthorization) && !errors.Is(err, nats.ErrAuthRevoked) {
			again.Close()
			t.Fatalf("a revoked user connects: %v", err)
		}
	}
	refused()

	// A restart with keys read anew revives nobody and keeps the others.
	s.Stop()
	if options.Operator, err = operator.Ensure(keys, eventlog.AccessFor("audit")); err != nil {
		t.Fatal(err)
	}
	if s, err = embedded.StartNATS(ctx, options); err != nil {
		t.Fatal(err)
	}
	refused()
	if _, err := eventlog.Open(ctx, connect(t, s, options.Operator.As("audit")), eventlog.Options{Service: "audit"}); err != nil {
		t.Fatal(err)
	}

	// A key of the subscriber's own, and an end by time.
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	grant := subscriber("b")
	grant.PublicKey, grant.Expires = public, time.Now().Add(-time.Minute)
	for _, late := range []bool{true, false} {
		if !late {
			grant.Expires = time.Now().Add(time.Hour)
		}
		token, err := options.Operator.Issue(grant)
		if err != nil || token.PublicKey != public || strings.Contains(string(token.Creds), "SEED") {
			t.Fatalf("%s %v", token.Creds, err)
		}
		b, err := nats.Connect(s.URL(), nats.UserJWT(func() (string, error) { return string(token.Creds), nil }, pair.Sign))
		if late != (err != nil) {
			t.Fatalf("late %v: %v", late, err)
		}
		if err == nil {
			b.Close()
		}
	}
	if _, err := o.Issue(operator.Grant{Account: eventlog.AccountReaders, Name: "all"}); err == nil {
		t.Fatal("a user of everything was made")
	}
}

func TestKeysThatOthersMayReadAreRefused(t *testing.T) {
	dir := t.TempDir()
	access := eventlog.AccessFor("audit")
	if _, err := operator.Ensure(dir, access); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.nk"))
	if err != nil || len(files) < 8 {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		if s, err := os.Stat(f); err != nil || s.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, s.Mode(), err)
		}
	}
	if err := os.Chmod(files[0], 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := operator.Ensure(dir, access); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Fatalf("got %v", err)
	}
	if err := os.Chmod(files[0], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := operator.Ensure(dir, access); err == nil || strings.Contains(err.Error(), "nonsense") {
		t.Fatalf("got %v", err)
	}
}
