package issuance_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

func (s *scene) csr() map[string]any {
	s.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"not-looked-at.example"}}, newKey(s))
	if err != nil {
		s.Fatal(err)
	}
	return map[string]any{"certificate_request": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))}
}

func (s *scene) fetch(path string) (body []byte, media string) {
	s.Helper()
	r, err := http.Get(s.running.URL + path)
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	body, _ = io.ReadAll(r.Body)
	if r.StatusCode != 200 {
		s.Fatalf("%s: %d %s", path, r.StatusCode, body)
	}
	return body, r.Header.Get("Content-Type")
}

func leaf(t *testing.T, text any) *x509.Certificate {
	t.Helper()
	b, _ := pem.Decode([]byte(text.(string)))
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAClientCertificatesLife(t *testing.T) { // D1, D4, D5
	s := newScene(t)
	s.want(s.issue("api_key", s.grant), 201, "")
	ask := func(more map[string]any, headers ...string) reply {
		return s.call(&s.owner, "POST", "/v1/credentials", with(map[string]any{"grant_id": s.grant, "kind": "client_certificate", "name": "mtls"}, more), headers...)
	}
	request := s.csr()
	issued := s.want(ask(request, "Idempotency-Key", "c1"), 201, "")
	id := issued.body["id"].(string)
	c := leaf(t, issued.body["certificate"])
	roots := x509.NewCertPool()
	bundle, _ := s.fetch("/oauth2/authorities")
	roots.AppendCertsFromPEM(bundle)
	if _, err := c.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err == nil {
		t.Fatal("a client's certificate is good for a server")
	}
	expires, _ := time.Parse(time.RFC3339, issued.body["expires_at"].(string))
	if c.URIs[0].String() != "urn:chancery:credential:"+id || len(c.DNSNames) != 0 || !c.NotAfter.Equal(expires.Truncate(time.Second)) || c.SerialNumber.BitLen() != 127 {
		t.Fatalf("certificate %v %v until %s, want %s, serial of %d bits", c.URIs, c.DNSNames, c.NotAfter, expires, c.SerialNumber.BitLen())
	}
	if again := s.want(ask(request, "Idempotency-Key", "c1"), 201, ""); again.body["certificate"] != issued.body["certificate"] {
		t.Fatal("a repeated command answers another certificate")
	}
	s.want(ask(request), 409, "key_reused")
	s.want(ask(nil), 422, "proof_of_another_kind")
	s.want(ask(map[string]any{"certificate_request": "-----BEGIN X-----"}), 422, "certificate_request_invalid")

	at, list := "/v1/credentials/"+id, strings.TrimPrefix(c.CRLDistributionPoints[0], "https://portal.example")
	revoked := func() map[string]x509.RevocationListEntry {
		der, media := s.fetch(list)
		crl, err := x509.ParseRevocationList(der)
		if err != nil || media != "application/pkix-crl" {
			t.Fatal(err, media)
		}
		authority := leaf(t, string(bundle))
		if err := crl.CheckSignatureFrom(authority); err != nil {
			t.Fatal(err)
		}
		out := map[string]x509.RevocationListEntry{}
		for _, e := range crl.RevokedCertificateEntries {
			out[hex.EncodeToString(e.SerialNumber.Bytes())] = e
		}
		return out
	}
	if len(revoked()) != 0 {
		t.Fatal("a live certificate is listed as revoked")
	}
	rotated := s.want(s.call(&s.owner, "POST", at+"/rotate", with(map[string]any{"overlap_seconds": 0}, s.csr())), 201, "")
	next := leaf(t, rotated.body["certificate"])
	s.want(s.call(&s.owner, "POST", at+"/rotate", with(map[string]any{"overlap_seconds": 0}, request)), 409, "key_reused")
	s.ahead.Add(int64(time.Minute))
	listed := revoked()
	if e, ok := listed[hex.EncodeToString(c.SerialNumber.Bytes())]; !ok || len(listed) != 1 || time.Since(e.RevocationTime) > time.Hour {
		t.Fatalf("listed %v", listed)
	}
	s.want(s.call(&s.owner, "POST", at+"/revoke", map[string]any{"reason": "no_longer_needed"}), 200, "")
	s.ahead.Add(int64(time.Minute))
	if listed = revoked(); len(listed) != 2 {
		t.Fatalf("listed %v, want also %s", listed, next.SerialNumber.Text(16))
	}
}

func TestAuthoritiesTurnOver(t *testing.T) { // D5, L9
	s := newScene(t)
	first, _ := s.fetch("/oauth2/authorities")
	s.ahead.Add(int64(367 * 24 * time.Hour))
	s.eventually("a second authority", func() bool {
		return len(recorded[*issuancev1.CertificateAuthorityRetired](s, "")) == 1
	})
	if both, _ := s.fetch("/oauth2/authorities"); len(both) < len(first)+200 {
		t.Fatalf("the bundle is %s", both)
	}
}
