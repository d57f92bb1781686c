// Package conformance sets up what a client or resource server written by others is tried against: a suite behind TLS, clients of
// every kind, and two protected resources.
package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// authority makes a certificate authority for one run and a certificate of it for this machine's loopback address.
func authority() (ca []byte, own tls.Certificate, err error) {
	root, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, own, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, own, err
	}
	now := time.Now()
	signer := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Chancery conformance"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, 7),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, signer, signer, root.Public(), root)
	if err != nil {
		return nil, own, err
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, 7),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, signer, key.Public(), root)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}, err
}

// listen is a door with TLS that asks for a client's certificate and takes any: who reads it judges it.
func listen(own tls.Certificate) (net.Listener, error) {
	return tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12})
}

// door passes on to a server; where certificates are told, the client's own stands in Client-Cert (RFC 9440), and nobody else's
// header of that name. Such a door leads to the OAuth endpoints alone.
func door(to string, certificates bool) http.Handler {
	at := &url.URL{Scheme: "http", Host: to}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(at)
		r.SetXForwarded()
		r.Out.Header.Del("Client-Cert")
		if t := r.In.TLS; certificates && t != nil && len(t.PeerCertificates) > 0 {
			r.Out.Header.Set("Client-Cert", ":"+base64.StdEncoding.EncodeToString(t.PeerCertificates[0].Raw)+":")
		}
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if certificates && !strings.HasPrefix(r.URL.Path, "/oauth2/") {
			http.NotFound(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}
