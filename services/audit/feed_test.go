package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/audit/verify"
)

type subscribedAnswer struct {
	ID, Stream, Consumer, Creds string
	APIPrefix                   string `json:"api_prefix"`
	InboxPrefix                 string `json:"inbox_prefix"`
	Filters                     []string
	Position                    uint64
}

func (s *scene) application(organization string) string {
	app := id()
	s.suite.Append("registry", "application", app, &registryv1.ApplicationRegistered{Name: "x", OrganizationId: organization, OwnerId: "a", BackupOwnerId: "b"})
	return app
}

func (s *scene) talk() *servicetest.Talk {
	k := s.suite.Talk(s.T, s.running)
	tail, err := s.suite.Log("portal").Tail(context.Background())
	if err != nil {
		s.Fatal(err)
	}
	k.Shown(tail)
	return k
}

func (s *scene) subscribe(body map[string]any) subscribedAnswer {
	s.Helper()
	var made subscribedAnswer
	s.talk().Call(&s.manager, "POST", "/v1/subscriptions", body).Wants(201, "").Into(&made)
	return made
}

// connect connects as a subscriber: with the credentials it was shown.
func (s *scene) connect(made subscribedAnswer, options ...nats.Option) (*nats.Conn, error) {
	path := filepath.Join(s.TempDir(), "creds")
	if err := os.WriteFile(path, []byte(made.Creds), 0o600); err != nil {
		s.Fatal(err)
	}
	key, err := nats.NkeyOptionFromSeed(path)
	if err != nil {
		s.Fatal(err)
	}
	return nats.Connect(s.suite.Server.URL(), append([]nats.Option{key, nats.CustomInboxPrefix(made.InboxPrefix), nats.Timeout(servicetest.Patience)}, options...)...)
}

func (s *scene) consumer(nc *nats.Conn, made subscribedAnswer) jetstream.Consumer {
	s.Helper()
	js, err := jetstream.NewWithAPIPrefix(nc, made.APIPrefix)
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), servicetest.Patience)
	defer cancel()
	c, err := js.Consumer(ctx, made.Stream, made.Consumer)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

type feedEvent struct {
	ID, Type, Sequence, Organization, Subject string
	raw                                       []byte
}

// take reads and confirms events until n different ones are there.
func (s *scene) take(c jetstream.Consumer, n int) map[string]feedEvent {
	s.Helper()
	got := map[string]feedEvent{}
	deadline := time.Now().Add(servicetest.Patience)
	for len(got) < n {
		if time.Now().After(deadline) {
			s.Fatalf("%d events of %d", len(got), n)
		}
		batch, err := c.Fetch(n, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			s.Fatal(err)
		}
		for m := range batch.Messages() {
			var e feedEvent
			if err := json.Unmarshal(m.Data(), &e); err != nil {
				s.Fatal(err)
			}
			e.raw = m.Data()
			got[e.ID] = e
			if err := m.DoubleAck(context.Background()); err != nil {
				s.Fatal(err)
			}
		}
	}
	return got
}

func TestASubscriberGetsExactlyItsEvents(t *testing.T) { // X9
	s := newScene(t)
	mine, other := s.manager.Organization, s.auditor.Organization
	made := s.subscribe(map[string]any{"name": "suspensions", "types": []string{"registry.application.suspended", "registry.application.Resumed"}})
	if made.Creds == "" || len(made.Filters) != 2 || made.Consumer != "sub_"+made.ID {
		t.Fatalf("%+v", made)
	}
	nc, err := s.connect(made)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	var want []string
	for i := range 20 {
		app := s.application(mine)
		foreign := s.application(other)
		s.suspend(mine, app, fmt.Sprint(i))
		s.suspend(other, foreign, "not for you")
		want = append(want, app)
	}
	got := s.take(s.consumer(nc, made), len(want))
	var file bytes.Buffer
	for _, e := range got {
		if e.Organization != mine || !slices.Contains(want, strings.TrimPrefix(e.Subject, "application/")) || e.Type != "io.chancery.registry.application.suspended.v1" {
			t.Fatalf("%s", e.raw)
		}
		fmt.Fprintf(&file, "%s\n", e.raw)
	}
	if len(got) != len(want) {
		t.Fatalf("%d events of %d", len(got), len(want))
	}
	s.checked(made, got, file)
	s.replayed(nc, made, got)
	s.byCursor(got)
}

