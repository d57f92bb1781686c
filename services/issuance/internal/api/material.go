package api

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/issuance/internal/claim"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/proof"
)

// HandedIn is what a consumer brings for a kind whose private key stays with it.
type HandedIn struct {
	KeyProof           string    `json:"key_proof,omitempty" maxLength:"8192" doc:"For a client_key: a compact JWS with the public key as jwk in its header, typ chancery-key-proof+jwt, and {\"aud\": issuer, \"nonce\": challenge} as payload"`
	Challenge          string    `json:"challenge,omitempty" maxLength:"128" doc:"The challenge that the key proof answers"`
	CertificateRequest string    `json:"certificate_request,omitempty" maxLength:"16384" doc:"For a client_certificate: a PKCS#10 request in PEM (RFC 2986), answered with a certificate"`
	Delivery           *Delivery `json:"delivery,omitempty" doc:"Where a secret that is made here goes instead of being shown"`
}

// Delivery is a place a secret goes to unseen.
type Delivery struct {
	Store string `json:"store" maxLength:"60" doc:"Name of a configured store"`
	Path  string `json:"path" maxLength:"200" doc:"Below the organisation's own folder, plain names separated by slashes"`
}

// material is one generation's secret on its way: made here, or the consumer's own.
type material struct {
	secret credential.Secret
	key    secret.Key
	// public is the key a certificate is to be signed for.
	public crypto.PublicKey
}

var errHandedIn = errors.New("hand in what the kind is issued for, and nothing else: key_proof with challenge, or certificate_request")

// read checks what was handed in for a kind; what is made here is made anew.
func (a *api) read(p principal.Principal, kind, env string, in HandedIn) (m material, err error) {
	brought := in.KeyProof != "" || in.Challenge != "" || in.CertificateRequest != ""
	if in.Delivery != nil && !credential.Shared(kind) {
		return m, errHandedIn
	}
	switch kind {
	case credential.ClientKey:
		if in.KeyProof == "" || in.CertificateRequest != "" {
			return m, errHandedIn
		}
		if err := a.Challenges.Check(in.Challenge, p.Organization, a.Now()); err != nil {
			return m, err
		}
		m.secret.Key, m.secret.Hint, err = proof.Key(in.KeyProof, a.OAuth.Issuer, in.Challenge)
		return m, err
	case credential.ClientCertificate:
		if in.CertificateRequest == "" || in.KeyProof != "" {
			return m, errHandedIn
		}
		m.public, err = proof.Request(in.CertificateRequest)
		return m, err
	}
	if brought {
		return m, errHandedIn
	}
	if kind == credential.PublicClient {
		m.secret.Hint = "public client"
		return m, nil
	}
	m.key = secret.NewKey(environment(env))
	f := a.Fingerprints.Of(m.key.Reveal())
	m.secret.Hint, m.secret.Fingerprint = m.key.Hint(), f[:]
	if in.Delivery != nil {
		m.secret.DeliveredTo, err = a.Courier.Stores.Place(in.Delivery.Store, p.Organization, in.Delivery.Path)
	}
	return m, err
}

// certified signs the certificate, once it is known for which credential and until when.
func (a *api) certified(ctx context.Context, m material, id string, expires time.Time) (credential.Secret, error) {
	if m.public == nil {
		return m.secret, nil
	}
	certificate, by, err := a.Authorities.Sign(ctx, m.public, id, expires)
	if err != nil {
		return m.secret, err
	}
	key, hint, err := proof.Material(certificate, by)
	return credential.Secret{Hint: hint, Key: key}, err
}

// claim takes the key for one generation before anything says that it is registered: it may then be lost to a decision that
// is refused after all, but never be there twice. What the domain refuses anyway takes nothing.
func (a *api) claim(ctx context.Context, id string, m material, organization string, build build) error {
	digest := m.secret.Key.GetPublicKeySha256()
	if m.public != nil {
		var err error
		if digest, err = proof.Digest(m.public); err != nil {
			return proof.ErrKey
		}
	}
	if len(digest) == 0 {
		return nil
	}
	s, tail, err := a.Credentials.Load(ctx, id)
	if err != nil {
		return err
	}
	for _, g := range s.Generations {
		if g.Key != nil && bytes.Equal(g.Key.PublicKeySha256, digest) {
			return nil // a repeated command, or one that the domain refuses
		}
	}
	would, _, err := build(ctx, tail)
	if err == nil {
		_, err = would.Decide(s)
	}
	if err == nil {
		_, err = a.Claims.Handle(ctx, claim.ID(digest), claim.Claim{CredentialID: id, Generation: s.Newest() + 1, Organization: organization})
	}
	return err
}

// take claims a key, or seals what is to be delivered, before anything says that it exists.
func (a *api) take(ctx context.Context, id string, m material, organization string, build build) error {
	if m.secret.DeliveredTo == "" {
		return a.claim(ctx, id, m, organization, build)
	}
	return a.Courier.Seal(ctx, m.secret.Fingerprint, m.key.Reveal())
}

// build makes the command of one attempt, and says which position it rests on.
type build = func(ctx context.Context, tail uint64) (aggregate.Command[credential.State], uint64, error)

type challengeAnswer struct {
	Challenge string `json:"challenge" doc:"Nonce of a key proof"`
	Audience  string `json:"audience" doc:"aud of a key proof"`
	ExpiresIn int64  `json:"expires_in" doc:"Seconds"`
}

func (a *api) challenge(ctx context.Context, _ struct{}) (endpoint.Answer[challengeAnswer], error) {
	now := a.Now()
	challenge, until := a.Challenges.New(principal.Caller(ctx).Organization, now)
	return endpoint.OK(challengeAnswer{challenge, a.OAuth.Issuer, int64(until.Sub(now).Seconds())}), nil
}
