// Package gateway is the authorizer beside an API gateway: it says of every call, from memory, whether it may pass.
package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/libs/dpop"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/upstream"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/doors"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
	"github.com/chancery-dev/chancery/services/gateway/internal/quota"
	"github.com/chancery-dev/chancery/services/gateway/internal/record"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

type config struct {
	Issuer      string        `env:"CHANCERY_ISSUER" doc:"issuer of the access tokens that are accepted; none are if it is empty" want:"https://host"`
	Environment string        `env:"CHANCERY_GATEWAY_ENVIRONMENT, default=sandbox" doc:"what /verify stands before" want:"sandbox or production"`
	Lease       time.Duration `env:"CHANCERY_GATEWAY_LEASE, default=5s" doc:"how long calls are judged from memory after the log's newest facts were last known to be there; then they are refused" want:"a duration from 250ms to 1m"`
	Public      string        `env:"CHANCERY_GATEWAY_STALE_PUBLIC, default=closed" doc:"how long after the lease calls to public products still pass by what is known" want:"closed, or a duration up to 1h"`
	Partner     string        `env:"CHANCERY_GATEWAY_STALE_PARTNER, default=closed" doc:"the same for partner products; sensitive ones never do" want:"closed, or a duration up to 1h"`
	State       string        `env:"CHANCERY_GATEWAY_STATE" doc:"folder in which the authorizer keeps its name and what it has folded; without one it folds the whole log at every start" want:"a folder of its own"`
	Every       time.Duration `env:"CHANCERY_GATEWAY_SNAPSHOT_EVERY, default=1m" doc:"how often it writes down what it has folded" want:"a duration from 1s"`
	Metadata    string        `env:"CHANCERY_GATEWAY_METADATA" doc:"where clients that are refused learn who issues tokens (RFC 9728); at the issuer if it is empty" want:"https://host/.well-known/oauth-protected-resource"`
	Envoy       envoy         `env:""`
	Pepper      secret.String `env:"CHANCERY_PEPPER" doc:"what issuance makes fingerprints with; that of the own key file if it is empty" want:"base64 of at least 32 bytes"`
}

// New wires the gateway.
func New(ctx context.Context, d service.Deps) (*service.Service, error) {
	var own config
	if err := service.Load(ctx, d.Config.Lookup, &own); err != nil {
		return nil, err
	}
	if own.Environment != "sandbox" && own.Environment != "production" {
		return nil, errors.New("CHANCERY_GATEWAY_ENVIRONMENT is wrong: it should be sandbox or production")
	}
	if own.Lease < 250*time.Millisecond || own.Lease > time.Minute {
		return nil, errors.New("CHANCERY_GATEWAY_LEASE is wrong: it should be a duration from 250ms to 1m")
	}
	if own.Every < time.Second {
		return nil, errors.New("CHANCERY_GATEWAY_SNAPSHOT_EVERY is wrong: it should be a duration from 1s")
	}
	if own.Metadata == "" && own.Issuer != "" {
		own.Metadata = own.Issuer + "/.well-known/oauth-protected-resource"
	}
	fingerprints, err := fingerprints(own.Pepper, d.Fingerprints)
	if err != nil {
		return nil, err
	}
	facts := fold.New(d.Lineage, d.Logger)
	node, err := folderOf(own.State, d.Config.Node)
	if err != nil {
		return nil, err
	}
	state := own.snapshots(d, node, facts)
	state.load(ctx)
	book := &record.Book{Observe: d.Log.Observe, Authorizer: node, Now: d.Clock, Logger: d.Logger}
	seal := decision.NewSeal(node, fingerprints)
	lease := newLease(d.Log.Tail, d.Lineage, own.Lease, d.Logger)
	keeper := quota.New(node, d.Clock)
	door := doors.New(doors.Options{
		Authorizer: &verdict.Authorizer{Fold: facts, Fingerprints: fingerprints, Issuer: own.Issuer, Now: d.Clock, Fresh: lease.fresh, Held: lease.age,
			Proofs: dpop.New(d.Clock), Quota: keeper},
		Environment: own.Environment, Count: book.Count, Decision: seal.ID, Sign: signing(d.Signer),
		Keys: func() jose.JSONWebKeySet { return d.Keyring.Of("gateway", d.Clock()) }, Metadata: own.Metadata,
	})
	s := &service.Service{
		Signs: true, Start: func(ctx context.Context) error { return folded(ctx, d) },
		Folds: []service.Fold{facts.Apply}, Handler: explaining(d, seal, facts, keeper, door.Handler()), Stop: book.Close,
		// Proxies on the same network ask without a body and are answered in one packet: a deadline for the header is enough,
		// and each further one would cost more than the verdict.
		Tune:  func(s *http.Server) { s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = 0, 0, 0 },
		Ready: map[string]func(context.Context) error{"lease": lease.ready},
		Background: map[string]func(context.Context) error{
			"windows": book.Run,
			"quota":   (&quota.Words{Keeper: keeper, Beat: d.Pulse.Beat, Watch: d.Pulse.Watch, Logger: d.Logger, Recent: book.Recent}).Run,
			"lease":   func(ctx context.Context) error { return lease.run(ctx, d.NATS) },
		},
	}
	if err := own.joined(s, d, node, lease, state, door); err != nil {
		return nil, err
	}
	return s, own.Envoy.attach(s, door, d.Logger)
}

// signing signs what upstreams are told.
func signing(s *principal.Signer) func(upstream.Context) (string, error) {
	return func(c upstream.Context) (string, error) { return s.SignAs(upstream.Type, c) }
}

// folded returns once this authorizer itself gives out the key that it signs with.
func folded(ctx context.Context, d service.Deps) error {
	for own := d.Signer.Public().GetKeyId(); ; {
		keys := d.Keyring.Of(d.Name, d.Clock())
		if len(keys.Key(own)) > 0 {
			return nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func fingerprints(pepper secret.String, own *secret.Fingerprints) (*secret.Fingerprints, error) {
	if pepper.IsZero() {
		if own == nil {
			return nil, errors.New("CHANCERY_PEPPER is not set: it should be base64 of at least 32 bytes, the pepper that issuance uses")
		}
		return own, nil
	}
	raw, err := base64.StdEncoding.DecodeString(pepper.Reveal())
	if err != nil || len(raw) < 32 {
		return nil, errors.New("CHANCERY_PEPPER is wrong: it should be base64 of at least 32 bytes, the pepper that issuance uses")
	}
	return secret.NewFingerprints(raw), nil
}