func (s *scene) suspend(organization, app, reason string) {
	log := s.suite.Log("registry")
	ctx := eventlog.WithMeta(context.Background(), eventlog.Meta{Organization: organization})
	before, err := log.Read(ctx, log.Subject("application", app))
	if err != nil {
		s.Fatal(err)
	}
	if _, err := log.Append(ctx, log.Subject("application", app), before[len(before)-1].Sequence, &registryv1.ApplicationSuspended{Reason: reason}); err != nil {
		s.Fatal(err)
	}
}

// checked compares with the signed check, whole and with one event lost.
func (s *scene) checked(made subscribedAnswer, got map[string]feedEvent, file bytes.Buffer) {
	s.Helper()
	last := ""
	for _, e := range got {
		last = max(last, e.Sequence)
	}
	var check verify.Check
	s.talk().Call(&s.manager, "GET", "/v1/subscriptions/"+made.ID+"/check?from=1&to="+strings.TrimLeft(last, "0"), nil).Into(&check)
	result, err := verify.Feed(bytes.NewReader(file.Bytes()), check, "")
	if err != nil || result.Err() != nil || result.Events != len(got) {
		s.Fatalf("%+v %v", result, err)
	}
	first, rest, _ := bytes.Cut(file.Bytes(), []byte("\n"))
	result, err = verify.Feed(bytes.NewReader(append(rest, rest...)), check, "")
	if err != nil || len(result.Missing) != 1 || !bytes.Contains(first, []byte(result.Missing[0])) || result.Repeated != len(got)-1 {
		s.Fatalf("the lost one is not named: %+v %v", result, err)
	}
	check.IDs = check.IDs[1:]
	check.Count--
	check.Hash = verify.HashOf(check.IDs)
	if _, err := verify.Feed(bytes.NewReader(rest), check, ""); err == nil {
		s.Fatal("a check that nobody signed holds")
	}
}

// replayed reads everything again beside the live flow, which stays where it is.
func (s *scene) replayed(nc *nats.Conn, made subscribedAnswer, got map[string]feedEvent) {
	s.Helper()
	var replay struct{ Consumer string }
	s.talk().Call(&s.manager, "POST", "/v1/subscriptions/"+made.ID+"/replay", map[string]any{"from": 1, "to": 1 << 30}).Into(&replay)
	again := made
	again.Consumer = replay.Consumer
	if once := s.take(s.consumer(nc, again), len(got)); len(once) != len(got) {
		s.Fatalf("%d replayed of %d", len(once), len(got))
	}
	var detail struct{ Pending, Unacknowledged int }
	s.talk().Call(&s.manager, "GET", "/v1/subscriptions/"+made.ID, nil).Into(&detail)
	if detail.Pending != 0 || detail.Unacknowledged != 0 {
		s.Fatalf("the live flow was touched: %+v", detail)
	}
}

// byCursor reads the same events by the other carrier.
func (s *scene) byCursor(got map[string]feedEvent) {
	s.Helper()
	var page struct {
		Items []json.RawMessage
		Next  string
	}
	found, after := 0, ""
	for {
		s.talk().Call(&s.manager, "GET", "/v1/events?limit=7&after="+after, nil).Into(&page)
		if len(page.Items) == 0 {
			break
		}
		for _, raw := range page.Items {
			var e feedEvent
			if err := json.Unmarshal(raw, &e); err != nil || e.Organization != s.manager.Organization {
				s.Fatalf("%s %v", raw, err)
			}
			if same, ok := got[e.ID]; ok {
				if !bytes.Equal(bytes.TrimSpace(same.raw), bytes.TrimSpace(raw)) {
					s.Fatalf("the carriers differ:\n%s\n%s", same.raw, raw)
				}
				found++
			}
		}
		after = page.Next
	}
	if found != len(got) {
		s.Fatalf("%d events by cursor of %d", found, len(got))
	}
}

