// Package issuance issues, rotates and ends credentials, and is the authorization server.
package issuance

import (
	"context"
	"errors"
	"time"

	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/libs/dpop"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/service"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/api"
	"github.com/chancery-dev/chancery/services/issuance/internal/authorization"
	"github.com/chancery-dev/chancery/services/issuance/internal/claim"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/naming"
	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
	"github.com/chancery-dev/chancery/services/issuance/internal/policy"
	"github.com/chancery-dev/chancery/services/issuance/internal/proof"
	"github.com/chancery-dev/chancery/services/issuance/internal/signingkey"
	"github.com/chancery-dev/chancery/services/issuance/internal/standing"
	"github.com/chancery-dev/chancery/services/issuance/internal/token"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// New wires issuance.
func New(ctx context.Context, d service.Deps) (*service.Service, error) {
	if d.Keys == nil || d.DB == nil {
		return nil, errors.New("issuance needs CHANCERY_KEY_FILE and DATABASE_URL")
	}
	var own config
	if err := service.Load(ctx, d.Config.Lookup, &own); err != nil {
		return nil, err
	}
	if err := own.check(); err != nil {
		return nil, err
	}
	authorizations := eventlog.Repository[authorization.State]{Log: d.Log, Kind: "issuance.authorization"}
	credentials := eventlog.Repository[credential.State]{Log: d.Log, Kind: "issuance.credential"}
	consents := eventlog.Repository[consent.State]{Log: d.Log, Kind: "issuance.consent"}
	standings, providers := &standing.Fold{}, &standing.Providers{}
	names, pending := &naming.Fold{}, underway.Store{DB: d.DB}
	keys := &oauth.Keys{Private: oauth.FromVault(d.Vault)}
	signingKeys := eventlog.Repository[signingkey.State]{Log: d.Log, Kind: "issuance.signing_key"}
	custodian := oauth.Custodian{Keys: keys, Vault: d.Vault, Now: d.Clock, Repository: signingKeys, Fold: d.Lineage}
	server := &oauth.Server{
		Issuer: own.Issuer, Lifetime: own.TokenLifetime, Keys: keys, Proofs: dpop.New(d.Clock), Provider: providers.Of,
		CertificateProxies: own.CertificateProxies, MutualTLS: own.MutualTLS,
		Credentials: credentials, Fold: d.Lineage, Fingerprints: d.Fingerprints,
		Tokens: eventlog.Repository[token.State]{Log: d.Log, Kind: "issuance.token"}, Consents: consents, Underway: pending, Names: names,
		Observe: d.Log.Observe, Now: d.Clock, Logger: d.Logger,
	}
	authorizers := receipts(d, keys, own.Issuer)
	server.Felt = func(ctx context.Context, position uint64) { authorizers.Wait(ctx, position) }
	tree, revocations, err := trees(d, own.TokenLifetime)
	if err != nil {
		return nil, err
	}
	signers := authorities(d, own.Issuer)
	post, err := courier(ctx, d, own.DeliveryStores, credentials)
	if err != nil {
		return nil, err
	}
	transmitter := signals(d, own, keys)
	api.Routes(d.API, api.Deps{
		SigningKeys: signingKeys, Turn: custodian.Turn, Signals: transmitter, Tree: tree, Revocations: revocations,
		Rows: view.Rows{DB: d.DB}, Credentials: credentials, Consents: consents, Fold: d.Lineage, Fingerprints: d.Fingerprints, OAuth: server, Now: d.Clock,
		Standing: standings, Applied: authorizers,
		Claims: eventlog.Repository[claim.State]{Log: d.Log, Kind: "issuance.key"}, Challenges: proof.NewChallenges(d.Keys.Pepper()), Authorities: signers, Courier: post,
	})
	policies := policy.Deps{
		Rows: view.Rows{DB: d.DB}, Authorizations: authorizations, Credentials: credentials, Consents: consents, Now: d.Clock, TurnOver: custodian.Ensure, Streams: transmitter.Streams, TurnOverAuthority: signers.Ensure,
		Live: func(id string, now time.Time) error {
			return d.Lineage.Live(lineage.Ref{Kind: "credential", ID: id}, now)
		},
		LiveConsent: func(id string, now time.Time) error { return d.Lineage.Live(lineage.Ref{Kind: "consent", ID: id}, now) },
	}
	policies.Made = func(personID string, now time.Time) []lineage.Member {
		return d.Lineage.Below(now, true, lineage.Ref{Kind: "person", ID: personID})
	}
	leaks, err := newLeaks(d, own, credentials, standings, authorizers, keys)
	if err != nil {
		return nil, err
	}
	policies.FinishLeak = leaks.finish
	tracer := d.Traces.Tracer(d.Name)
	due := &deadline.Engine{DB: d.DB, Act: policies.OnDue, Before: notices(), Clock: d.Clock, Service: d.Name, Logger: d.Logger, Tracer: tracer}
	uses := &projection.Runner{Name: "activity", DB: d.DB, Follow: d.Log.FollowActivity, First: d.Log.ActivityFirst, Views: view.Activity, Service: d.Name, Logger: d.Logger, Tracer: tracer}
	return withPeople(d, names, pending, withSignals(transmitter, withKinds(&service.Service{
		Views: view.All, Start: custodian.Ensure,
		Folds:    []service.Fold{leaks.known.Apply, authorizers.Fold, standings.Apply, providers.Apply, keys.Fold, revocations.Apply},
		Policies: append(policy.All(policies), projection.Erases[*identityv1.PersonErased](d.Vault)),
		Background: map[string]func(context.Context) error{
			"leaks":       leaks.run,
			"deadlines":   due.Run,
			"uses":        uses.Run,
			"authorizers": authorizers.Run,
			"refusals":    server.Sweep,
			"revocations": revocations.Run,
			"cut_over":    cutOver(d, uses, policies),
		},
		Ready: map[string]func(context.Context) error{"uses": uses.Ready},
	}, signers, post))), nil
}
