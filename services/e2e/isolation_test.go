package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestAServiceReachesNothingOfAnothers(t *testing.T) { // X1
	s := tell(t)
	violated := func(f func(nc *nats.Conn) error) bool {
		s.Helper()
		nc := must[*nats.Conn](s)(s.Suite.Connect("issuance"))
		defer nc.Close()
		if err := f(nc); err != nil {
			return true
		}
		s.good(nc.FlushTimeout(patience))
		return nc.LastError() != nil && strings.Contains(strings.ToLower(nc.LastError().Error()), "permissions violation")
	}
	publish := func(subject string) bool {
		return violated(func(nc *nats.Conn) error { return nc.Publish(subject, nil) })
	}
	if publish("$JS.API.INFO") {
		t.Fatal("what is permitted is refused: the check says nothing")
	}
	for _, subject := range []string{
		"events.registry.application.x", "activity.registry.command", "vault.registry.trace.x", "pulse.registry.x", "audit.1", "lifecycle.x",
		"_INBOX_registry.x", "$JS.API.STREAM.UPDATE.EVENTS", "$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.EVENTS", "$JS.API.STREAM.MSG.DELETE.EVENTS",
		"$JS.API.STREAM.CREATE.MINE", "$JS.API.CONSUMER.LIST.EVENTS", "$JS.API.CONSUMER.NAMES.EVENTS", "$JS.API.CONSUMER.INFO.EVENTS.x",
		"$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.x", "$JS.API.STREAM.MSG.GET.VAULT_REGISTRY", "$JS.API.DIRECT.GET.VAULT_REGISTRY.vault.registry.trace.x",
		"$JS.API.STREAM.MSG.GET.AUDIT_1", "$JS.API.STREAM.LIST", "$JS.API.STREAM.NAMES",
	} {
		if !publish(subject) {
			t.Errorf("issuance may publish to %s", subject)
		}
	}
	for _, subject := range []string{">", "events.>", "vault.>", "vault.registry.>", "_INBOX_registry.>", "_INBOX.>", "$JS.API.>"} {
		if !violated(func(nc *nats.Conn) error { _, err := nc.SubscribeSync(subject); return err }) {
			t.Errorf("issuance may listen to %s", subject)
		}
	}
}

func TestAServiceRefusesAStreamThatMayForget(t *testing.T) { // X1, G2
	s := tell(t)
	nc := must[*nats.Conn](s)(s.Suite.Connect("provision"))
	defer nc.Close()
	js := must[jetstream.JetStream](s)(jetstream.New(nc))
	stream := must[jetstream.Stream](s)(js.Stream(s.ctx, "EVENTS"))
	good := stream.CachedInfo().Config
	changed := good
	changed.MaxAge = 10000 * time.Hour
	_, err := js.UpdateStream(s.ctx, changed)
	s.good(err)
	defer func() {
		_, err := js.UpdateStream(s.ctx, good)
		s.good(err)
	}()
	r, err := s.Suite.Another(s.ctx, "registry", "drifted")
	if err == nil {
		_ = r.Stop()
		t.Fatal("a service runs on a stream that forgets")
	}
	if text := err.Error(); !strings.Contains(text, "EVENTS") || !strings.Contains(text, "max_age") {
		t.Fatalf("the refusal does not say what is wrong: %s", text)
	}
}

func TestNoDatabaseRoleReadsAnothersSchema(t *testing.T) { // X1
	s := tell(t)
	type place struct {
		Database string `db:"current_database"`
		Schema   string `db:"current_schema"`
		User     string `db:"current_user"`
	}
	places := map[string]place{}
	for name, r := range s.Suite.Services {
		if r.Deps.DB != nil {
			var p place
			s.good(r.Deps.DB.GetContext(s.ctx, &p, `select current_database(), current_schema(), current_user`))
			places[name] = p
		}
	}
	if len(places) < 6 {
		t.Fatalf("services with a database: %v", places)
	}
	for name, own := range places {
		db := s.Suite.Services[name].Deps.DB
		for other, p := range places {
			if name == other {
				continue
			}
			if p.User == own.User {
				t.Errorf("%s and %s are one role", name, other)
			}
			query := `select has_database_privilege($1, 'connect')`
			object := p.Database
			if p.Database == own.Database {
				query, object = `select has_schema_privilege($1, 'usage')`, p.Schema
			}
			var may bool
			s.good(db.GetContext(s.ctx, &may, query, object))
			if may {
				t.Errorf("the role of %s reaches %s of %s", name, object, other)
			}
		}
		var super bool
		s.good(db.GetContext(s.ctx, &super, `select rolsuper or rolcreaterole or rolcreatedb or rolbypassrls from pg_roles where rolname=current_user`))
		if super {
			t.Errorf("the role of %s may more than its own", name)
		}
	}
}

func TestReadsGoOnWithoutIdentity(t *testing.T) { // X3
	s := tell(t)
	application, grant := s.granted("On my own")
	key, err := s.Cast.Issue(s.ctx, "noor", grant, "api_key", "on my own")
	s.good(err)
	s.eventually("the key works", func() bool { return s.verdict(key.Secret, accounts) == 204 })
	noor, anika := s.Principal("noor"), s.Principal("anika")
	s.good(s.Suite.Again(s.ctx, "identity", func() error {
		s.wants(s.call(&noor, "GET", "registry", "/v1/applications/"+application, nil), 200, "")
		s.wants(s.call(&noor, "GET", "approval", "/v1/grants/"+grant, nil), 200, "")
		s.wants(s.call(&noor, "GET", "issuance", "/v1/credentials/"+key.ID, nil), 200, "")
		s.wants(s.call(&anika, "GET", "audit", "/v1/records?limit=1", nil), 200, "")
		if got := s.verdict(key.Secret, accounts); got != 204 {
			t.Errorf("without identity a good key is answered %d", got)
		}
		return nil
	}))
	s.wants(s.call(&noor, "GET", "identity", "/v1/me", nil), 200, "")
}
