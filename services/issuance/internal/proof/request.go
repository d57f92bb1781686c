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

// ErrCertificate says that an own certificate cannot be registered.
var ErrCertificate = errors.New("the certificate is no single X.509 certificate in PEM for a client")

// maxPEM bounds a request or a certificate in bytes.
const maxPEM = 16 << 10

// Request reads a certificate request (RFC 2986) and gives the key it is signed by. Names and extensions it asks for are not
// looked at: the authority decides what stands in a certificate.
func Request(text string) (crypto.PublicKey, error) {
	der, err := block(text, "CERTIFICATE REQUEST", ErrRequest)
	if err != nil {
		return nil, err
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil || request.CheckSignature() != nil {
		return nil, ErrRequest
	}
	return Accepted(request.PublicKey)
}

// Certificate reads a consumer's own certificate, which is then known by its digest and not by who signed it.
func Certificate(text string) (*x509.Certificate, error) {
	der, err := block(text, "CERTIFICATE", ErrCertificate)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil || certificate.IsCA {
		return nil, ErrCertificate
	}
	if _, err := Accepted(certificate.PublicKey); err != nil {
		return nil, err
	}
	return certificate, nil
}

// Material is what is registered of a certificate, and its hint. authority is empty for one of the consumer's own.
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

func block(text, kind string, refusal error) ([]byte, error) {
	if len(text) > maxPEM {
		return nil, refusal
	}
	b, rest := pem.Decode([]byte(text))
	if b == nil || b.Type != kind && b.Type != "NEW "+kind || strings.TrimSpace(string(rest)) != "" || len(b.Headers) > 0 {
		return nil, refusal
	}
	return b.Bytes, nil
}
