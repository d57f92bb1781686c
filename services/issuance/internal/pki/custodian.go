package pki

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/authority"
)

// Notices are when, before an authority's end, its turn is over.
var Notices = map[string][]time.Duration{"certificate_authority": {Life - Turn}}

// Ensure makes an authority unless one signs whose turn has not ended. Two instances at once make two; the later signs.
func (a *Authorities) Ensure(ctx context.Context) error {
	now, old := a.Now(), a.signer(a.Now())
	if old != nil && now.Before(old.certificate.NotAfter.Add(Turn-Life)) {
		return nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	private, certificate, err := makeAuthority(id.String(), now)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return err
	}
	ctx = eventlog.WithMeta(ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: "issuance.authorities", Kind: "service"}})
	// The private key is stored before anybody is told of the certificate.
	if err := a.Vault.Put(ctx, vaultKind, id.String(), der); err != nil {
		return err
	}
	if _, err := a.Repository.Handle(ctx, id.String(), authority.Create{ID: id.String(), Certificate: certificate, NotAfter: now.Add(Life).Truncate(time.Second)}); err != nil {
		return err
	}
	if old != nil {
		_, err = a.Repository.Handle(ctx, old.id, authority.Retire{ID: old.id})
	}
	return err
}

func makeAuthority(id string, now time.Time) (*ecdsa.PrivateKey, []byte, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{Organization: []string{"Chancery"}, CommonName: "Client credentials " + id},
		NotBefore: now.Add(-Skew).Truncate(time.Second), NotAfter: now.Add(Life).Truncate(time.Second),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, &x509.Certificate{Subject: pkix.Name{Organization: []string{"Chancery"}, CommonName: "Client credentials " + id}}, &private.PublicKey, private)
	return private, certificate, err
}

// newSerial is a positive number of 127 random bits, so that it has 16 octets at most (RFC 5280 §4.1.2.2).
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err == nil {
		n.SetBit(n, 126, 1)
	}
	return n, err
}
