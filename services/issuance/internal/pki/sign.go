package pki

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/url"
	"time"
)

// Skew is how long before its making a certificate is good, for clocks that are behind.
const Skew = time.Minute

// Sign makes a client certificate of a credential for a key: its URI names the credential, it is for clients alone, and it
// ends with the generation it is of. It answers which authority signed.
func (a *Authorities) Sign(ctx context.Context, public crypto.PublicKey, credentialID string, expires time.Time) (*x509.Certificate, string, error) {
	now := a.Now()
	by := a.signer(now)
	if by == nil || expires.After(by.certificate.NotAfter) {
		return nil, "", ErrNone
	}
	private, err := a.key(ctx, by)
	if err != nil {
		return nil, "", err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, "", err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: credentialID},
		URIs:      []*url.URL{{Scheme: "urn", Opaque: "chancery:credential:" + credentialID}},
		NotBefore: now.Add(-Skew).Truncate(time.Second), NotAfter: expires.Truncate(time.Second),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, CRLDistributionPoints: []string{a.ListAt(by.id)},
	}, by.certificate, public, private)
	if err != nil {
		return nil, "", err
	}
	certificate, err := x509.ParseCertificate(der)
	return certificate, by.id, err
}

// ListAt is where the revocation list of an authority is found.
func (a *Authorities) ListAt(id string) string { return a.Base + "/oauth2/authorities/" + id + "/crl" }
