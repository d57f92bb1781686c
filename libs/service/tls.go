package service

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// tlsConfig asks clients for a certificate and lets in those without: what one is good for, the operation decides. nil
// without a certificate of the server's own.
func tlsConfig(c Variables) (*tls.Config, error) {
	if c.TLSAddr == "" {
		return nil, nil
	}
	own := &pair{certificate: c.TLSCert, key: c.TLSKey}
	if _, err := own.load(nil); err != nil {
		return nil, fmt.Errorf("CHANCERY_TLS_CERT and CHANCERY_TLS_KEY: %w", err)
	}
	// A client proves in the handshake that it holds the key of its certificate, whoever signed that.
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: own.load, ClientAuth: tls.RequestClientCert}
	if c.TLSClientCA != "" {
		pem, err := os.ReadFile(c.TLSClientCA)
		if err != nil {
			return nil, fmt.Errorf("CHANCERY_TLS_CLIENT_CA: %w", err)
		}
		config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("CHANCERY_TLS_CLIENT_CA is wrong: it should be the path of a file of certificates, PEM")
		}
	}
	return config, nil
}

// pair is a certificate and its key in files that may be replaced.
type pair struct {
	certificate, key string

	mu     sync.Mutex
	loaded *tls.Certificate
	at     time.Time
}

func (p *pair) load(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.certificate)
	if p.loaded != nil && (err != nil || info.ModTime().Equal(p.at)) {
		return p.loaded, nil
	}
	fresh, err := tls.LoadX509KeyPair(p.certificate, p.key)
	switch {
	case err == nil:
		p.loaded, p.at = &fresh, info.ModTime()
	case p.loaded == nil:
		return nil, err
	}
	return p.loaded, nil // while the files are being replaced the old pair goes on
}

func (r *Running) serveTLS(server *http.Server, address Address) (string, error) {
	listener, err := net.Listen("tcp", string(address))
	if err != nil {
		return "", fmt.Errorf("CHANCERY_TLS_ADDR: cannot listen on %s: %w", address, err)
	}
	r.loops.Go(func() {
		if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			r.fail(fmt.Errorf("CHANCERY_TLS_ADDR: %w", err))
		}
	})
	return "https://" + listener.Addr().String(), nil
}
