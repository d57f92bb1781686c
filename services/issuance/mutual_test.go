package issuance_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/service"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// identity is a certificate with its key, of an authority.
func (a *authority) identity(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := x509.ParseCertificate(der)
	return &authority{c, key}
}

func writePEM(t testing.TB, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAClientProvesItsKeyInTheHandshake(t *testing.T) { // D5, X6, RFC 8705
	ours, theirs := newAuthority(t), newAuthority(t)
	server := ours.identity(t, "server")
	key, _ := x509.MarshalPKCS8PrivateKey(server.PrivateKey)
	s := newSceneConfigured(t, map[string]string{"CHANCERY_MTLS_URL": "https://mtls.example"}, func(c *service.Config) {
		c.TLSAddr, c.TLSCert, c.TLSKey = "127.0.0.1:0", writePEM(t, "CERTIFICATE", server.Certificate[0]), writePEM(t, "PRIVATE KEY", key)
		c.TLSClientCA = writePEM(t, "CERTIFICATE", ours.certificate.Raw)
	})
	roots := x509.NewCertPool()
	roots.AddCert(ours.certificate)
	holder, other, stranger := ours.identity(t, "client"), ours.identity(t, "other"), theirs.identity(t, "client")
	sum := sha256.Sum256(holder.Certificate[0])
	client := s.client(func(e *issuancev1.CredentialIssued) {
		e.Kind, e.Key, e.BoundTokens = "client_certificate", &issuancev1.KeyMaterial{CertificateSha256: sum[:]}, true
	})
	ask := func(certificates ...tls.Certificate) (int, map[string]any, error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certificates}}
		defer transport.CloseIdleConnections()
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}}
		r, err := (&http.Client{Transport: transport}).Post(s.running.TLSURL+"/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
		if err != nil {
			return 0, nil, err
		}
		defer r.Body.Close()
		var body map[string]any
		err = json.NewDecoder(r.Body).Decode(&body)
		return r.StatusCode, body, err
	}
	status, body, err := ask(holder)
	if err != nil {
		t.Fatal(err)
	}
	if status != 200 {
		t.Fatalf("%d %v", status, body)
	}
	if c := s.claims(body["access_token"].(string)); c.Confirmation == nil || c.Confirmation.X5T != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Fatalf("bound to %+v", c.Confirmation)
	}
	for name, certificates := range map[string][]tls.Certificate{"none": nil, "another": {other}} {
		if status, _, err := ask(certificates...); err != nil || status != 401 {
			t.Errorf("%s: %d %v", name, status, err)
		}
	}
	if _, _, err := ask(stranger); err == nil {
		t.Error("a certificate of another authority was let in")
	}
	// The header of a client that came by TLS is not looked at.
	s.want(s.post("/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {client}}, "Client-Cert", ":AAAA:"), 401, "invalid_client")
}
