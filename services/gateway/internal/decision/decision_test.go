package decision

import (
	"bytes"
	"encoding/base64"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/daead/subtle"

	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/testkit"
	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

var at = time.Date(2026, 11, 21, 12, 0, 0, 7_000_000, time.UTC)

func examples() map[string]Decision {
	whole := Decision{Authorizer: "edge-northern-4711-a1b2", Position: 1_234_567, Through: 1_234_569, At: at, Environment: "production", Held: 412 * time.Millisecond,
		Reason: verdict.ScopeMissing, Bundle: [8]byte{1, 2, 3}, Credential: uuid.NewString(), Generation: 3, Operation: contract.Name{9, 8, 7}}
	token := whole
	token.Token = &Token{ID: uuid.NewString(), Seen: 1_234_500, Expires: at.Truncate(time.Second).Add(5 * time.Minute), Key: KeyOf("k"), Scopes: 5}
	exchanged := token
	chained := *token.Token
	chained.Consent = uuid.NewString()
	chained.Chain = []Link{{ID: uuid.NewString(), Seen: 5, Expires: at.Truncate(time.Second), Key: KeyOf("k"), Credential: uuid.NewString(), Generation: 1},
		{ID: "t1", Seen: 4, Expires: at.Truncate(time.Second).Add(-time.Hour), Key: KeyOf("l"), Consent: uuid.NewString(), Credential: "c", Generation: 2}}
	exchanged.Token = &chained
	return map[string]Decision{"none": {Authorizer: "a", At: at, Reason: verdict.Missing}, "key": whole, "token": token, "exchanged": exchanged,
		"a reason of a newer kind": {Authorizer: "a", At: at, Environment: "sandbox", Reason: "proof_of_possession_missing"}}
}

func seal() *Seal { return NewSeal("a", secret.NewFingerprints(bytes.Repeat([]byte{7}, 32))) }

// L18
func TestAnIdSaysWhatWasDecided(t *testing.T) {
	s := seal()
	for name, d := range examples() {
		id := s.Text(&d)
		got, err := s.Read(id)
		if err != nil || !reflect.DeepEqual(got, d) {
			t.Errorf("%s: %v\n%+v\n%+v", name, err, got, d)
		}
		t.Logf("%s: %d characters", name, len(id))
		if name != "exchanged" && len(id) != 166 {
			t.Errorf("%s: %d characters", name, len(id))
		}
	}
}

// L18: no changed id is taken, and none of another suite.
func TestATamperedIdIsRefused(t *testing.T) {
	s, other := seal(), NewSeal("a", secret.NewFingerprints(bytes.Repeat([]byte{8}, 32)))
	for name, d := range examples() {
		id := s.Text(&d)
		raw, _ := base64.RawURLEncoding.DecodeString(id)
		for i := range raw {
			for _, bit := range []byte{1, 128} {
				bad := bytes.Clone(raw)
				bad[i] ^= bit
				if _, err := s.Read(base64.RawURLEncoding.EncodeToString(bad)); err == nil {
					t.Fatalf("%s: byte %d changed and taken", name, i)
				}
			}
		}
		for _, bad := range []string{"", "A", id[:len(id)-4], id + "AAAA", id + "=", other.Text(&d)} {
			if _, err := s.Read(bad); err == nil {
				t.Errorf("%s: took %q", name, bad)
			}
		}
	}
}

// What is in an id is nobody's to read outside, above all not why a credential was refused.
func TestAnIdTellsNothingOutside(t *testing.T) {
	s := seal()
	d := examples()["key"]
	raw, _ := base64.RawURLEncoding.DecodeString(s.Text(&d))
	credential := uuid.MustParse(d.Credential)
	if bytes.Contains(raw, credential[:]) || bytes.Contains(raw, []byte("northern")) {
		t.Error("an id shows what it holds")
	}
	unknown, revoked := examples()["none"], d
	unknown.Reason, revoked.Reason = verdict.Unknown, verdict.Revoked
	if len(s.Text(&unknown)) != len(s.Text(&revoked)) {
		t.Error("the length of an id tells a known credential from an unknown one")
	}
	if one, two := Of("a", &verdict.Verdict{At: at}), Of("a", &verdict.Verdict{At: at}); s.Text(&one) == s.Text(&two) {
		t.Error("two calls have one id")
	}
}

// RFC 5297, as another's implementation has it.
func TestTheSealIsAESSIV(t *testing.T) {
	random, _ := testkit.Random(t)
	var key [64]byte
	for i := range key {
		key[i] = byte(random.Uint32())
	}
	reference, err := subtle.NewAESSIV(key[:])
	if err != nil {
		t.Fatal(err)
	}
	own := newSIV(key, purpose)
	for n := range 300 {
		plain := make([]byte, n)
		for i := range plain {
			plain[i] = byte(random.Uint32())
		}
		want, err := reference.EncryptDeterministically(plain, purpose)
		if err != nil {
			t.Fatal(err)
		}
		got := append(make([]byte, 16), plain...)
		if own.seal(new(work), got); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: %x, want %x", n, got, want)
		}
		if !own.open(new(work), got) || !bytes.Equal(got[16:], plain) {
			t.Fatalf("%d bytes are not opened", n)
		}
	}
}

func TestALongNameIsCutSoThatItStaysItsOwn(t *testing.T) {
	a, b := short("an-authorizer-with-a-name-longer-than-any-1"), short("an-authorizer-with-a-name-longer-than-any-2")
	if a == b || len(a) != nameBytes {
		t.Error(a, b)
	}
}

func FuzzReadDecision(f *testing.F) {
	s := seal()
	for _, d := range examples() {
		f.Add(d.append(nil))
	}
	f.Add(make([]byte, usual))
	f.Fuzz(func(t *testing.T, plain []byte) {
		// Behind the seal only authorizers write; the parser holds without it.
		if d, err := read(plain); err == nil {
			again, err := read(d.append(nil))
			if err != nil || !reflect.DeepEqual(again, d) {
				t.Fatalf("%v\n%+v\n%+v", err, d, again)
			}
		}
		if _, err := s.Read(base64.RawURLEncoding.EncodeToString(plain)); err == nil {
			t.Fatal("made without the key and taken")
		}
		_, _ = s.Read(string(plain))
	})
}

func BenchmarkID(b *testing.B) {
	s := seal()
	d := examples()["key"]
	b.ReportAllocs()
	for b.Loop() {
		s.Text(&d)
	}
}