func TestASubscriberThatReadsNothingIsNoticed(t *testing.T) { // X9
	s := newScene(t)
	made := s.subscribe(map[string]any{"name": "slow", "types": []string{"registry.application.suspended", "registry.application.resumed"}})
	for range 3 {
		s.suspend(s.manager.Organization, s.application(s.manager.Organization), "x")
	}
	var detail struct {
		Pending int
		Oldest  *time.Time
		Late    bool
	}
	for deadline := time.Now().Add(servicetest.Patience); detail.Pending < 3; {
		s.talk().Call(&s.manager, "GET", "/v1/subscriptions/"+made.ID, nil).Into(&detail)
		if time.Now().After(deadline) {
			t.Fatalf("%+v", detail)
		}
	}
	if detail.Oldest == nil || detail.Late || time.Since(*detail.Oldest) > servicetest.Patience {
		t.Fatalf("%+v", detail)
	}
}

func TestASubscriberMayDoNothingElse(t *testing.T) { // X9
	s := newScene(t)
	types := []string{"registry.application.suspended"}
	made, other := s.subscribe(map[string]any{"name": "a", "types": types}), s.subscribe(map[string]any{"name": "b", "types": types})
	refused := make(chan error, 100)
	nc, err := s.connect(made, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	api := made.APIPrefix
	wider, _ := json.Marshal(map[string]any{"stream_name": "LIFECYCLE", "config": map[string]any{"durable_name": made.Consumer, "filter_subject": "lifecycle.>", "ack_policy": "explicit"}})
	for name, subject := range map[string]string{
		"pulling another's durable":      api + ".CONSUMER.MSG.NEXT.LIFECYCLE." + other.Consumer,
		"reading another's durable":      api + ".CONSUMER.INFO.LIFECYCLE." + other.Consumer,
		"acknowledging for another":      "$JS.ACK.LIFECYCLE." + other.Consumer + ".1.1.1.1.1",
		"widening the filter":            api + ".CONSUMER.CREATE.LIFECYCLE." + made.Consumer,
		"widening the filter, durable":   api + ".CONSUMER.DURABLE.CREATE.LIFECYCLE." + made.Consumer,
		"an ordered consumer":            api + ".CONSUMER.CREATE.LIFECYCLE.mine.lifecycle.>",
		"an ephemeral consumer":          api + ".CONSUMER.CREATE.LIFECYCLE",
		"removing the durable":           api + ".CONSUMER.DELETE.LIFECYCLE." + made.Consumer,
		"listing consumers":              api + ".CONSUMER.LIST.LIFECYCLE",
		"naming consumers":               api + ".CONSUMER.NAMES.LIFECYCLE",
		"the stream's state":             api + ".STREAM.INFO.LIFECYCLE",
		"a message of the stream":        api + ".STREAM.MSG.GET.LIFECYCLE",
		"a message, directly":            api + ".DIRECT.GET.LIFECYCLE",
		"purging":                        api + ".STREAM.PURGE.LIFECYCLE",
		"the account's own interface":    "$JS.API.INFO",
		"its streams":                    "$JS.API.STREAM.NAMES",
		"publishing an event":            "lifecycle.v1.registry.application.suspended." + s.manager.Organization + ".x",
		"the log":                        "events.registry.application.x",
		"the system":                     "$SYS.REQ.SERVER.PING",
		"answering who others are":       "$SYS.REQ.USER.AUTH",
		"another's inbox":                other.InboxPrefix + ".x",
		"the log's interface":            "LOG.API.STREAM.INFO.EVENTS",
		"the records' interface":         "AUDIT.API.STREAM.INFO.AUDIT_1",
		"unpinning another's consumer":   api + ".CONSUMER.UNPIN.LIFECYCLE." + other.Consumer,
		"pausing the consumer of others": api + ".CONSUMER.PAUSE.LIFECYCLE." + other.Consumer,
	} {
		if err := nc.PublishRequest(subject, made.InboxPrefix+".x", wider); err != nil {
			t.Fatal(err)
		}
		s.permission(name, refused)
	}
	for name, subject := range map[string]string{
		"everything": ">", "the feed": "lifecycle.>", "another's inbox": other.InboxPrefix + ".>", "any inbox": "_INBOX.>", "advisories": "$JS.EVENT.>",
		"strangers": "$SYS.REQ.USER.AUTH",
	} {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		s.permission("listening to "+name, refused)
	}
	// What it may do works, and its own consumer is as it was made.
	info, err := s.consumer(nc, made).Info(context.Background())
	if err != nil || !slices.Equal(append(info.Config.FilterSubjects, info.Config.FilterSubject), append(made.Filters, "")) {
		t.Fatalf("%+v %v", info, err)
	}
}

func (s *scene) permission(name string, refused chan error) {
	s.Helper()
	select {
	case err := <-refused:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			s.Errorf("%s: %v", name, err)
		}
	case <-time.After(servicetest.Patience / 6):
		s.Errorf("%s is not refused", name)
	}
}

