package signal

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	_ "github.com/chancery-dev/chancery/proto/registry/v1"
)

// ending says whether facts of a type end something.
func ending(md protoreflect.MessageDescriptor) bool {
	ends, _ := proto.GetExtension(md.Options(), eventv1.E_Ends).([]*eventv1.Effect)
	return len(ends) > 0
}

func TestEveryCauseOfRevocationIsOneEvent(t *testing.T) { // L20
	known := map[string]bool{}
	for _, k := range Types {
		known[k] = true
	}
	causes, events := 0, 0
	protoregistry.GlobalFiles.RangeFiles(func(fd protoreflect.FileDescriptor) bool {
		for i := range fd.Messages().Len() {
			md := fd.Messages().Get(i)
			if !ending(md) {
				continue
			}
			causes++
			if !Mapped(string(md.FullName())) {
				t.Errorf("%s ends something, and no receiver is told: add it to the table, or say there why not", md.FullName())
				continue
			}
			mt, err := protoregistry.GlobalTypes.FindMessageByName(md.FullName())
			if err != nil {
				t.Fatal(err)
			}
			e := Of(&eventv1.Envelope{Subject: &eventv1.Subject{Kind: "credential", Id: "x"}}, mt.New().Interface())
			if silences[string(md.FullName())] != "" {
				if e != nil {
					t.Errorf("%s is silent and speaks", md.FullName())
				}
				continue
			}
			if e == nil || !known[e.Type] || e.Of.ID != "x" {
				t.Errorf("%s: %+v", md.FullName(), e)
				continue
			}
			events++
		}
		return true
	})
	if causes < 20 || events < 15 {
		t.Fatalf("%d causes, %d events: the check says nothing", causes, events)
	}
	for name := range rules {
		if _, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatARecordRepeatsIsNotToldTwice(t *testing.T) { // L20
	for reason := range followed {
		for _, fact := range []string{"CredentialRevoked", "CredentialRetired", "ConsentRevoked"} {
			mt, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("issuance.v1." + fact))
			if err != nil {
				t.Fatal(err)
			}
			m := mt.New()
			m.Set(m.Descriptor().Fields().ByName("reason"), protoreflect.ValueOfString(reason))
			if e := Of(&eventv1.Envelope{}, m.Interface()); e != nil {
				t.Errorf("%s for %s is told again", fact, reason)
			}
		}
	}
	first, again := TokenID("s", "f.0"), TokenID("s", "f.0")
	if first != again || TokenID("s", "f.0") == TokenID("s", "f.1") || TokenID("s", "f.0") == TokenID("r", "f.0") {
		t.Error("a token's id does not follow from stream and fact")
	}
}
