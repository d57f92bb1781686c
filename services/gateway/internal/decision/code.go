package decision

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// Flags of the first byte; its two highest bits are the environment.
const (
	hasCredential = 1 << iota
	hasOperation
	hasToken
	sandbox    = 1 << 6
	production = 2 << 6
	anywhere   = 3 << 6
)

// codes are the reasons in one byte; new ones are added at the end. A reason that is not here is written out.
var codes = []verdict.Reason{
	"", verdict.Malformed, verdict.Missing, verdict.Unknown, verdict.Expired, verdict.Revoked, verdict.Retired, verdict.Suspended, verdict.GrantEnded,
	verdict.ApplicationEnded, verdict.OrganizationEnded, verdict.KeyCompromised, verdict.Ownerless, verdict.Unreadable, verdict.Stale,
	verdict.NoOperation, verdict.ProductMismatch, verdict.ProductWithdrawn, verdict.EnvironmentMismatch, verdict.ScopeMissing,
	verdict.ProofMissing, verdict.ProofRefused, verdict.ProofReplayed, verdict.NonceNeeded, verdict.AudienceMismatch, verdict.NotRolledOut,
	verdict.QuotaExceeded,
}

var code = func() map[verdict.Reason]byte {
	all := map[verdict.Reason]byte{}
	for i, r := range codes {
		all[r] = byte(i)
	}
	return all
}()

const spelled = 0xff

// Whether a credential is known shall not be seen from an id's length: what an API key or a plain token needs is the least
// that any id has, and all are of whole steps.
const (
	usual = 108
	step  = 54
)

func (d *Decision) append(b []byte) []byte {
	at := len(b)
	b = append(append(b, 0), d.Nonce[:]...)
	flags := byte(anywhere)
	switch d.Environment {
	case "":
		flags = 0
	case "sandbox":
		flags = sandbox
	case "production":
		flags = production
	}
	b = binary.AppendUvarint(b, d.Position)
	b = binary.AppendUvarint(b, d.Through-d.Position)
	b = binary.AppendUvarint(b, uint64(max(0, d.At.UnixMilli())))
	b = binary.AppendUvarint(b, uint64(max(0, d.Held.Milliseconds())))
	b = append(b, d.Bundle[:]...)
	if c, ok := code[d.Reason]; ok {
		b = append(b, c)
	} else {
		b = text(append(b, spelled), string(d.Reason))
	}
	b = text(b, d.Authorizer)
	if d.Credential != "" {
		flags |= hasCredential
		b = binary.AppendUvarint(name(b, d.Credential), uint64(d.Generation))
	}
	if d.Operation != (contract.Name{}) {
		flags |= hasOperation
		b = append(b, d.Operation[:]...)
	}
	if t := d.Token; t != nil {
		flags |= hasToken
		b = d.link(b, t.ID, t.Seen, t.Expires, t.Key, t.Consent)
		b = binary.AppendUvarint(b, t.Scopes)
		b = append(b, byte(len(t.Chain)))
		for _, l := range t.Chain {
			b = d.link(b, l.ID, l.Seen, l.Expires, l.Key, l.Consent)
			b = binary.AppendUvarint(name(b, l.Credential), uint64(l.Generation))
		}
	}
	b[at] = flags
	for n := len(b) - at; n < usual || n%step != 0; n++ {
		b = append(b, 0)
	}
	return b
}

// link writes times as distances, which are short.
func (d *Decision) link(b []byte, id string, seen uint64, expires time.Time, key [4]byte, consent string) []byte {
	b = binary.AppendUvarint(name(b, id), seen)
	b = binary.AppendVarint(b, expires.Unix()-d.At.Unix())
	return name(append(b, key[:]...), consent)
}

func text(b []byte, s string) []byte {
	s = s[:min(len(s), 127)]
	return append(append(b, byte(len(s))), s...)
}

// name writes an id: a UUID in its sixteen bytes, anything else as it is.
func name(b []byte, s string) []byte {
	if u, err := uuid.Parse(s); err == nil && len(s) == 36 && u.String() == s {
		return append(append(b, 0xff), u[:]...)
	}
	return text(b, s)
}

// ErrUnreadable says that an id was not made by an authorizer of this suite.
var ErrUnreadable = errors.New("no such decision")

// reader takes a decision apart; what is missing or too much makes it bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return make([]byte, min(n, 64))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) distance() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string { return string(r.take(int(r.take(1)[0] & 127))) }

func (r *reader) name() string {
	if len(r.b) > 0 && r.b[0] == 0xff {
		r.take(1)
		return uuid.UUID(r.take(16)[:16]).String()
	}
	return r.text()
}

func (r *reader) small() uint32 {
	n := r.number()
	if n > 1<<32-1 {
		r.bad = true
	}
	return uint32(n)
}

const (
	longest  = 1 << 40 // milliseconds that a time or an age may have at most
	maxChain = 16
)

// Read is the opposite of append.
func read(b []byte) (d Decision, err error) {
	r := &reader{b: b}
	flags := r.take(1)[0]
	copy(d.Nonce[:], r.take(len(d.Nonce)))
	d.Environment = [...]string{"", "sandbox", "production", "other"}[flags>>6]
	d.Position = r.number()
	d.Through = d.Position + r.number()
	at, held := r.number(), r.number()
	if at > longest<<3 || held > longest {
		return Decision{}, ErrUnreadable
	}
	d.At, d.Held = time.UnixMilli(int64(at)).UTC(), time.Duration(held)*time.Millisecond
	copy(d.Bundle[:], r.take(8))
	switch c := r.take(1)[0]; {
	case int(c) < len(codes):
		d.Reason = codes[c]
	case c == spelled:
		d.Reason = verdict.Reason(r.text())
	default:
		r.bad = true
	}
	d.Authorizer = r.text()
	if flags&hasCredential != 0 {
		d.Credential, d.Generation = r.name(), r.small()
	}
	if flags&hasOperation != 0 {
		copy(d.Operation[:], r.take(len(d.Operation)))
	}
	if flags&hasToken != 0 {
		d.Token = d.token(r)
	}
	for _, padding := range r.b {
		r.bad = r.bad || padding != 0
	}
	if r.bad || len(b) < usual || len(b)%step != 0 {
		return Decision{}, ErrUnreadable
	}
	return d, nil
}

func (d *Decision) token(r *reader) *Token {
	l := d.read(r)
	t := &Token{ID: l.ID, Seen: l.Seen, Expires: l.Expires, Key: l.Key, Consent: l.Consent, Scopes: r.number()}
	n := int(r.take(1)[0])
	if n > maxChain {
		r.bad = true
	}
	for i := 0; i < n && !r.bad; i++ {
		l := d.read(r)
		l.Credential, l.Generation = r.name(), r.small()
		t.Chain = append(t.Chain, l)
	}
	return t
}

func (d *Decision) read(r *reader) (l Link) {
	l.ID, l.Seen = r.name(), r.number()
	l.Expires = time.Unix(d.At.Unix()+r.distance(), 0).UTC()
	copy(l.Key[:], r.take(4))
	l.Consent = r.name()
	return l
}
