package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/chancery/internal/sampleapi"
)

func sampleAPICommand() *cobra.Command {
	var issuer, audience, read, write, ca, cert, key string
	var port int
	c := &cobra.Command{
		Use: "sample-api --audience A --port P", Short: "Serve a protected resource that verifies access tokens by itself", Args: wrongInput(cobra.NoArgs),
		Long: "GET needs the read scope, POST the write scope. Tokens are verified by the issuer's JWKS; those bound to a key want a DPoP proof\n" +
			"with a nonce of this server, those bound to a certificate that certificate on the connection. It listens on 127.0.0.1 alone.",
		Example: "  chancery sample-api --issuer http://127.0.0.1:8080 --audience urn:chancery:product:ID --port 9001 --read accounts:read --write payments:write",
		RunE: func(c *cobra.Command, _ []string) error {
			if audience == "" {
				return exit{2, errors.New("say for which --audience")}
			}
			client, err := trusting(ca)
			if err != nil {
				return exit{2, err}
			}
			listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
			if err != nil {
				return err
			}
			scheme := "http"
			if cert != "" {
				scheme = "https"
			}
			api := sampleapi.New(issuer, audience, scheme+"://"+listener.Addr().String(), read, write, client)
			fmt.Fprintf(c.OutOrStdout(), "%s serves %s: GET with %s, POST with %s\n", api.Address, audience, read, write)
			return serveSample(c.Context(), listener, api, cert, key)
		},
	}
	f := c.Flags()
	f.StringVar(&issuer, "issuer", "http://127.0.0.1:8080", "issuer of the tokens")
	f.StringVar(&audience, "audience", "", "audience that tokens must be for")
	f.StringVar(&read, "read", "accounts:read", "scope that GET needs")
	f.StringVar(&write, "write", "payments:write", "scope that POST needs")
	f.IntVar(&port, "port", 0, "port on 127.0.0.1; a free one if 0")
	f.StringVar(&ca, "ca", "", "file of certificates that the issuer's is checked by, beside the system's")
	f.StringVar(&cert, "cert", "", "certificate to serve TLS with")
	f.StringVar(&key, "key", "", "its private key")
	return c
}

// trusting is a client that also believes the certificates of a file.
func trusting(ca string) (*http.Client, error) {
	client := &http.Client{Timeout: 10 * time.Second}
	if ca == "" {
		return client, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", ca)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	client.Transport = transport
	return client, nil
}

// serveSample serves until ctx ends.
func serveSample(ctx context.Context, l net.Listener, h http.Handler, cert, key string) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, TLSConfig: &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	var err error
	if cert != "" {
		err = server.ServeTLS(l, cert, key)
	} else {
		err = server.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
