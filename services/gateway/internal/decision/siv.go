package decision

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// siv is AES-SIV, RFC 5297, with one associated text that is always the same. It keeps what depends on keys and that text,
// and so makes an id in a fraction of the time that a general implementation needs.
type siv struct {
	mac, ctr cipher.Block
	k1, k2   [16]byte // subkeys of the MAC, RFC 4493 §2.3
	prefix   [16]byte // doubled MAC of zero, with that of the associated text
}

func newSIV(key [64]byte, associated []byte) *siv {
	mac, err := aes.NewCipher(key[:32])
	if err != nil {
		panic(err)
	}
	ctr, err := aes.NewCipher(key[32:])
	if err != nil {
		panic(err)
	}
	s := &siv{mac: mac, ctr: ctr}
	mac.Encrypt(s.k1[:], s.k1[:])
	double(&s.k1)
	s.k2 = s.k1
	double(&s.k2)
	var w work
	s.cmac(&w, make([]byte, 16))
	s.prefix = w.sum
	double(&s.prefix)
	s.cmac(&w, associated)
	xor(&s.prefix, &w.sum)
	return s
}

// work is what one computation writes to, so that it lies where the caller's memory lies.
type work struct{ sum, block [16]byte }

func double(b *[16]byte) {
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	carry := hi >> 63
	hi, lo = hi<<1|lo>>63, lo<<1^0x87&-carry
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
}

func xor(b, with *[16]byte) { subtle.XORBytes(b[:], b[:], with[:]) }

// cmac is AES-CMAC, RFC 4493.
func (s *siv) cmac(w *work, m []byte) {
	w.sum = [16]byte{}
	for len(m) > 16 {
		subtle.XORBytes(w.sum[:], w.sum[:], m[:16])
		s.mac.Encrypt(w.sum[:], w.sum[:])
		m = m[16:]
	}
	w.block = [16]byte{}
	if copy(w.block[:], m); len(m) == 16 {
		xor(&w.block, &s.k1)
	} else {
		w.block[len(m)] = 0x80
		xor(&w.block, &s.k2)
	}
	xor(&w.sum, &w.block)
	s.mac.Encrypt(w.sum[:], w.sum[:])
}

// s2v is RFC 5297 §2.4. It changes the end of m and puts it back.
func (s *siv) s2v(w *work, m []byte) {
	if n := len(m); n >= 16 {
		subtle.XORBytes(m[n-16:], m[n-16:], s.prefix[:])
		s.cmac(w, m)
		subtle.XORBytes(m[n-16:], m[n-16:], s.prefix[:])
		return
	}
	last := s.prefix
	double(&last)
	subtle.XORBytes(last[:], last[:], m)
	last[len(m)] ^= 0x80
	s.cmac(w, last[:])
}

// crypt is CTR from the synthetic vector, RFC 5297 §2.5, in place.
func (s *siv) crypt(w *work, vector, m []byte) {
	var counter [16]byte
	copy(counter[:], vector)
	counter[8] &= 0x7f
	counter[12] &= 0x7f
	low := binary.BigEndian.Uint64(counter[8:])
	w.sum = counter
	for len(m) > 0 {
		s.ctr.Encrypt(w.block[:], w.sum[:])
		n := subtle.XORBytes(m, m, w.block[:min(16, len(m))])
		m = m[n:]
		// With its highest bits clear the low half does not overflow.
		low++
		binary.BigEndian.PutUint64(w.sum[8:], low)
	}
}

// seal replaces what follows the first 16 bytes of b, which are to be free, by its ciphertext behind its vector.
func (s *siv) seal(w *work, b []byte) {
	s.s2v(w, b[16:])
	copy(b, w.sum[:])
	s.crypt(w, b[:16], b[16:])
}

// open is the opposite of seal.
func (s *siv) open(w *work, b []byte) bool {
	if len(b) < 16 {
		return false
	}
	s.crypt(w, b[:16], b[16:])
	s.s2v(w, b[16:])
	return subtle.ConstantTimeCompare(w.sum[:], b[:16]) == 1
}
