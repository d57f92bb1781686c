package conformance

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/chancery-dev/chancery/services/chancery/internal/world"
)

const (
	redirect = "http://127.0.0.1/callback"
	exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	device   = "urn:ietf:params:oauth:grant-type:device_code"
)

// setting is the people by whom things are set up.
type setting struct {
	*world.Cast
	dir, issuer string
}

// granted publishes a product and has an application of its own granted two scopes of it.
func (s setting) granted(ctx context.Context, slug string, scopes ...string) (product, grant string, err error) {
	if product, _, err = s.Publish(ctx, slug); err != nil {
		return "", "", err
	}
	application, err := s.Register(ctx, "noor", "sam", "Conformance of "+slug, "Tries what others wrote", "sandbox")
	if err != nil {
		return "", "", err
	}
	request, digest, err := s.Request(ctx, "noor", application, product, scopes, 30, "trying clients against the suite")
	if err != nil {
		return "", "", err
	}
	// Which seats there are is the policy's to say; a seat that is none of this request's is refused and left.
	for _, seat := range [][2]string{{"mara", "product_reviewer"}, {"joris", "security_reviewer"}, {"lucia", "organization_admin"}} {
		_ = s.Review(ctx, seat[0], seat[1], request, digest)
	}
	grant, err = s.Grant(ctx, "noor", application, request)
	return product, grant, err
}

// clients are one of each kind, and leave to register one more.
func (s setting) clients(ctx context.Context, grant string, r Resource, slug string) (all []Client, initial string, err error) {
	if _, err := s.Issue(ctx, "noor", grant, "api_key", slug+" first"); err != nil { // until issuance knows the grant
		return nil, "", err
	}
	people := []string{"authorization_code", "refresh_token", device}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	proof, err := s.proof(ctx, key)
	if err != nil {
		return nil, "", err
	}
	certKey, request, err := certificateRequest()
	if err != nil {
		return nil, "", err
	}
	for _, c := range []struct {
		Client
		more map[string]any
	}{
		{Client{Name: "machine", Kind: "client_secret", Methods: []string{"client_secret_basic", "client_secret_post"}}, nil},
		{Client{Name: "introspection", Kind: "client_secret", Methods: []string{"client_secret_basic", "client_secret_post"}}, nil},
		{Client{Name: "exchange", Kind: "client_secret", Methods: []string{"client_secret_basic", "client_secret_post"}, GrantTypes: []string{"client_credentials", exchange}}, nil},
		{Client{Name: "web", Kind: "client_secret", Methods: []string{"client_secret_basic", "client_secret_post"}, GrantTypes: append([]string{"client_credentials"}, people...), Redirect: redirect}, nil},
		{Client{Name: "native", Kind: "public_client", Methods: []string{"none"}, GrantTypes: people, Redirect: redirect}, map[string]any{"bound_tokens": true}},
		{Client{Name: "key", Kind: "client_key", Methods: []string{"private_key_jwt"}, Key: jose.JSONWebKey{Key: key, Algorithm: "ES256"}}, proof},
		{Client{Name: "certificate", Kind: "client_certificate", Methods: []string{"tls_client_auth"}}, map[string]any{"certificate_request": request, "bound_tokens": true}},
		{Client{Name: "api key", Kind: "api_key"}, nil},
	} {
		in := map[string]any{"grant_id": grant, "kind": c.Kind, "name": slug + " " + c.Name, "expires_in_seconds": 86400}
		for k, v := range c.more {
			in[k] = v
		}
		if len(c.GrantTypes) > 0 {
			in["grant_types"] = c.GrantTypes
		}
		if c.Redirect != "" {
			in["redirect_uris"] = []string{c.Redirect}
		}
		var made struct{ ID, Secret, Certificate string }
		if err := s.People["noor"].Post(ctx, "issuance", "/v1/credentials", in, &made); err != nil {
			return nil, "", err
		}
		out := c.Client
		out.Name, out.ID, out.Secret, out.Audience, out.Scopes = slug+" "+c.Name, made.ID, made.Secret, r.Audience, []string{r.Read, r.Write}
		if made.Certificate != "" {
			out.Certificate, out.KeyFile = filepath.Join(s.dir, slug+".crt"), filepath.Join(s.dir, slug+".key")
			if err := os.WriteFile(out.Certificate, []byte(made.Certificate), 0o644); err != nil {
				return nil, "", err
			}
			if err := os.WriteFile(out.KeyFile, certKey, 0o600); err != nil {
				return nil, "", err
			}
		}
		all = append(all, out)
	}
	var permit struct {
		Token string `json:"initial_access_token"`
	}
	err = s.People["noor"].Post(ctx, "issuance", "/v1/registration-tokens", map[string]any{"grant_id": grant, "expires_in_seconds": 86400}, &permit)
	return all, permit.Token, err
}

// proof shows that the private half of a client's key is there.
func (s setting) proof(ctx context.Context, key *ecdsa.PrivateKey) (map[string]any, error) {
	var challenge struct{ Challenge, Audience string }
	if err := s.People["noor"].Post(ctx, "issuance", "/v1/credentials/challenges", map[string]any{}, &challenge); err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("chancery-key-proof+jwt"))
	if err != nil {
		return nil, err
	}
	signed, err := jwt.Signed(signer).Claims(map[string]any{"aud": challenge.Audience, "nonce": challenge.Challenge}).Serialize()
	return map[string]any{"key_proof": signed, "challenge": challenge.Challenge}, err
}

func certificateRequest() (key []byte, request string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, "", err
	}
	asked, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "conformance"}}, private)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: asked})), err
}
