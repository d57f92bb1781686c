package conformance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/services/chancery/internal/sampleapi"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
	"github.com/chancery-dev/chancery/services/chancery/internal/world"
)

// Options say where it lives and how short tokens are.
type Options struct {
	Dir      string
	Lifetime time.Duration
	Version  string
	Logger   *slog.Logger
}

// Resource is a protected resource.
type Resource struct {
	Audience string `json:"audience"`
	URL      string `json:"url"`
	Read     string `json:"read_scope"`
	Write    string `json:"write_scope"`
}

// Client is one client as it was handed out.
type Client struct {
	Name        string   `json:"name"`
	Kind        string   `json:"kind"`
	ID          string   `json:"client_id"`
	Secret      string   `json:"client_secret,omitempty"`
	Audience    string   `json:"audience"`
	Methods     []string `json:"token_endpoint_auth_methods,omitempty"`
	GrantTypes  []string `json:"grant_types,omitempty"`
	Redirect    string   `json:"redirect_uri,omitempty"`
	Scopes      []string `json:"scopes"`
	Key         any      `json:"private_jwk,omitempty"`
	Certificate string   `json:"certificate_file,omitempty"`
	KeyFile     string   `json:"key_file,omitempty"`
}

// Target is what is to be pointed at.
type Target struct {
	Issuer        string     `json:"issuer"`
	CA            string     `json:"ca_file"`
	MutualTLS     string     `json:"mtls_base"`
	Gateway       string     `json:"gateway"`
	TokenLifetime int        `json:"access_token_lifetime_seconds"`
	Resources     []Resource `json:"resources"`
	Clients       []Client   `json:"clients"`
	// Person signs in at the development provider without a password.
	Person  string `json:"person"`
	Initial string `json:"initial_access_token"`
	// Push says that subscriptions and streams may deliver to addresses of this machine.
	Push string `json:"push_targets"`
}

// Run sets everything up, tells what to point a client at, and serves until ctx ends.
func Run(ctx context.Context, o Options, tell func(Target) error) (err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	ca, own, err := authority()
	if err != nil {
		return err
	}
	t := Target{CA: filepath.Join(o.Dir, "ca.pem"), TokenLifetime: int(o.Lifetime.Seconds()), Push: "http and https on 127.0.0.1", Person: "noor@northwind.example"}
	if err := os.WriteFile(t.CA, ca, 0o644); err != nil {
		return err
	}
	// The people of this process sign in through the same door.
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	http.DefaultTransport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	front, err := listen(own)
	if err != nil {
		return err
	}
	t.Issuer = "https://" + front.Addr().String()
	// Certificates are believed from a door that leads to issuance alone, which is what metadata names as mtls_endpoint_aliases.
	certified, err := listen(own)
	if err != nil {
		return err
	}
	s, err := suite.Start(ctx, suite.Options{Dir: filepath.Join(o.Dir, "suite"), Portal: "127.0.0.1:0", IdP: "127.0.0.1:0", Gateway: "127.0.0.1:0", Public: t.Issuer, LimitFactor: 100,
		Version: o.Version, Logger: o.Logger, Env: map[string]string{"CHANCERY_ACCESS_TOKEN_LIFETIME": o.Lifetime.String(),
			"CHANCERY_CLIENT_CERT_PROXIES": "127.0.0.0/8", "CHANCERY_MTLS_URL": "https://" + certified.Addr().String()}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop(context.WithoutCancel(ctx))) }()
	serve(ctx, front, door(s.Front, false))
	serve(ctx, certified, door(strings.TrimPrefix(s.Services["issuance"].URL, "http://"), true))
	t.Gateway, t.MutualTLS = s.Gateway, "https://"+certified.Addr().String()
	cast, err := world.Sign(ctx, s.Portal, s.IdP)
	if err != nil {
		return err
	}
	set := setting{Cast: cast, dir: o.Dir, issuer: t.Issuer}
	for _, r := range []struct {
		slug, read, write string
	}{{"ledger", "accounts:read", "payments:write"}, {"cards", "cards:read", "cards:write"}} {
		product, grant, err := set.granted(ctx, r.slug, r.read, r.write)
		if err != nil {
			return fmt.Errorf("%s: %w", r.slug, err)
		}
		listener, err := listen(own)
		if err != nil {
			return err
		}
		resource := Resource{accesstoken.AudienceOf(product), "https://" + listener.Addr().String(), r.read, r.write}
		serve(ctx, listener, sampleapi.New(t.Issuer, resource.Audience, resource.URL, r.read, r.write, &http.Client{Timeout: 10 * time.Second}))
		t.Resources = append(t.Resources, resource)
		clients, initial, err := set.clients(ctx, grant, resource, r.slug)
		if err != nil {
			return fmt.Errorf("%s: %w", r.slug, err)
		}
		t.Clients, t.Initial = append(t.Clients, clients...), initial
	}
	raw, err := json.MarshalIndent(t, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(o.Dir, "conformance.json"), append(raw, '\n'), 0o600)
	}
	if err == nil {
		err = tell(t)
	}
	if err == nil {
		<-ctx.Done()
	}
	return err
}

func serve(ctx context.Context, l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(l) }()
}
