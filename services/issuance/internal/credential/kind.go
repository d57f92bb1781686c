package credential

import (
	"bytes"
	"slices"

	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Kinds of credential. Of the first two the secret is made here, of the others the consumer keeps a private key.
const (
	APIKey            = "api_key"
	ClientSecret      = "client_secret"
	ClientKey         = "client_key"
	ClientCertificate = "client_certificate"
	// PublicClient is a program on people's own machines: it has no secret, acts for people alone, and by a key of its own.
	PublicClient = "public_client"
)

func known(kind string) bool {
	return slices.Contains([]string{APIKey, ClientSecret, ClientKey, ClientCertificate, PublicClient}, kind)
}

// Shared says that a kind's secret is made here and known to the consumer.
func Shared(kind string) bool { return kind == APIKey || kind == ClientSecret }

// fits says that the material is of the kind, and of no other.
func (m Secret) fits(kind string) bool {
	k := m.Key
	if kind == PublicClient {
		return k == nil && len(m.Fingerprint) == 0 && m.DeliveredTo == ""
	}
	if Shared(kind) {
		return k == nil && len(m.Fingerprint) > 0
	}
	if k == nil || len(m.Fingerprint) > 0 || m.DeliveredTo != "" || len(k.PublicKeySha256) != 32 {
		return false
	}
	certificate := len(k.CertificateSha256) == 32
	return kind == ClientKey && len(k.Jwk) > 0 && !certificate || kind == ClientCertificate && certificate && len(k.Jwk) == 0
}

// had says that a generation of the credential had the same secret or key.
func (s State) had(m Secret) bool {
	return slices.ContainsFunc(s.Generations, func(g Generation) bool {
		return len(m.Fingerprint) > 0 && bytes.Equal(g.Fingerprint, m.Fingerprint) || s.Holds(g, m.Key)
	})
}

// Holds says that a generation is of this very public key.
func (s State) Holds(g Generation, key *issuancev1.KeyMaterial) bool {
	return key != nil && g.Key != nil && bytes.Equal(g.Key.PublicKeySha256, key.PublicKeySha256)
}
