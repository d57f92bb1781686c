// Package version is one contract of a product: its operations and the scopes that open them.
//
// Rules:
//  1. A version of a product is submitted once; its id is made of the product and the version, and its content never
//     changes afterwards.
//  2. It has at least one operation, each method and path once, and every scope an operation needs is declared (B5).
//  3. Scopes are exact names: no wildcard, no blank, none declared twice (B7).
//  4. It is published only when every gate has been evaluated and passed last (B10, B15).
//  5. A published version is deprecated with notice, and retired no sooner than announced (B24).
//  6. Retiring is final.
//  7. Each operation may be open to a part of the organisations: a percentage, or some by name (B31).
package version

import (
	"errors"
	"maps"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Notice is how long before its sunset a version is deprecated at the latest.
const Notice = 30 * 24 * time.Hour

// OperationsScoped is the gate that every version passes or fails when it is submitted: each operation needs a scope.
const OperationsScoped = "operations_scoped"

// State is one version; its zero value is one that nobody submitted.
type State struct {
	Submitted                      bool
	Organization                   string
	ProductID, Version             string
	Digest                         string
	Gates                          map[string]bool
	Published, Deprecated, Retired bool
	SunsetAt                       time.Time
	// Operations are those of the contract, by id.
	Operations map[string]bool
	// Rollouts are the operations that are open to a part of the organisations.
	Rollouts map[string]Rollout
}

// Rollout says to whom an operation is open.
type Rollout struct {
	Percent         uint32
	OrganizationIDs []string
}

// Refusals.
var (
	ErrUnknown          = errors.New("no such version")
	ErrAlreadySubmitted = errors.New("this version of the product was submitted already; submit the change as another version")
	ErrProduct          = errors.New("a version belongs to a product that was drafted and not retired")
	ErrVersion          = errors.New("a version is 1 to 64 letters, digits, dots, pluses and hyphens, beginning with a letter or digit")
	ErrDigest           = errors.New("a version names its document by SHA-256")
	ErrNoOperations     = errors.New("a contract needs at least one operation")
	ErrOperation        = errors.New("every operation has a method and a path of its own")
	ErrScope            = errors.New("a scope is an exact name of visible characters without * \" \\, declared once")
	ErrUndeclaredScope  = errors.New("an operation needs a scope that the contract does not declare")
	ErrRisk             = errors.New("the risk of a scope is low, medium or high")
	ErrGate             = errors.New("a gate failed or was not evaluated")
	ErrGateName         = errors.New("a gate has a name")
	ErrPublished        = errors.New("the version is published already")
	ErrNotPublished     = errors.New("only a published version can be deprecated")
	ErrDeprecated       = errors.New("the version is deprecated already")
	ErrNotice           = errors.New("announce the end of a version at least 30 days ahead")
	ErrMigration        = errors.New("say how consumers move on, in at most 5,000 characters")
	ErrNotDue           = errors.New("a published version is retired no sooner than its announced end")
	ErrNoSuchOperation  = errors.New("the contract has no such operation")
	ErrRollout          = errors.New("an operation is open to 0 to 100 percent of organisations and at most 1,000 by name, each once")
	ErrRetired          = errors.New("the version was retired, and that is final")
)

// OrganizationID is the organisation that provides the product.
func (s State) OrganizationID() string { return s.Organization }

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *registryv1.VersionSubmitted:
		s.Submitted = true
		s.ProductID, s.Version, s.Digest, s.Organization = e.ProductId, e.Version, e.ContractDigest, e.OrganizationId
		s.Operations = make(map[string]bool, len(e.Operations))
		for _, o := range e.Operations {
			s.Operations[o.Id] = true
		}
	case *registryv1.VersionGateEvaluated:
		gates := make(map[string]bool, len(s.Gates)+1)
		maps.Copy(gates, s.Gates)
		gates[e.Gate] = e.Passed
		s.Gates = gates
	case *registryv1.VersionPublished:
		s.Published = true
	case *registryv1.VersionDeprecated:
		s.Deprecated, s.SunsetAt = true, e.SunsetAt.AsTime()
	case *registryv1.VersionRolloutSet:
		rollouts := make(map[string]Rollout, len(s.Rollouts)+1)
		maps.Copy(rollouts, s.Rollouts)
		rollouts[e.OperationId] = Rollout{e.Percent, e.OrganizationIds}
		s.Rollouts = rollouts
	case *registryv1.VersionRetired:
		s.Retired = true
	}
	return s
}

// alive refuses what can only happen to a submitted version that was not retired.
func (s State) alive() error {
	switch {
	case !s.Submitted:
		return ErrUnknown
	case s.Retired:
		return ErrRetired
	}
	return nil
}
