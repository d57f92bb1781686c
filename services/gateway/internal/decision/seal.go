package decision

import (
	"encoding/base64"
	"sync"

	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// Header carries the id on every answer of every door.
const Header = "Chancery-Decision"

// MaxText bounds an id. It has 166 characters, more only for a token that was consented to or exchanged.
const MaxText = 1024

// Seal makes ids and reads them. All authorizers that know the same pepper make and read the same ones: AES-SIV (RFC 5297)
// under keys derived from it, so that a changed id is refused and the reason of a denial is nobody's to read outside. Safe
// for concurrent use.
type Seal struct {
	authorizer string
	siv        *siv
}

var purpose = []byte("chancery decision 1")

// NewSeal is the seal of one authorizer.
func NewSeal(authorizer string, fingerprints *secret.Fingerprints) *Seal {
	// No secret that anybody presents, and so no fingerprint that is written anywhere, begins with a zero byte.
	one, two := fingerprints.Of("\x00chancery decision key 1"), fingerprints.Of("\x00chancery decision key 2")
	var key [64]byte
	copy(key[copy(key[:], one[:]):], two[:])
	return &Seal{authorizer: authorizer, siv: newSIV(key, purpose)}
}

type sealing struct {
	work
	b, text []byte
}

var scratch = sync.Pool{New: func() any { return &sealing{b: make([]byte, 0, 512)} }}

// ID is the id of a verdict.
func (s *Seal) ID(v *verdict.Verdict) string {
	d := Of(s.authorizer, v)
	return s.Text(&d)
}

// Text is the id of a decision.
func (s *Seal) Text(d *Decision) string {
	at := scratch.Get().(*sealing)
	at.b = d.append(append(at.b[:0], make([]byte, 16)...))
	s.siv.seal(&at.work, at.b)
	at.text = base64.RawURLEncoding.AppendEncode(at.text[:0], at.b)
	id := string(at.text)
	scratch.Put(at)
	return id
}

// Read takes an id apart, or gives ErrUnreadable.
func (s *Seal) Read(id string) (Decision, error) {
	if len(id) > MaxText {
		return Decision{}, ErrUnreadable
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil {
		return Decision{}, ErrUnreadable
	}
	if !s.siv.open(new(work), sealed) {
		return Decision{}, ErrUnreadable
	}
	return read(sealed[16:])
}