func TestStrangersStayOut(t *testing.T) { // X9, D4
	s := newScene(t)
	url := s.suite.Server.URL()
	for name, option := range map[string]nats.Option{
		"nobody": func(*nats.Options) error { return nil }, "a password": nats.UserInfo("audit", "audit"), "a token": nats.Token("x"),
		"an unknown key": stranger(t),
	} {
		if nc, err := nats.Connect(url, option, nats.Timeout(servicetest.Patience)); err == nil {
			nc.Close()
			t.Errorf("%s is let in", name)
		}
	}
	pair, _ := nkeys.CreateUser()
	public, _ := pair.PublicKey()
	made := s.subscribe(map[string]any{"name": "own key", "types": []string{"registry.application.suspended"}, "user_nkey": public})
	if made.Creds != "" {
		t.Fatal("a secret is shown that nobody needs")
	}
	nc, err := nats.Connect(url, nats.Nkey(public, pair.Sign), nats.CustomInboxPrefix(made.InboxPrefix), nats.Timeout(servicetest.Patience))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	s.consumer(nc, made)
	// The key is its subscription's for ever: nobody names it again, its owner included (D4).
	again := map[string]any{"name": "again", "types": []string{"registry.application.suspended"}, "user_nkey": public}
	k := s.talk()
	k.Call(&s.manager, "POST", "/v1/subscriptions", again).Wants(409, "key_reused")
	k.Call(&s.manager, "POST", "/v1/subscriptions/"+made.ID+"/end", map[string]any{"reason": "over"}).Wants(200, "")
	k.Call(&s.manager, "POST", "/v1/subscriptions", again).Wants(409, "key_reused")
	// Who has the public half alone signs nothing.
	if nc, err := nats.Connect(url, nats.Nkey(public, func([]byte) ([]byte, error) { return make([]byte, 64), nil }), nats.Timeout(servicetest.Patience)); err == nil {
		nc.Close()
		t.Fatal("a signature by nobody is taken")
	}
}

func stranger(t *testing.T) nats.Option {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := pair.PublicKey()
	return nats.Nkey(public, pair.Sign)
}

func TestASubscriptionEndsWithWhatItIsFor(t *testing.T) { // X9
	s := newScene(t)
	for name, end := range map[string]func(app string) func(){
		"the application is disabled": func(app string) func() {
			return func() {
				s.suite.Append("registry", "application", app, &registryv1.ApplicationDisabled{Reason: "x"})
			}
		},
		"it is ended": func(string) func() { return nil },
		"the organisation is closed": func(string) func() {
			return func() {
				s.suite.Append("identity", "organization", s.manager.Organization, &identityv1.OrganizationClosed{Reason: "x"})
			}
		},
	} {
		if name == "the organisation is closed" {
			defer func() { s.ends(name, end) }() // nobody of it can sign in afterwards
			continue
		}
		s.ends(name, end)
	}
}

