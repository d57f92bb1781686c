package fold

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// some is a fold of a bit of everything.
func some(t testing.TB, credentials int) *Fold {
	f := New(lineage.NewFold(), quiet())
	at := uint64(0)
	that := func(id string, facts ...proto.Message) {
		at++
		r := eventlog.Recorded{Sequence: at, Time: time.Unix(1, 0).UTC(), Envelope: &eventv1.Envelope{Subject: &eventv1.Subject{Id: id}}, Facts: facts}
		if err := f.Apply(context.Background(), []eventlog.Recorded{r}); err != nil {
			t.Fatal(err)
		}
	}
	that("p", &registryv1.ProductDrafted{Slug: "s"}, &registryv1.ProductClassified{Class: "sensitive"})
	that("v", &registryv1.VersionSubmitted{ProductId: "p", Version: "1", BasePath: "/b", Operations: []*registryv1.Operation{{Id: "o", Method: "GET", Path: "/x", Scopes: []string{"a", "b"}}}})
	that("v", &registryv1.VersionPublished{ProductId: "p", Version: "1"})
	that("v", &registryv1.VersionDeprecated{SunsetAt: timestamppb.New(time.Unix(9, 0))}, &registryv1.VersionRolloutSet{OperationId: "o", Percent: 7, OrganizationIds: []string{"x"}})
	that("w", &registryv1.VersionSubmitted{ProductId: "p", Version: "2"})
	that("p", &registryv1.ProductPublished{VersionId: "v"})
	that("a", &registryv1.ApplicationRegistered{OrganizationId: "org"}, &registryv1.ApplicationOrphaned{Seat: "owner"})
	that("g", &approvalv1.GrantActivated{Scopes: []string{"a", "b"}}, &approvalv1.GrantShrinkProposed{UnusedScopes: []string{"b"}})
	for i := range credentials {
		that(fmt.Sprintf("00000000-0000-7000-8000-%012x", i), &issuancev1.CredentialIssued{Kind: []string{"api_key", "client_secret"}[i%2], ApplicationId: "a", GrantId: "g",
			ProductId: "p", Scopes: []string{"a"}, Environment: "sandbox", Generation: 1, Fingerprint: fmt.Appendf(nil, "%08d fingerprint", i)})
	}
	that(fmt.Sprintf("00000000-0000-7000-8000-%012x", 1), &issuancev1.CredentialExpired{}, &issuancev1.CredentialRotationStarted{Generation: 2, Fingerprint: []byte("another fingerprint")})
	return f
}

func written(t testing.TB, f *Fold) []byte {
	z, err := f.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	defer z.Thaw()
	var out bytes.Buffer
	if err := z.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// L2: every field of the fold is in its snapshot, those that are still to come too.
func TestAFoldThatWasReadIsTheSame(t *testing.T) {
	f := some(t, 700)
	again := New(f.lineage, f.logger)
	if err := again.Read(bufio.NewReader(bytes.NewReader(written(t, f)))); err != nil {
		t.Fatal(err)
	}
	a, b := reflect.ValueOf(f).Elem(), reflect.ValueOf(again).Elem()
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		if name == "mu" || name == "table" || name == "lineage" || name == "logger" || name == "byID" || name == "byFingerprint" { // the last two are derived
			continue
		}
		if x, y := fmt.Sprintf("%+v", follow(a.Field(i))), fmt.Sprintf("%+v", follow(b.Field(i))); x != y {
			t.Errorf("%s is another:\n%.800s\n%.800s", name, x, y)
		}
	}
	if f.Table().Digest() != again.Table().Digest() {
		t.Error("other operations are served")
	}
}

// follow looks through pointers, so that what they point to is compared.
func follow(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return follow(v.Elem())
	case reflect.Slice, reflect.Array:
		var out []any
		for i := range v.Len() {
			out = append(out, follow(v.Index(i)))
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for _, k := range v.MapKeys() {
			out[k.String()] = follow(v.MapIndex(k))
		}
		return out
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return fmt.Sprint(v)
		}
		out := map[string]any{}
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "shared" && name != "_" {
				out[name] = follow(v.Field(i))
			}
		}
		return out
	}
	return fmt.Sprint(v)
}

// L2: what is written is the fold at one position, however it goes on meanwhile.
func TestAFrozenFoldStaysAsItWas(t *testing.T) {
	f := some(t, 700)
	before := written(t, f)
	z, err := f.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		f.expired(fmt.Sprintf("00000000-0000-7000-8000-%012x", i))
	}
	var out bytes.Buffer
	if err := z.Write(&out); err != nil {
		t.Fatal(err)
	}
	z.Thaw()
	tail := 700*(credentialBytes+generationBytes) - 1000
	if after := out.Bytes(); len(after) != len(before) || !bytes.Equal(after[len(after)-tail:], before[len(before)-tail:]) {
		t.Error("what changed meanwhile was written")
	}
	if !f.credentials.at(5).expired {
		t.Error("what changed meanwhile is lost")
	}
}

// FuzzRead: what is no snapshot is refused or is a fold that can be asked, never a crash.
func FuzzRead(f *testing.F) {
	raw := written(f, some(f, 3))
	f.Add(raw)
	for i := 0; i < len(raw); i += 31 {
		broken := bytes.Clone(raw)
		broken[i] ^= 0xff
		f.Add(broken)
		f.Add(raw[:i])
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		fold := New(lineage.NewFold(), quiet())
		if fold.Read(bufio.NewReader(bytes.NewReader(raw))) != nil {
			return
		}
		var c Credential
		fold.ByID("00000000-0000-7000-8000-000000000001", &c)
		var sum [32]byte
		copy(sum[:], "00000001 fingerprint")
		fold.ByFingerprint(sum, &c)
	})
}
