package oauth

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

// maxCertificate bounds the header a proxy names a certificate in.
const maxCertificate = 16 << 10

// certificate is the certificate whose key the client of a request has proven to hold: to this server itself, or to a
// proxy from a network that is trusted to say so in the header Client-Cert (RFC 9440). Anybody else's header is ignored;
// nil stands for none.
func (s *Server) certificate(r *http.Request) *x509.Certificate {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return r.TLS.PeerCertificates[0]
	}
	values := r.Header.Values("Client-Cert")
	if len(values) != 1 || !s.vouches(r.RemoteAddr) {
		return nil
	}
	return parseCertificate(values[0])
}

func (s *Server) vouches(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	from, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, network := range s.CertificateProxies {
		if network.Contains(from.Unmap()) {
			return true
		}
	}
	return false
}

// parseCertificate reads a byte sequence of RFC 9651 §4.2.7 that is a certificate.
func parseCertificate(value string) *x509.Certificate {
	value = strings.TrimSpace(value)
	if len(value) < 2 || len(value) > maxCertificate || value[0] != ':' || value[len(value)-1] != ':' {
		return nil
	}
	der, err := base64.StdEncoding.DecodeString(value[1 : len(value)-1])
	if err != nil {
		return nil
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return c
}

// thumbprint is x5t#S256 of RFC 8705 §3.1.
func thumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// certified is the generation whose certificate the request came with, RFC 8705 §2: this very one, since only that was
// approved.
func (s *Server) certified(c *x509.Certificate, state credential.State) (uint32, error) {
	if c == nil {
		return 0, invalidClient()
	}
	sum := sha256.Sum256(c.Raw)
	for _, g := range state.Generations {
		if g.Key != nil && len(g.Key.CertificateSha256) == len(sum) && bytes.Equal(g.Key.CertificateSha256, sum[:]) {
			if now := s.Now(); now.Before(c.NotBefore) || now.After(c.NotAfter) {
				return 0, invalidClient().because("expired")
			}
			return g.Number, nil
		}
	}
	return 0, invalidClient()
}
