// Package pki is the internal authority for client certificates: it signs them, and the list of those that are over.
package pki

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/authority"
)

const (
	vaultKind = "certificate_authority"
	// Life is how long an authority's certificate is good, Turn how long it signs others; the difference is the longest a
	// credential lives.
	Life = 2 * 366 * 24 * time.Hour
	Turn = 366 * 24 * time.Hour
)

// Refusals.
var (
	ErrNone    = errors.New("no certificate authority signs yet")
	ErrUnknown = errors.New("no such certificate authority")
)

// Vault keeps private keys.
type Vault interface {
	Put(ctx context.Context, kind, id string, secret []byte) error
	Get(ctx context.Context, kind, id string) ([]byte, error)
}

// Authorities is every authority and what each signed, folded from EVENTS. It is safe for concurrent use.
type Authorities struct {
	// Base is the public address below which revocation lists are found.
	Base       string
	Vault      Vault
	Repository eventlog.Repository[authority.State]
	// Live says why a generation of a credential is dead, or nil.
	Live func(lineage.Ref, time.Time) error
	Now  func() time.Time

	mu      sync.RWMutex
	all     []*known // oldest first
	minutes []minute
}

type known struct {
	id                   string
	certificate          *x509.Certificate
	retired, compromised bool
	signed               []signed
	private              *ecdsa.PrivateKey
	list                 []byte
	listedUntil          time.Time
}

// signed is one certificate: whose it is and when it is over.
type signed struct {
	serial     []byte
	credential string
	generation uint32
	expires    time.Time
}

// minute is the first message of a minute of the log.
type minute struct {
	sequence uint64
	at       time.Time
}

// Apply folds a batch of EVENTS.
func (a *Authorities) Apply(_ context.Context, batch []eventlog.Recorded) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range batch {
		if n := len(a.minutes); n == 0 || r.Time.Sub(a.minutes[n-1].at) >= time.Minute {
			a.minutes = append(a.minutes, minute{r.Sequence, r.Time})
		}
		for _, fact := range r.Facts {
			switch e := fact.(type) {
			case *issuancev1.CertificateAuthorityCreated:
				certificate, err := x509.ParseCertificate(e.Certificate)
				if err != nil {
					return fmt.Errorf("certificate authority %s: %w", e.AuthorityId, err)
				}
				a.all = append(a.all, &known{id: e.AuthorityId, certificate: certificate})
			case *issuancev1.CertificateAuthorityRetired:
				a.change(e.AuthorityId, func(k *known) { k.retired = true })
			case *issuancev1.CertificateAuthorityCompromised:
				a.change(e.AuthorityId, func(k *known) { k.compromised, k.private = true, nil })
			case *issuancev1.CredentialIssued:
				a.signed(r, e.Key, e.Generation)
			case *issuancev1.CredentialRotationStarted:
				a.signed(r, e.Key, e.Generation)
			}
		}
	}
	return nil
}

func (a *Authorities) change(id string, f func(*known)) {
	for _, k := range a.all {
		if k.id == id {
			f(k)
			k.listedUntil = time.Time{}
		}
	}
}

func (a *Authorities) signed(r eventlog.Recorded, key *issuancev1.KeyMaterial, generation uint32) {
	if key.GetAuthorityId() == "" {
		return
	}
	serial, err := hex.DecodeString(key.GetCertificateSerial())
	certificate, err2 := x509.ParseCertificate(key.GetCertificate())
	if err != nil || err2 != nil {
		return // no list can name it
	}
	a.change(key.GetAuthorityId(), func(k *known) {
		k.signed = append(k.signed, signed{serial, r.Envelope.GetSubject().GetId(), generation, certificate.NotAfter})
	})
}

// signer is the authority that signs at now, or nil.
func (a *Authorities) signer(now time.Time) *known {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for i := len(a.all) - 1; i >= 0; i-- {
		if k := a.all[i]; !k.retired && !k.compromised && now.Before(k.certificate.NotAfter) {
			return k
		}
	}
	return nil
}

func (a *Authorities) key(ctx context.Context, k *known) (*ecdsa.PrivateKey, error) {
	a.mu.RLock()
	private := k.private
	a.mu.RUnlock()
	if private != nil {
		return private, nil
	}
	der, err := a.Vault.Get(ctx, vaultKind, k.id)
	if err != nil {
		return nil, fmt.Errorf("certificate authority %s: %w", k.id, err)
	}
	if private, err = x509.ParseECPrivateKey(der); err != nil {
		return nil, fmt.Errorf("certificate authority %s: the vault holds no private key", k.id)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !k.compromised {
		k.private = private
	}
	return private, nil
}
