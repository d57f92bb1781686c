package certificate_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/services/gateway/internal/certificate"
)

var der = []byte("\x30\x82\x01\x0a what a certificate says ~+/=\xff\xfe")

func TestACertificateIsTheSameInEveryForm(t *testing.T) { // D5
	want := sha256.Sum256(der)
	block := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	plain, hash := base64.StdEncoding.EncodeToString(der), hex.EncodeToString(want[:])
	for name, p := range map[string]certificate.Presented{
		"PEM as nginx and Envoy escape it": certificate.In(certificate.EscapedPEM, url.PathEscape(block)),
		"PEM with plus signs left":         certificate.In(certificate.EscapedPEM, strings.ReplaceAll(url.PathEscape(block), "%2B", "+")),
		"base64":                           certificate.In(certificate.Base64, plain),
		"base64 as Traefik escapes it":     certificate.In(certificate.EscapedBase64, url.QueryEscape(plain)),
		"with its issuer behind":           certificate.In(certificate.EscapedBase64, url.QueryEscape(plain)+",MIIB"),
		"XFCC":                             certificate.In(certificate.XFCC, `By=spiffe://a/b;Hash=`+hash+`;Subject="CN=\"a\", O=b;Hash=00"`),
		"XFCC in capitals":                 certificate.In(certificate.XFCC, `Hash=`+strings.ToUpper(hash)),
		"as it is":                         certificate.Of(der),
	} {
		if got, err := p.Sum(); err != nil || got != want || p.None() {
			t.Errorf("%s: %x %v", name, got, err)
		}
	}
	if !certificate.In(certificate.XFCC, "").None() || !(certificate.Presented{}).None() {
		t.Error("nothing is a certificate")
	}
}

func TestWhatIsNotOneCertificateIsNone(t *testing.T) { // D5
	block := url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	key := url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	zero := strings.Repeat("0", 64)
	for name, p := range map[string]certificate.Presented{
		"two certificates":      certificate.In(certificate.EscapedPEM, block+block),
		"a key":                 certificate.In(certificate.EscapedPEM, key),
		"no PEM":                certificate.In(certificate.EscapedPEM, "x"),
		"a broken escape":       certificate.In(certificate.EscapedPEM, "%zz"),
		"no base64":             certificate.In(certificate.Base64, "?"),
		"too large":             certificate.In(certificate.Base64, strings.Repeat("A", certificate.MaxBytes+1)),
		"two elements":          certificate.In(certificate.XFCC, "Hash="+zero+",Hash="+zero),
		"two hashes":            certificate.In(certificate.XFCC, "Hash="+zero+";Hash="+zero),
		"no hash":               certificate.In(certificate.XFCC, `Subject="Hash=`+zero+`"`),
		"a short hash":          certificate.In(certificate.XFCC, "Hash=00"),
		"a quote that is open":  certificate.In(certificate.XFCC, `Hash="`+zero),
		"something after quote": certificate.In(certificate.XFCC, `Subject="a"x;Hash=`+zero),
		"no name":               certificate.In(certificate.XFCC, "="+zero),
	} {
		if sum, err := p.Sum(); !errors.Is(err, certificate.ErrUnreadable) {
			t.Errorf("%s: %x %v", name, sum, err)
		}
	}
}

func FuzzSum(f *testing.F) {
	f.Add(byte(1), "-----BEGIN%20CERTIFICATE-----%0AMIIB%0A-----END%20CERTIFICATE-----%0A")
	f.Add(byte(2), "MIIB")
	f.Add(byte(3), "MIIB%2B,MIIC")
	f.Add(byte(4), `By=x;Hash=`+strings.Repeat("a", 64)+`;Subject="C=\"x\""`)
	f.Fuzz(func(t *testing.T, form byte, text string) {
		p := certificate.In(certificate.Form(form%4+1), text)
		if sum, err := p.Sum(); err == nil && p.None() {
			t.Fatalf("%x of nothing", sum)
		}
	})
}