func (s *scene) ends(name string, end func(string) func()) {
	app := s.application(s.manager.Organization)
	made := s.subscribe(map[string]any{"name": "short", "types": []string{"registry.application.suspended"}, "application_id": app})
	closed := make(chan time.Time, 10)
	nc, err := s.connect(made, nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { closed <- time.Now() }))
	if err != nil {
		s.Fatal(err)
	}
	defer nc.Close()
	s.consumer(nc, made)
	did := end(app)
	began := time.Now()
	if did == nil {
		s.talk().Call(&s.manager, "POST", "/v1/subscriptions/"+made.ID+"/end", map[string]any{"reason": "done"}).Wants(200, "")
	} else {
		did()
	}
	select {
	case at := <-closed:
		s.Logf("%s: closed after %v", name, at.Sub(began))
	case <-time.After(servicetest.Patience):
		s.Fatalf("%s: the connection stays open", name)
	}
	if again, err := s.connect(made); err == nil {
		again.Close()
		s.Fatalf("%s: let in again", name)
	}
	feed, err := jetstream.New(s.suite.Connect(eventlog.UserProvisionFeed))
	if err != nil {
		s.Fatal(err)
	}
	deadline := time.Now().Add(servicetest.Patience)
	for {
		_, err := feed.Consumer(context.Background(), "LIFECYCLE", made.Consumer)
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("%s: the durable stays", name)
		}
	}
}

func TestWhatCannotBeSubscribed(t *testing.T) { // X9
	s := newScene(t)
	k := s.talk()
	post := func(body map[string]any) servicetest.Reply {
		return k.Call(&s.manager, "POST", "/v1/subscriptions", body)
	}
	types := []string{"registry.application.suspended"}
	reply := post(map[string]any{"name": "x", "types": []string{"registry.aplication.suspended"}}).Wants(422, "type_unknown")
	if !bytes.Contains(reply.Body, []byte("registry.application.suspended")) {
		t.Fatalf("no near name: %s", reply.Body)
	}
	post(map[string]any{"name": "x", "types": []string{"activity.sign_in.failed"}}).Wants(422, "type_unknown")
	post(map[string]any{"name": "x", "types": types, "organizations": []string{s.auditor.Organization}}).Wants(404, "")
	post(map[string]any{"name": "x", "types": types, "organizations": []string{id()}}).Wants(404, "")
	k.Call(&s.auditor, "POST", "/v1/subscriptions", map[string]any{"name": "x", "types": types, "organizations": []string{id()}}).Wants(404, "")
	post(map[string]any{"name": "x", "types": types, "application_id": s.application(s.auditor.Organization)}).Wants(404, "")
	post(map[string]any{"name": "x", "types": types, "expires_in_days": 91}).Wants(422, "")
	post(map[string]any{"name": "x", "types": types, "user_nkey": "UAAA"}).Wants(422, "")
	made := s.subscribe(map[string]any{"name": "mine", "types": types})
	stranger := s.manager
	stranger.Organization = s.auditor.Organization
	for _, path := range []string{"", "/check?from=1&to=1"} {
		k.Call(&stranger, "GET", "/v1/subscriptions/"+made.ID+path, nil).Wants(404, "")
	}
	k.Call(&stranger, "POST", "/v1/subscriptions/"+made.ID+"/end", map[string]any{"reason": "x"}).Wants(404, "")
	k.Call(&s.manager, "GET", "/v1/subscriptions/"+id(), nil).Wants(404, "")
	weak := s.manager
	weak.AMR, weak.ACR = []string{"pwd"}, "pwd"
	k.Call(&weak, "POST", "/v1/subscriptions", map[string]any{"name": "x", "types": types}).Wants(403, "")
	var all struct {
		Items []struct{ Type string }
	}
	k.Call(&s.manager, "GET", "/v1/event-types", nil).Into(&all)
	if len(all.Items) < 60 {
		t.Fatalf("%d types", len(all.Items))
	}
}
