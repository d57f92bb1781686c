// Package worldtest makes the facts that an authorizer's tests stand on: an organisation, an application with a grant, a
// product with a published contract, and credentials.
package worldtest

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/secret"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
)

// Append stores the facts of one decision and gives their position.
type Append func(service, kind, id string, facts ...proto.Message) uint64

// World is what was made, by id.
type World struct {
	Append       Append
	Fingerprints *secret.Fingerprints
	Now          time.Time

	Organization, Application, Request, Grant, Product, Version, Key string

	Private ed25519.PrivateKey
}

// Operations are the contract of the product.
var Operations = []*registryv1.Operation{
	{Id: "listAccounts", Method: "GET", Path: "/accounts", Scopes: []string{"accounts:read"}},
	{Id: "getAccount", Method: "GET", Path: "/accounts/{id}", Scopes: []string{"accounts:read"}},
	{Id: "pay", Method: "POST", Path: "/payments", Scopes: []string{"accounts:read", "payments:write"}},
	{Id: "open", Method: "GET", Path: "/open"},
}

// Make appends everything but a credential.
func Make(to Append, fingerprints *secret.Fingerprints, now time.Time) *World {
	w := &World{
		Append: to, Fingerprints: fingerprints, Now: now, Organization: uuid.NewString(), Application: uuid.NewString(), Request: uuid.NewString(),
		Grant: uuid.NewString(), Product: uuid.NewString(), Version: uuid.NewString(), Key: uuid.NewString(),
	}
	provider := uuid.NewString()
	to("identity", "organization", provider, &identityv1.OrganizationRegistered{Name: "Meridian", Kind: "provider"})
	to("identity", "organization", w.Organization, &identityv1.OrganizationRegistered{Name: "Northwind", Kind: "partner"})
	w.Publish(w.Product, w.Version, "/ledger/v1", provider, Operations)
	to("registry", "application", w.Application, &registryv1.ApplicationRegistered{Name: "Ledger Sync", OrganizationId: w.Organization, Environment: "sandbox", OwnerId: "o", BackupOwnerId: "b"})
	to("approval", "request", w.Request, &approvalv1.RequestSubmitted{ApplicationId: w.Application, OrganizationId: w.Organization})
	to("approval", "grant", w.Grant, &approvalv1.GrantActivated{RequestId: w.Request, ApplicationId: w.Application, OrganizationId: w.Organization,
		ProductId: w.Product, Scopes: []string{"accounts:read", "payments:write"}, Environment: "sandbox", Until: timestamppb.New(now.Add(30 * 24 * time.Hour))})
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	w.Private = private
	jwk, err := json.Marshal(jose.JSONWebKey{Key: public, KeyID: w.Key, Algorithm: "EdDSA", Use: "sig"})
	if err != nil {
		panic(err)
	}
	to("issuance", "signing_key", w.Key, &issuancev1.SigningKeyCreated{KeyId: w.Key, Jwk: jwk, Algorithm: "EdDSA", NotAfter: timestamppb.New(now.Add(90 * 24 * time.Hour))},
		&issuancev1.SigningKeyActivated{KeyId: w.Key})
	return w
}

// Publish makes a product with one published version.
func (w *World) Publish(product, version, base, provider string, operations []*registryv1.Operation) {
	w.Append("registry", "product", product, &registryv1.ProductDrafted{Slug: "s", Name: "Ledger", OrganizationId: provider})
	w.Append("registry", "version", version, &registryv1.VersionSubmitted{ProductId: product, Version: "1.4.0", BasePath: base, Operations: operations})
	w.Append("registry", "version", version, &registryv1.VersionPublished{ProductId: product, Version: "1.4.0"})
	w.Append("registry", "product", product, &registryv1.ProductPublished{VersionId: version, Version: "1.4.0"})
}

// Issue makes a credential of a kind with some scopes, and gives its id and secret.
func (w *World) Issue(kind string, scopes ...string) (id string, key string) {
	id, made := uuid.NewString(), secret.NewKey(secret.Test)
	sum := w.Fingerprints.Of(made.Reveal())
	w.Append("issuance", "credential", id, &issuancev1.CredentialIssued{
		Kind: kind, GrantId: w.Grant, RequestId: w.Request, ApplicationId: w.Application, OrganizationId: w.Organization, ProductId: w.Product,
		Scopes: scopes, Environment: "sandbox", Class: "partner", Generation: 1, Hint: made.Hint(), Fingerprint: sum[:], ExpiresAt: timestamppb.New(w.Now.Add(24 * time.Hour)),
	})
	return id, made.Reveal()
}

// Rotate starts a second generation and gives its secret.
func (w *World) Rotate(id string, overlap time.Duration) string {
	made := secret.NewKey(secret.Test)
	sum := w.Fingerprints.Of(made.Reveal())
	w.Append("issuance", "credential", id, &issuancev1.CredentialRotationStarted{Generation: 2, PreviousGeneration: 1, Fingerprint: sum[:],
		ExpiresAt: timestamppb.New(w.Now.Add(48 * time.Hour)), OverlapEndsAt: timestamppb.New(w.Now.Add(overlap))})
	return made.Reveal()
}

// Memory is a fold in memory and the way to append to it.
type Memory struct {
	Fold     *fold.Fold
	Lineage  *lineage.Fold
	t        testing.TB
	position uint64
}

// NewMemory is an empty one.
func NewMemory(t testing.TB) *Memory {
	live := lineage.NewFold()
	return &Memory{Fold: fold.New(live, slog.New(slog.DiscardHandler)), Lineage: live, t: t}
}

// Append is an Append.
func (m *Memory) Append(service, kind, id string, facts ...proto.Message) uint64 {
	return m.Seeing(m.position, service, kind, id, facts...)
}

// Seeing appends a decision that rested on an earlier position.
func (m *Memory) Seeing(seen uint64, service, kind, id string, facts ...proto.Message) uint64 {
	m.t.Helper()
	m.position++
	r := eventlog.Recorded{Sequence: m.position, Time: time.Now(), Subject: "events." + service + "." + kind + "." + id,
		Envelope: &eventv1.Envelope{EventId: uuid.NewString(), Subject: &eventv1.Subject{Kind: kind, Id: id}, Seen: seen}, Facts: facts}
	if err := m.Fold.Apply(context.Background(), []eventlog.Recorded{r}); err != nil {
		m.t.Fatal(err)
	}
	if err := m.Lineage.Apply(r.Sequence, r.Time, r.Envelope, []proto.Message(facts)); err != nil {
		m.t.Fatal(err)
	}
	return m.position
}
