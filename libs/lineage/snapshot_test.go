package lineage_test

import (
	"bufio"
	"bytes"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/lineage"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

func written(t testing.TB, f *lineage.Fold) []byte {
	var out bytes.Buffer
	z := f.Freeze()
	defer z.Thaw()
	if err := z.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(t testing.TB, raw []byte) *lineage.Fold {
	f, err := lineage.Read(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// L2: a fold that was written and read says the same of everything, and goes on the same way.
func TestAFoldThatWasReadSaysTheSame(t *testing.T) {
	f := fill(t, 3000)
	f.that("credential", uuid(kindCredential, 7), f.Position(), &issuancev1.CredentialRevoked{})
	f.that("application", uuid(kindApp, 2), f.Position(), &registryv1.ApplicationDisabled{})
	f.that("token", "not-a-uuid", f.Position(), &issuancev1.TokenRevoked{})
	again := read(t, written(t, f.Fold))
	if again.Position() != f.Position() {
		t.Fatalf("%d of %d", again.Position(), f.Position())
	}
	same := func() {
		t.Helper()
		for i := range 3000 {
			r := lineage.Part("generation", uuid(kindCredential, i), 1)
			a, b := f.Live(r, start), again.Live(r, start)
			if (a == nil) != (b == nil) || a != nil && a.Error() != b.Error() {
				t.Fatalf("%d: %v and %v", i, a, b)
			}
		}
	}
	same()
	for _, step := range []struct {
		kind, id string
		fact     proto.Message
	}{{"application", uuid(kindApp, 0), &registryv1.ApplicationDisabled{}}, {"application", uuid(kindApp, 2), &registryv1.ApplicationEnabled{}},
		{"credential", uuid(kindCredential, 1500), &issuancev1.CredentialRotationStarted{Generation: 2, PreviousGeneration: 1}}} {
		position := f.Position() + 1
		for _, to := range []*lineage.Fold{f.Fold, again} {
			if err := to.Apply(position, start.Add(time.Minute), &eventv1.Envelope{Seen: position - 1, Subject: &eventv1.Subject{Kind: step.kind, Id: step.id}}, []proto.Message{step.fact}); err != nil {
				t.Fatal(err)
			}
		}
		same()
	}
	if !bytes.Equal(written(t, read(t, written(t, f.Fold))), written(t, read(t, written(t, again)))) {
		t.Log("the bytes differ where order does not matter") // maps are written in any order
	}
}

// L2: what is written is the fold at one position, however it goes on meanwhile.
func TestAFrozenFoldStaysAsItWas(t *testing.T) {
	f := fill(t, 3000)
	z := f.Freeze()
	position := z.Position()
	for i := range 3000 {
		if i%3 == 0 {
			f.that("credential", uuid(kindCredential, i), f.Position(), &issuancev1.CredentialRevoked{})
		}
	}
	f.that("application", uuid(kindApp, 1), f.Position(), &registryv1.ApplicationSuspended{})
	var out bytes.Buffer
	if err := z.Write(&out); err != nil {
		t.Fatal(err)
	}
	z.Thaw()
	again := read(t, out.Bytes())
	if again.Position() != position {
		t.Fatal(again.Position())
	}
	for i := range 3000 {
		r := lineage.Part("generation", uuid(kindCredential, i), 1)
		if err := again.Live(r, start); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if err := f.Live(r, start); (err != nil) != (i%3 == 0 || i/1000 == 1) {
			t.Fatalf("%d: %v", i, err)
		}
	}
}

// FuzzRead: what is no snapshot is refused or is a fold that can be asked, never a crash.
func FuzzRead(f *testing.F) {
	small := fill(f, 3)
	small.that("credential", uuid(kindCredential, 1), small.Position(), &issuancev1.CredentialRevoked{})
	raw := written(f, small.Fold)
	f.Add(raw)
	for i := 0; i < len(raw); i += 37 {
		broken := bytes.Clone(raw)
		broken[i] ^= 0xff
		f.Add(broken)
		f.Add(raw[:i])
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		fold, err := lineage.Read(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		for i := range 4 {
			_ = fold.Live(lineage.Part("generation", uuid(kindCredential, i), 1), start)
			_ = fold.Live(lineage.Ref{Kind: "application", ID: uuid(kindApp, i)}, start)
		}
		again, err := lineage.Read(bufio.NewReader(bytes.NewReader(written(t, fold))))
		if err != nil || again.Position() != fold.Position() {
			t.Fatal(err)
		}
	})
}
