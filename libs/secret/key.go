package secret

import (
	"crypto/rand"
	"errors"
	"hash/crc32"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// Environment is what a key opens; it is the second word of the key.
type Environment string

// Live and Test keys open live systems or the sandbox: API keys and client secrets. Refresh and Registration keys are what
// the authorization server hands out besides: refresh tokens (RFC 6749 §1.5) and registration access tokens (RFC 7591 §3.2.1).
const (
	Live         Environment = "live"
	Test         Environment = "test"
	Refresh      Environment = "refr"
	Registration Environment = "regi"
)

// Environments are all there are.
var Environments = []Environment{Live, Test, Refresh, Registration}

const (
	alphabet     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	bodyLength   = 43 // 62^43 > 2^256
	sumLength    = 6  // 62^6 > 2^32
	prefixLength = len("chy_live_")
	keyLength    = prefixLength + bodyLength + sumLength
	hintLength   = prefixLength + 4
)

// Detector finds keys in text: the rule published for secret scanners. A match is a key only if Parse accepts it.
const Detector = `\bchy_(?:live|test|refr|regi)_[0-9A-Za-z]{49}\b`

var detector = regexp.MustCompile(Detector)

// ErrNotKey says that a text is no key of ours: wrong prefix, length, alphabet or checksum.
var ErrNotKey = errors.New("secret: not a key of this service")

// Sum is the recipe of the checksum in words, for whoever checks a match without this package.
const Sum = "The last 6 characters are the CRC-32 (IEEE 802.3) of all characters before them, as a number in base 62, most significant digit first, digits " + alphabet

// Key is a secret handed out: "chy_live_", "chy_test_", "chy_refr_" or "chy_regi_", 256 random bits in base62, and the CRC-32
// of all that in base62.
type Key struct {
	Environment Environment
	text        String
}

// NewKey makes a key of 256 random bits.
func NewKey(e Environment) Key {
	var raw [32]byte
	_, _ = rand.Read(raw[:])
	return newKey(e, raw)
}

func newKey(e Environment, raw [32]byte) Key {
	if !slices.Contains(Environments, e) {
		panic("secret: a key is for live, test, refresh or registration")
	}
	text := "chy_" + string(e) + "_" + base62(new(big.Int).SetBytes(raw[:]), bodyLength)
	return Key{Environment: e, text: New(text + checksum(text))}
}

// Parse recognises a key by its form and checksum alone, so that garbage is refused before anything is hashed or looked up.
func Parse(text string) (Key, error) {
	if len(text) != keyLength {
		return Key{}, ErrNotKey
	}
	e := Environment(text[len("chy_") : prefixLength-1])
	if text[:len("chy_")] != "chy_" || text[prefixLength-1] != '_' || !slices.Contains(Environments, e) {
		return Key{}, ErrNotKey
	}
	for i := prefixLength; i < keyLength; i++ {
		c := text[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return Key{}, ErrNotKey
		}
	}
	if checksum(text[:keyLength-sumLength]) != text[keyLength-sumLength:] {
		return Key{}, ErrNotKey
	}
	return Key{Environment: e, text: New(text)}, nil
}

// Shaped says that text has the length and the beginning of a key that opens an API, and looks at nothing else.
func Shaped(text string) bool {
	return len(text) == keyLength && (text[:prefixLength] == "chy_live_" || text[:prefixLength] == "chy_test_")
}

// Find gives the keys that stand in a text.
func Find(text string) []Key {
	var found []Key
	if !strings.Contains(text, "chy_") {
		return nil // most texts hold none, and this is the faster look
	}
	for _, m := range detector.FindAllString(text, -1) {
		if k, err := Parse(m); err == nil {
			found = append(found, k)
		}
	}
	return found
}

// Reveal gives the whole key, to be shown once.
func (k Key) Reveal() string { return k.text.Reveal() }

// Hint is the part of a key that may be shown for ever: prefix and four characters.
func (k Key) Hint() string {
	if k.text.IsZero() {
		return ""
	}
	return k.text.Reveal()[:hintLength]
}

// String redacts all but the hint.
func (k Key) String() string { return k.Hint() + "…" }

// Secret is the whole key as a secret.
func (k Key) Secret() String { return k.text }

func checksum(text string) string {
	n := crc32.ChecksumIEEE([]byte(text))
	var out [sumLength]byte
	for i := sumLength - 1; i >= 0; i-- {
		out[i] = alphabet[n%62]
		n /= 62
	}
	return string(out[:])
}

func base62(n *big.Int, length int) string {
	out := make([]byte, length)
	base, rest := big.NewInt(62), new(big.Int)
	for i := length - 1; i >= 0; i-- {
		n.DivMod(n, base, rest)
		out[i] = alphabet[rest.Int64()]
	}
	return string(out)
}
