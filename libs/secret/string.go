// Package secret holds what must not be printed: strings that redact themselves, the format of API keys, their
// fingerprints, and the key file of a service.
package secret

import (
	"crypto/subtle"
	"database/sql/driver"
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// String is a secret value that prints as "[redacted]" in every encoding; Reveal alone gives the value.
// The zero String is empty.
type String struct {
	// A closure, not a string: reflection and fmt reach into unexported fields, where no method of ours is called.
	reveal func() string
}

// New keeps value secret.
func New(value string) String { return String{reveal: func() string { return value }} }

// Reveal gives the value in clear.
func (s String) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero says that there is no value.
func (s String) IsZero() bool { return s.Reveal() == "" }

// Equal compares in constant time.
func (s String) Equal(t String) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

func (s String) String() string   { return redacted }
func (s String) GoString() string { return redacted }

// Format redacts under every verb.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue redacts in slog.
func (s String) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts in JSON keys, XML, TOML and whatever else asks for text.
func (s String) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON redacts in JSON.
func (s String) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML redacts in YAML.
func (s String) MarshalYAML() (any, error) { return redacted, nil }

// MarshalBinary redacts in binary encodings.
func (s String) MarshalBinary() ([]byte, error) { return []byte(redacted), nil }

// GobEncode redacts in gob.
func (s String) GobEncode() ([]byte, error) { return []byte(redacted), nil }

// GobDecode takes whatever a redacted gob holds, which is nothing of value.
func (s *String) GobDecode(b []byte) error { *s = New(string(b)); return nil }

// Value refuses to enter a database: store a fingerprint.
func (s String) Value() (driver.Value, error) {
	return nil, fmt.Errorf("secret: a secret is not stored in clear")
}

// UnmarshalText takes the value in clear, so that a request field or a configuration variable can be a String.
func (s *String) UnmarshalText(b []byte) error { *s = New(string(b)); return nil }
