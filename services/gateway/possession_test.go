package gateway_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// pair is a certificate somebody made for himself, and its key, also as files.
type pair struct {
	tls.Certificate
	cert, key string
}

func selfSigned(t testing.TB, folder, name string) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p := pair{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, filepath.Join(folder, name+".pem"), filepath.Join(folder, name+".key")}
	for path, block := range map[string]*pem.Block{p.cert: {Type: "CERTIFICATE", Bytes: der}, p.key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// asked sends a call over TLS, with a certificate or none.
func asked(t testing.TB, from *pair, url string, header ...string) reply {
	t.Helper()
	c := &tls.Config{InsecureSkipVerify: true}
	if from != nil {
		c.Certificates = []tls.Certificate{from.Certificate}
	}
	transport := &http.Transport{TLSClientConfig: c}
	defer transport.CloseIdleConnections()
	q, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Add(header[i], header[i+1])
	}
	a, err := (&http.Client{Transport: transport}).Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{a.StatusCode, a.Header, string(body)}
}

// D5, D6: through real gateways that speak TLS.
func TestPossessionIsProvenThroughARealGateway(t *testing.T) {
	for name, startGateway := range programs {
		t.Run(name, func(t *testing.T) { proven(t, name, startGateway) })
	}
}

func proven(t *testing.T, gatewayName string, startGateway gatewayProgram) {
	const issuer = "https://portal.example"
	r := start(t, map[string]string{"CHANCERY_ISSUER": issuer})
	folder := t.TempDir()
	server, mine, thief := selfSigned(t, folder, "server"), selfSigned(t, folder, "mine"), selfSigned(t, folder, "thief")
	sum := sha256.Sum256(mine.Certificate.Certificate[0])
	r.Append("issuance", "credential", uuid.NewString(), &issuancev1.CredentialIssued{Kind: "client_certificate", GrantId: r.Grant, RequestId: r.Request,
		ApplicationId: r.Application, OrganizationId: r.Organization, ProductId: r.Product, Scopes: []string{"accounts:read"}, Environment: "sandbox", Generation: 1,
		Key: &issuancev1.KeyMaterial{CertificateSha256: sum[:]}, ExpiresAt: timestamppb.New(time.Now().Add(time.Hour))})
	client, _ := r.Issue("client_secret", "accounts:read")
	r.applied(t)

	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(upstream.Close)
	change := []string{"LISTEN;", "{listen} ssl; ssl_certificate " + server.cert + "; ssl_certificate_key " + server.key + "; ssl_verify_client optional_no_ca;"}
	if gatewayName == "caddy" {
		change = []string{"	route {", "	tls " + server.cert + " " + server.key + " {\n client_auth {\n mode request\n }\n }\n route {"}
	}
	at := strings.Replace(startGateway(t, r.at.URL, upstream.URL, change...), "http://127.0.0.1", "https://localhost", 1) + "/ledger/v1/accounts"

	// The certificate itself is the credential.
	escaped := url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: mine.Certificate.Certificate[0]})))
	if a := asked(t, &mine, at); a.status != 200 {
		t.Errorf("my certificate: %d %s", a.status, a.body)
	}
	forged := []string{"X-Original-Client-Cert", escaped, "X-Caddy-Client-Cert", base64.StdEncoding.EncodeToString(mine.Certificate.Certificate[0])}
	for name, from := range map[string]*pair{"no certificate": nil, "another's": &thief} {
		if a := asked(t, from, at, forged...); a.status != 401 {
			t.Errorf("%s, and mine claimed in headers: %d", name, a.status)
		}
	}
	token := minted(t, r, issuer, client)
	bound := token(&accesstoken.Confirmation{X5T: base64.RawURLEncoding.EncodeToString(sum[:])})
	for name, c := range map[string]struct {
		from *pair
		want int
	}{"over my connection": {&mine, 200}, "over a thief's": {&thief, 401}, "without a certificate": {nil, 401}} {
		if a := asked(t, c.from, at, append(forged, "Authorization", "Bearer "+bound)...); a.status != c.want {
			t.Errorf("a bound token %s: %d", name, a.status)
		}
	}
	provenByKey(t, at, token)
}

// minted gives tokens bound as told.
func minted(t testing.TB, r *running, issuer, client string) func(*accesstoken.Confirmation) string {
	t.Helper()
	signer, err := accesstoken.NewSigner(r.Key, r.Private)
	if err != nil {
		t.Fatal(err)
	}
	tail, err := r.suite.Log("issuance").Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return func(c *accesstoken.Confirmation) string {
		out, err := signer.Sign(accesstoken.Claims{Issuer: issuer, Subject: client, ClientID: client, Audience: jwt.Audience{accesstoken.AudienceOf(r.Product)},
			Expires: jwt.NewNumericDate(time.Now().Add(time.Minute)), IssuedAt: jwt.NewNumericDate(time.Now()), ID: uuid.NewString(), Scope: "accounts:read", Generation: 1,
			Application: r.Application, Organization: r.Organization, Product: r.Product, Environment: "sandbox", Seen: tail, Confirmation: c})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// provenByKey goes the way of RFC 9449 §8: refused with a nonce, admitted with a proof over it, and not twice.
func provenByKey(t *testing.T, at string, token func(*accesstoken.Confirmation) string) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	thumbprint, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: private}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	bound := token(&accesstoken.Confirmation{JKT: base64.RawURLEncoding.EncodeToString(thumbprint)})
	proof := func(nonce string) string {
		hash := sha256.Sum256([]byte(bound))
		body, _ := json.Marshal(map[string]any{"jti": uuid.NewString(), "htm": "GET", "htu": at, "iat": time.Now().Unix(), "nonce": nonce, "ath": base64.RawURLEncoding.EncodeToString(hash[:])})
		signed, err := signer.Sign(body)
		if err != nil {
			t.Fatal(err)
		}
		out, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := asked(t, nil, at, "Authorization", "DPoP "+bound, "DPoP", proof(""))
	nonce := first.header.Get("DPoP-Nonce")
	if first.status != 401 || nonce == "" || !strings.Contains(first.header.Get("WWW-Authenticate"), `error="use_dpop_nonce"`) {
		t.Fatalf("without a nonce: %d %v", first.status, first.header)
	}
	good := proof(nonce)
	if a := asked(t, nil, at+"?page=2", "Authorization", "DPoP "+bound, "DPoP", good); a.status != 200 {
		t.Errorf("with a proof: %d %s", a.status, a.body)
	}
	for name, header := range map[string][]string{
		"the same proof again": {"Authorization", "DPoP " + bound, "DPoP", good},
		"as a bearer token":    {"Authorization", "Bearer " + bound},
		"no proof":             {"Authorization", "DPoP " + bound},
	} {
		if a := asked(t, nil, at, header...); a.status != 401 || a.header.Get("DPoP-Nonce") != "" {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
}
