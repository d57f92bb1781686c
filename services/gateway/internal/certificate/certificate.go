// Package certificate reads the client certificate of a call's connection as gateways pass it on, each in a form of its own.
package certificate

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
)

// MaxBytes bounds what a gateway passes on before anything of it is decoded.
const MaxBytes = 32 << 10

// ErrUnreadable says that a gateway passed on something else than one certificate.
var ErrUnreadable = errors.New("not one client certificate")

// Form is how a certificate is written.
type Form uint8

// The forms.
const (
	none Form = iota
	// EscapedPEM is PEM with percent-encoding: nginx's $ssl_client_escaped_cert, Envoy's source.certificate.
	EscapedPEM
	// Base64 is DER in base64, as Caddy's placeholder gives it.
	Base64
	// EscapedBase64 is DER in base64 with percent-encoding, the client's own certificate first: Traefik's PassTLSClientCert.
	EscapedBase64
	// XFCC is Envoy's x-forwarded-client-cert with one element.
	XFCC
	raw
)

// Presented is the certificate a client proved to hold when its connection was made, or none. The zero Presented is none.
type Presented struct {
	form Form
	text string
	der  []byte
}

// In is what a gateway wrote in a form; an empty text is no certificate.
func In(form Form, text string) Presented {
	if text == "" {
		return Presented{}
	}
	return Presented{form: form, text: text}
}

// Of is a certificate of a connection of one's own.
func Of(der []byte) Presented { return Presented{form: raw, der: der} }

// None says that the client presented no certificate.
func (p Presented) None() bool { return p.form == none }

// Sum is the SHA-256 of the certificate's DER: x5t#S256 of RFC 8705 §3.1.
func (p Presented) Sum() (sum [32]byte, err error) {
	if len(p.text) > MaxBytes {
		return sum, ErrUnreadable
	}
	der := p.der
	switch p.form {
	case EscapedPEM:
		der, err = fromPEM(p.text)
	case Base64:
		der, err = base64.StdEncoding.Strict().DecodeString(p.text)
	case EscapedBase64:
		der, err = escaped(p.text)
	case XFCC:
		return hashOf(p.text)
	}
	if err != nil || len(der) == 0 {
		return sum, ErrUnreadable
	}
	return sha256.Sum256(der), nil
}

func fromPEM(text string) ([]byte, error) {
	// Percent-encoding of a path: a plus sign stands for itself.
	decoded, err := url.PathUnescape(text)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode([]byte(decoded))
	if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 || strings.TrimSpace(string(rest)) != "" {
		return nil, ErrUnreadable
	}
	return block.Bytes, nil
}

func escaped(text string) ([]byte, error) {
	first, _, _ := strings.Cut(text, ",")
	// Traefik escapes as in a query, where a plus sign would be a space: none is left after it.
	decoded, err := url.QueryUnescape(first)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.Strict().DecodeString(decoded)
}

// hashOf reads the one Hash of the one element of x-forwarded-client-cert. Another element would be what a client or an
// earlier proxy claimed.
func hashOf(text string) (sum [32]byte, err error) {
	found := false
	for rest := text; rest != ""; {
		var name, value string
		if name, value, rest, err = pair(rest); err != nil {
			return sum, err
		}
		if !strings.EqualFold(name, "Hash") {
			continue
		}
		if n, err := hex.Decode(sum[:], []byte(value[:min(len(value), 64)])); found || err != nil || n != len(sum) || len(value) != 64 {
			return sum, ErrUnreadable
		}
		found = true
	}
	if !found {
		return sum, ErrUnreadable
	}
	return sum, nil
}

// pair takes one "name=value" off the front, whose value may stand in quotes with backslashes.
func pair(text string) (name, value, rest string, err error) {
	name, text, ok := strings.Cut(text, "=")
	if !ok || name == "" || strings.ContainsAny(name, `,;" `) {
		return "", "", "", ErrUnreadable
	}
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, `,;"`)
		if end < 0 {
			return name, text, "", nil
		}
		if text[end] != ';' {
			return "", "", "", ErrUnreadable
		}
		return name, text[:end], text[end+1:], nil
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			value, text = text[1:i], text[i+1:]
			if text != "" && text[0] != ';' {
				return "", "", "", ErrUnreadable
			}
			return name, value, strings.TrimPrefix(text, ";"), nil
		}
	}
	return "", "", "", ErrUnreadable
}
