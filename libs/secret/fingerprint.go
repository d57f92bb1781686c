package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// FingerprintSize is the length of a fingerprint in bytes.
const FingerprintSize = sha256.Size

// Fingerprints computes what is stored in place of a high-entropy secret: HMAC-SHA-256 (RFC 2104) under a pepper that
// lies outside every database. Safe for concurrent use.
type Fingerprints struct{ pool sync.Pool }

// work is what one computation needs, kept so that an authorizer makes none anew for each call.
type work struct {
	mac hash.Hash
	in  []byte
	out []byte
}

// NewFingerprints keys the fingerprints by pepper, of at least 32 bytes.
func NewFingerprints(pepper []byte) *Fingerprints {
	if len(pepper) < 32 {
		panic("secret: a pepper has at least 32 bytes")
	}
	key := append([]byte(nil), pepper...)
	return &Fingerprints{pool: sync.Pool{New: func() any { return &work{mac: hmac.New(sha256.New, key)} }}}
}

// Of is the fingerprint of value.
func (f *Fingerprints) Of(value string) (sum [FingerprintSize]byte) {
	w := f.pool.Get().(*work)
	w.mac.Reset()
	w.in = append(w.in[:0], value...)
	_, _ = w.mac.Write(w.in)
	clear(w.in)
	w.out = w.mac.Sum(w.out[:0])
	copy(sum[:], w.out)
	f.pool.Put(w)
	return sum
}

// Match compares value with a stored fingerprint in constant time.
func (f *Fingerprints) Match(value string, fingerprint []byte) bool {
	sum := f.Of(value)
	return hmac.Equal(sum[:], fingerprint)
}
