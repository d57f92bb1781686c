package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// person is an aggregate whose facts bear personal values.
type person struct{ id, name, email string }

func (p person) Evolve(e aggregate.Event) person {
	if e, ok := e.(*identityv1.PersonProvisioned); ok {
		p.name, p.email, p.id = e.GetName(), e.GetEmail(), e.GetOrigin()
	}
	return p
}

func (p person) PersonID() string { return p.id }

// enrol keeps the person's id in origin: the facts of this test name no person otherwise.
type enrol struct{ id, name, email string }

func (c enrol) Decide(person) ([]aggregate.Event, error) {
	return []aggregate.Event{&identityv1.PersonProvisioned{OrganizationId: "org", Name: c.name, Email: c.email, Origin: c.id}}, nil
}

func TestPersonalValuesAreSealedAndErased(t *testing.T) { // L6, X7
	dir := t.TempDir()
	nc := connect(t, startIn(t, dir))
	provision(t, nc)
	keys := keyFile(t)
	v := openVault(t, nc, eventlog.VaultOptions{Service: "identity", Keys: keys})
	l := open(t, nc, eventlog.Options{Service: "identity", Vault: v})
	people := eventlog.Repository[person]{Log: l, Kind: "identity.person"}
	ctx := eventlog.WithMeta(within(t), eventlog.Meta{
		Actor:  &eventv1.Actor{Id: "admin-1", Kind: "person"},
		Source: &eventv1.Source{RequestId: "r-1", Ip: "203.0.113.77", UserAgent: "Sealing/1.0"},
	})
	source := eventlog.MetaFrom(ctx).Source
	for _, id := range []string{"p1", "p2"} {
		out, err := people.Handle(ctx, id, enrol{id, "Ada " + id, id + "@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		if out.Facts[0].(*identityv1.PersonProvisioned).GetName() != "Ada "+id {
			t.Fatal("the caller's own facts lost their values")
		}
	}
	if source.GetIp() == "" {
		t.Fatal("the caller's source was changed")
	}
	if s, _, err := people.Load(ctx, "p1"); err != nil || s.name != "" || s.id != "p1" {
		t.Fatalf("a loaded state is %+v: %v", s, err)
	}
	for _, clear := range []string{"Ada p1", "p1@example.org", "203.0.113.77", "Sealing/1.0"} {
		if inFiles(t, dir, []byte(clear)) {
			t.Fatalf("%q lies in the server's files", clear)
		}
	}

	records, err := l.Read(ctx, "events.identity.person.p1")
	if err != nil || len(records[0].Envelope.GetSealed()) != 2 {
		t.Fatalf("%v %v", records, err)
	}
	opener := eventlog.NewOpener(openVault(t, connectTo(t, nc), eventlog.VaultOptions{Service: "identity", Keys: keys, Foreign: true}))
	opened, erased, err := opener.Open(ctx, records[0])
	fact := opened.Facts[0].(*identityv1.PersonProvisioned)
	if err != nil || len(erased) != 0 || fact.GetName() != "Ada p1" || fact.GetEmail() != "p1@example.org" ||
		fact.GetOrganizationId() != "org" || opened.Envelope.GetSource().GetIp() != "203.0.113.77" || opened.Envelope.GetSource().GetRequestId() != "r-1" {
		t.Fatalf("%v %v %v", opened, erased, err)
	}
	if records[0].Facts[0].(*identityv1.PersonProvisioned).GetName() != "" {
		t.Fatal("opening changed what was given")
	}
	if other, erased, err := eventlog.NewOpener().Open(ctx, records[0]); err != nil || len(erased) != 0 || other.Facts[0].(*identityv1.PersonProvisioned).GetName() != "" {
		t.Fatalf("without a vault: %v %v %v", other, erased, err)
	}

	// Values moved to another fact do not open there.
	moved := records[0]
	moved.Envelope = proto.CloneOf(moved.Envelope)
	moved.Envelope.EventId = "another"
	if _, _, err := opener.Open(ctx, moved); !errors.Is(err, eventlog.ErrCorrupt) {
		t.Fatalf("got %v", err)
	}

	profile := wrapped(t, nc, "identity", "profile", "p1")[20:]
	gone, err := v.ErasePeople(ctx, "p1")
	if err != nil || len(gone) != 1 || gone[0] != records[0].Envelope.GetSealed()[0].GetKeyId() {
		t.Fatalf("%v %v", gone, err)
	}
	if inFiles(t, dir, profile) {
		t.Fatal("the key's bytes are still in the server's files")
	}
	late := eventlog.NewOpener(v)
	opened, erased, err = late.Open(ctx, records[0])
	if err != nil || len(erased) != 1 || erased[0] != (eventlog.Erasure{Fact: 0, Personal: eventv1.Personal_PROFILE}) {
		t.Fatalf("%v %v", erased, err)
	}
	if fact := opened.Facts[0].(*identityv1.PersonProvisioned); fact.GetName() != "" || opened.Envelope.GetSource().GetIp() == "" {
		t.Fatalf("after the erasure %v", opened)
	}
	// What a straggler would still say of the erased is left out, and the others' values stay.
	if _, err := people.Handle(ctx, "p1", enrol{"p1", "Ada p1", "p1@example.org"}); err != nil {
		t.Fatal(err)
	}
	all := collect(t, l, 3)
	opened, erased, err = late.Open(ctx, all[2])
	if err != nil || len(erased) != 1 || opened.Facts[0].(*identityv1.PersonProvisioned).GetName() != "" {
		t.Fatalf("%v %v %v", opened, erased, err)
	}
	if opened, _, err = late.Open(ctx, all[1]); err != nil || opened.Facts[0].(*identityv1.PersonProvisioned).GetName() != "Ada p2" {
		t.Fatalf("%v %v", opened, err)
	}
	if !bytes.Equal(all[0].Raw, records[0].Raw) {
		t.Fatal("the erasure changed what the log holds")
	}
	if gone, err := v.ErasePeople(ctx, "p1"); err != nil || len(gone) != 0 {
		t.Fatalf("again: %v %v", gone, err)
	}
}

func TestPersonalValuesNeedAVaultAndAPerson(t *testing.T) {
	nc := connect(t, startOne(t))
	provision(t, nc)
	fact := &identityv1.PersonProvisioned{Name: "Ada"}
	if _, err := open(t, nc, eventlog.Options{Service: "identity"}).Append(within(t), "events.identity.person.p", 0, fact); !errors.Is(err, eventlog.ErrNoVault) {
		t.Fatalf("got %v", err)
	}
	v := openVault(t, nc, eventlog.VaultOptions{Service: "identity", Keys: keyFile(t)})
	if _, err := open(t, nc, eventlog.Options{Service: "identity", Vault: v}).Append(within(t), "events.identity.person.p", 0, fact); !errors.Is(err, eventlog.ErrNoPerson) {
		t.Fatalf("got %v", err)
	}
}

// collect follows until n records came.
func collect(t testing.TB, l *eventlog.Log, n int) []eventlog.Recorded {
	t.Helper()
	var out []eventlog.Recorded
	err := l.Follow(within(t), 0, func(_ context.Context, batch []eventlog.Recorded) error {
		if out = append(out, batch...); len(out) >= n {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
