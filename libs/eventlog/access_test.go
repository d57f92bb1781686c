package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

func TestEveryServiceWorksInAnAccountOfItsOwn(t *testing.T) { // X1
	eachSuite(t, everyServiceWorksInAnAccountOfItsOwn)
}

func everyServiceWorksInAnAccountOfItsOwn(t *testing.T, s suite) {
	s.provision(t)
	ctx := within(t)
	for i, name := range services {
		nc := s.as(t, name)
		v := openVault(t, nc, eventlog.VaultOptions{Service: name, Keys: keyFile(t)})
		l := open(t, nc, eventlog.Options{Service: name, Vault: v})
		ctx := eventlog.WithMeta(ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: "p", Kind: "person"}, Source: &eventv1.Source{Ip: "203.0.113.1"}})
		r := eventlog.Repository[signer]{Log: l, Kind: name + ".signer"}
		for n := range 3 {
			if out, err := r.Handle(ctx, "k", publish{fmt.Sprint(n)}); err != nil || out.Position != uint64(3*i+n+1) {
				t.Fatalf("%s: %+v %v", name, out, err)
			}
		}
		if s, _, err := r.LoadLeader(ctx, "k"); err != nil || s.Published != 3 {
			t.Fatalf("%s: %+v %v", name, s, err)
		}
		if err := l.Observe(ctx, "sign_in", &activityv1.StepUpSucceeded{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := collect(t, l, 3*i+3); len(got) != 3*i+3 {
			t.Fatalf("%s follows %d", name, len(got))
		}
		if err := l.FollowActivity(ctx, 0, func(context.Context, []eventlog.Recorded) error { return eventlog.ErrStop }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := v.Erase(ctx, "trace", "p"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		blobs, err := eventlog.OpenBlobs(ctx, nc, name)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := blobs.Put(ctx, []byte(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := blobs.Get(ctx, digest); err != nil {
			t.Fatal(err)
		}
		pulse, err := eventlog.OpenPulse(ctx, nc, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := pulse.Beat(ctx, "n", nil); err != nil {
			t.Fatal(err)
		}
		if err := pulse.Watch(ctx, func(eventlog.Beat) error { return eventlog.ErrStop }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAccountsHoldAcrossACluster(t *testing.T) {
	access := eventlog.AccessFor("identity", "issuance")
	users, err := embedded.EnsureUsers(t.TempDir(), access)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := embedded.StartCluster(within(t), 3, embedded.NATSOptions{Dir: t.TempDir(), Relaxed: true, MaxStore: 8 << 30, Access: access, Users: users})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	ctx := within(t)
	if err := eventlog.Provision(ctx, connect(t, cluster.Nodes[0], users.As(eventlog.UserProvision)), eventlog.ProvisionOptions{Replicas: 3, Services: []string{"identity", "issuance"}}); err != nil {
		t.Fatal(err)
	}
	if err := eventlog.CheckSync(ctx, connect(t, cluster.Nodes[2], users.As(eventlog.UserSystem)), 3); !errors.Is(err, eventlog.ErrLazySync) || strings.Count(err.Error(), "server node-") != 3 {
		t.Fatalf("got %v", err)
	}
	// One of the nodes leads the stream; the others reach it over a route.
	for i, node := range cluster.Nodes {
		nc := connect(t, node, users.As("issuance"))
		v := openVault(t, nc, eventlog.VaultOptions{Service: "issuance", Keys: keyFile(t), Replicas: 3})
		l := open(t, nc, eventlog.Options{Service: "issuance", Vault: v, Replicas: 3})
		for n := range 20 {
			if _, err := signers(l).Handle(ctx, "k", publish{fmt.Sprint(i, n)}); err != nil {
				t.Fatal(err)
			}
		}
		if s, _, err := signers(l).LoadLeader(ctx, "k"); err != nil || s.Published != 20*(i+1) {
			t.Fatalf("%+v %v", s, err)
		}
		if err := l.Observe(ctx, "x", publish{"x"}.fact()); err != nil {
			t.Fatal(err)
		}
		collect(t, l, 20*(i+1))
		if err := v.Put(ctx, "sink", "s", []byte("secret")); err != nil {
			t.Fatal(err)
		}
		if err := v.Erase(ctx, "sink", "s"); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(ctx, "events.issuance.signer.k", 1, publish{"x"}.fact()); !errors.Is(err, eventlog.ErrConflict) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestAuditReadsThePeoplesKeysOfOthersAndWritesTheRecords(t *testing.T) {
	eachSuite(t, auditReadsThePeoplesKeysOfOthersAndWritesTheRecords)
}

func auditReadsThePeoplesKeysOfOthersAndWritesTheRecords(t *testing.T, s suite) {
	s.provision(t)
	ctx := within(t)
	keys := keyFile(t)
	identity := openVault(t, s.as(t, "identity"), eventlog.VaultOptions{Service: "identity", Keys: keys})
	for _, kind := range []string{"profile", "trace", "idp"} {
		if err := identity.Put(ctx, kind, "p", []byte(kind)); err != nil {
			t.Fatal(err)
		}
	}
	nc := s.as(t, "audit")
	foreign := openVault(t, nc, eventlog.VaultOptions{Service: "identity", Keys: keys, Foreign: true})
	for _, kind := range []string{"profile", "trace"} {
		if got, err := foreign.Get(ctx, kind, "p"); err != nil || string(got) != kind {
			t.Fatalf("%s: %q %v", kind, got, err)
		}
	}
	if _, err := foreign.Get(ctx, "idp", "p"); !errors.Is(err, eventlog.ErrForbidden) {
		t.Fatalf("audit reads identity's other secrets: %v", err)
	}
	if err := errors.Join(eventlog.CheckStreams(ctx, nc, eventlog.APIAudit, eventlog.AuditStream(0, 1)),
		eventlog.CheckStreams(ctx, nc, eventlog.APIFeed, eventlog.LifecycleStream(1))); err != nil {
		t.Fatal(err)
	}
	shorter := eventlog.LifecycleStream(1)
	shorter.MaxAge = time.Hour
	var drift eventlog.Drift
	if err := eventlog.CheckStreams(ctx, nc, eventlog.APIFeed, shorter); !errors.As(err, &drift) || drift.Field != "max_age" {
		t.Fatalf("got %v", err)
	}
	records, err := eventlog.JetStream(ctx, nc, eventlog.APIAudit)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := records.Publish(ctx, "audit.0", []byte("record"), jetstream.WithExpectLastSequence(0), jetstream.WithExpectStream("AUDIT_0"))
	if err != nil || ack.Sequence != 1 {
		t.Fatalf("%+v %v", ack, err)
	}
	batch, err := jetstreamext.NewBatchPublisher(records)
	if err != nil {
		t.Fatal(err)
	}
	if err := batch.Add("audit.0", []byte("second"), jetstreamext.WithBatchExpectLastSequence(1)); err != nil {
		t.Fatal(err)
	}
	if ack, err := batch.Commit(ctx, "audit.0", []byte("third")); err != nil || ack.Sequence != 3 {
		t.Fatalf("several records at once: %+v %v", ack, err)
	}
	consumer, err := records.OrderedConsumer(ctx, "AUDIT_0", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	if m, err := messages.Next(jetstream.NextContext(ctx)); err != nil || string(m.Data()) != "record" {
		t.Fatal(err)
	}
}

// TestAServiceCannotReachBeyondItsAccount tries what a service that fell into wrong hands would.
func TestAServiceCannotReachBeyondItsAccount(t *testing.T) { // X1
	eachSuite(t, aServiceCannotReachBeyondItsAccount)
}

func aServiceCannotReachBeyondItsAccount(t *testing.T, s suite) {
	s.provision(t)
	ctx := within(t)
	admin := s.as(t, eventlog.UserProvision)
	streams, err := jetstream.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	identity := open(t, s.as(t, "identity"), eventlog.Options{Service: "identity"})
	if _, err := identity.Append(ctx, "events.identity.person.p", 0, publish{"k"}.fact()); err != nil {
		t.Fatal(err)
	}
	if err := openVault(t, s.as(t, "identity"), eventlog.VaultOptions{Service: "identity", Keys: keyFile(t)}).Put(ctx, "idp", "p", []byte("x")); err != nil {
		t.Fatal(err)
	}
	others, err := streams.OrderedConsumer(ctx, "EVENTS", jetstream.OrderedConsumerConfig{NamePrefix: "others"})
	if err != nil {
		t.Fatal(err)
	}
	_ = others
	evil := s.as(t, "registry")
	own := open(t, evil, eventlog.Options{Service: "registry"})

	if _, err := own.Append(ctx, "events.identity.person.p", 1, publish{"k"}.fact()); !errors.Is(err, eventlog.ErrForbidden) {
		t.Errorf("foreign append: %v", err)
	}
	// A configuration that keeps nothing longer than a second, stored as a message of one's own, to be sent on by the
	// server as an answer.
	const harmful = `{"name":"EVENTS","subjects":["events.>"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":1000000000,"discard":"new","storage":"file","num_replicas":1,"allow_direct":true,"deny_delete":true,"deny_purge":true,"duplicate_window":1000000000}`
	log, err := eventlog.JetStream(ctx, evil, eventlog.APILog)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := log.Publish(ctx, "events.registry.product.evil", []byte(harmful))
	if err != nil {
		t.Fatal(err)
	}
	last := mine.Sequence
	body := fmt.Sprintf(`{"seq":%d}`, last)
	for _, m := range []nats.Msg{
		{Subject: "events.identity.person.x"}, {Subject: "activity.identity.sign_in"}, {Subject: "pulse.gateway.n"},
		{Subject: "vault.identity.idp.p"}, {Subject: "blobs.identity.x.0"}, {Subject: "audit.0"}, {Subject: "lifecycle.v1.x"},
		{Subject: "$JS.API.STREAM.DELETE.EVENTS"}, {Subject: "LOG.API.STREAM.DELETE.EVENTS"},
		{Subject: "$JS.API.STREAM.UPDATE.EVENTS", Data: []byte(harmful)}, {Subject: "LOG.API.STREAM.UPDATE.EVENTS", Data: []byte(harmful)},
		{Subject: "LOG.API.STREAM.PURGE.EVENTS"}, {Subject: "LOG.API.STREAM.CREATE.MINE", Data: []byte(`{"name":"MINE"}`)},
		{Subject: "LOG.API.STREAM.MSG.DELETE.VAULT_IDENTITY", Data: []byte(`{"seq":1}`)},
		// The same by way of the server's answers.
		{Subject: "LOG.API.DIRECT.GET.EVENTS", Reply: "events.identity.person.x", Data: []byte(body)},
		{Subject: "LOG.API.DIRECT.GET.EVENTS", Reply: "$JS.API.STREAM.UPDATE.EVENTS", Data: []byte(body)},
		{Subject: "LOG.API.DIRECT.GET.EVENTS", Reply: "LOG.API.STREAM.UPDATE.EVENTS", Data: []byte(body)},
		{Subject: "LOG.API.DIRECT.GET.EVENTS", Reply: "$JS.API.STREAM.DELETE.EVENTS", Data: []byte(`{"seq":100000}`)},
		{Subject: "LOG.API.DIRECT.GET.EVENTS", Reply: "LOG.API.STREAM.DELETE.EVENTS", Data: []byte(`{"seq":100000}`)},
		{Subject: "events.registry.product.evil", Reply: "events.identity.person.x", Data: []byte("x")},
		{Subject: "activity.registry.evil", Reply: "vault.identity.idp.p", Data: []byte("x")},
		{Subject: "LOG.API.STREAM.INFO.EVENTS", Reply: "events.identity.person.x"},
		{Subject: "LOG.API.CONSUMER.MSG.NEXT.EVENTS.none", Reply: "events.identity.person.x", Data: []byte(`{"batch":1,"no_wait":true}`)},
	} {
		if err := evil.PublishMsg(&m); err != nil {
			t.Fatal(err)
		}
	}
	// What the server pushes on its own.
	for i, to := range []string{"events.identity.person.x", "activity.identity.sign_in", "$JS.API.STREAM.UPDATE.EVENTS", "vault.identity.idp.p"} {
		for _, stream := range []string{"EVENTS", "ACTIVITY", "PULSE"} {
			name := fmt.Sprintf("evil%d", i)
			_, _ = evil.Request("LOG.API.CONSUMER.CREATE."+stream+"."+name, fmt.Appendf(nil,
				`{"stream_name":%q,"config":{"name":%q,"deliver_subject":%q,"deliver_policy":"all","ack_policy":"none"}}`, stream, name, to), patience)
		}
	}
	for _, call := range []string{"$JS.API.CONSUMER.LIST.EVENTS", "$JS.API.CONSUMER.NAMES.EVENTS", "LOG.API.CONSUMER.LIST.EVENTS",
		"LOG.API.CONSUMER.NAMES.EVENTS", "LOG.API.CONSUMER.INFO.EVENTS.others_1", "LOG.API.STREAM.NAMES", "LOG.API.STREAM.LIST",
		"LOG.API.DIRECT.GET.VAULT_IDENTITY.vault.identity.idp.p", "LOG.API.STREAM.MSG.GET.VAULT_IDENTITY", "LOG.API.STREAM.INFO.VAULT_IDENTITY",
		"AUDIT.API.STREAM.INFO.AUDIT_0"} {
		if m, err := evil.Request(call, nil, 100*time.Millisecond); err == nil && !strings.Contains(string(m.Data), `"error"`) {
			t.Errorf("%s answers %s", call, m.Data)
		}
	}
	if v, err := eventlog.OpenVault(ctx, evil, eventlog.VaultOptions{Service: "identity", Keys: keyFile(t), Foreign: true}); err != nil {
		t.Error(err)
	} else if _, err := v.Get(ctx, "idp", "p"); !errors.Is(err, eventlog.ErrForbidden) {
		t.Errorf("a foreign secret: %v", err)
	}
	for _, inbox := range []string{eventlog.InboxPrefix("identity") + ".>", "_INBOX.>", ">", "events.>", "_R_.>", "$JS.EVENT.ADVISORY.>"} {
		if _, err := evil.SubscribeSync(inbox); err != nil {
			continue
		}
		if err := evil.Flush(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(fmt.Sprint(evil.LastError()), inbox) {
			t.Errorf("listens on %s: %v", inbox, evil.LastError())
		}
	}
	if err := evil.Flush(); err != nil {
		t.Fatal(err)
	}
	// Whatever was on its way is in: a beat through the same server and back.
	if _, err := log.Publish(ctx, "events.registry.product.last", []byte("x")); err != nil {
		t.Fatal(err)
	}
	events, err := streams.Stream(ctx, "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	live, err := events.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		t.Fatal(err)
	}
	for subject := range live.State.Subjects {
		if subject != "events.identity.person.p" && !strings.HasPrefix(subject, "events.registry.") {
			t.Errorf("forged %s", subject)
		}
	}
	if err := eventlog.Provision(ctx, admin, eventlog.ProvisionOptions{Services: services}); err != nil {
		t.Error(err)
	}
	vault, err := streams.Stream(ctx, "VAULT_IDENTITY")
	if err != nil {
		t.Fatal(err)
	}
	if i, err := vault.Info(ctx); err != nil || i.State.Msgs != 1 || i.State.LastSeq != 1 {
		t.Errorf("identity's vault: %+v %v", i.State, err)
	}
}
