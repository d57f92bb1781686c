package testkit

import (
	"testing"

	"github.com/chancery-dev/chancery/libs/aggregate"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

type forgetful struct{ keys int }

func (s forgetful) Evolve(e aggregate.Event) forgetful {
	if _, ok := e.(*eventv1.SignerKeyPublished); ok {
		s.keys++
	}
	return s
}

type complete struct{ keys int }

func (s complete) Evolve(e aggregate.Event) complete {
	switch e.(type) {
	case *eventv1.SignerKeyPublished:
		s.keys++
	case *eventv1.SignerKeyWithdrawn:
		s.keys--
	}
	return s
}

func TestAFactThatNoStateChangesByIsFound(t *testing.T) {
	facts := []aggregate.Event{&eventv1.SignerKeyPublished{}, &eventv1.SignerKeyWithdrawn{}}
	withdrawn := facts[1].ProtoReflect().Descriptor().FullName()
	if changes[forgetful](facts, withdrawn) {
		t.Error("a forgotten fact passed for an evolved one")
	}
	if !changes[complete](facts, withdrawn) {
		t.Error("an evolved fact passed for a forgotten one")
	}
	EvolvesAll[complete](t, eventv1.File_event_v1_signer_proto)
}

func TestASampleHasSomethingInEveryField(t *testing.T) {
	m := Sample((&eventv1.Envelope{}).ProtoReflect().Descriptor()).ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		if f := m.Descriptor().Fields().Get(i); !m.Has(f) {
			t.Errorf("%s is empty", f.Name())
		}
	}
}
