package proof

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"

	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// ErrRequest says that a certificate request cannot be answered.
var ErrRequest = errors.New("the certificate request is no PKCS#10 in PEM, signed by the key it is for")

// maxPEM bounds a request in bytes.
const maxPEM = 16 << 10

// Request reads a certificate request (RFC 2986) and gives the key it is signed by. Names and extensions it asks for are not
// looked at: the authority decides what stands in a certificate.
func Request(text string) (crypto.PublicKey, error) {
	if len(text) > maxPEM {
		return nil, ErrRequest
	}
	b, rest := pem.Decode([]byte(text))
	if b == nil || b.Type != "CERTIFICATE REQUEST" && b.Type != "NEW CERTIFICATE REQUEST" || strings.TrimSpace(string(rest)) != "" || len(b.Headers) > 0 {
		return nil, ErrRequest
	}
	request, err := x509.ParseCertificateRequest(b.Bytes)
	if err != nil || request.CheckSignature() != nil {
		return nil, ErrRequest
	}
	return Accepted(request.PublicKey)
}

// Material is what is registered of a certificate that an authority signed, and its hint.
func Material(certificate *x509.Certificate, authority string) (*issuancev1.KeyMaterial, string, error) {
	digest, err := Digest(certificate.PublicKey)
	if err != nil {
		return nil, "", ErrKey
	}
	sum := sha256.Sum256(certificate.Raw)
	serial := hex.EncodeToString(certificate.SerialNumber.Bytes())
	return &issuancev1.KeyMaterial{
		CertificateSha256: sum[:], CertificateSerial: serial, Certificate: certificate.Raw, PublicKeySha256: digest, AuthorityId: authority,
	}, hex.EncodeToString(sum[:6]), nil
}
