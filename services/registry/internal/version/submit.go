package version

import (
	"regexp"
	"strings"

	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var (
	number = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$`)
	digest = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Product is whose version it shall be, as the registry knows it when it decides.
type Product struct {
	ID, OrganizationID string
	// Open is false for one that is unknown or retired.
	Open bool
}

// Submit hands a contract in as a version of a product.
type Submit struct {
	Product        Product
	Version, Title string
	Digest         string
	Operations     []*registryv1.Operation
	Scopes         []*registryv1.Scope
	BasePath       string
}

// Decide follows rules 1 to 4.
func (c Submit) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case s.Submitted:
		return nil, ErrAlreadySubmitted
	case c.Product.ID == "" || c.Product.OrganizationID == "" || !c.Product.Open:
		return nil, ErrProduct
	case !number.MatchString(c.Version):
		return nil, ErrVersion
	case !digest.MatchString(c.Digest):
		return nil, ErrDigest
	case len(c.Operations) == 0:
		return nil, ErrNoOperations
	}
	declared := map[string]bool{}
	for _, scope := range c.Scopes {
		if declared[scope.Name] || !Exact(scope.Name) {
			return nil, ErrScope
		}
		if scope.Risk != "low" && scope.Risk != "medium" && scope.Risk != "high" {
			return nil, ErrRisk
		}
		declared[scope.Name] = true
	}
	gate := &registryv1.VersionGateEvaluated{Gate: OperationsScoped, Passed: true}
	known := map[string]bool{}
	for _, o := range c.Operations {
		key := o.Method + " " + o.Path
		if o.Method == "" || !strings.HasPrefix(o.Path, "/") || known[key] {
			return nil, ErrOperation
		}
		known[key] = true
		for _, scope := range o.Scopes {
			if !declared[scope] {
				return nil, ErrUndeclaredScope
			}
		}
		if len(o.Scopes) == 0 && gate.Passed {
			gate.Passed, gate.Finding = false, key+" needs no scope"
		}
	}
	return []aggregate.Event{&registryv1.VersionSubmitted{
		ProductId: c.Product.ID, OrganizationId: c.Product.OrganizationID, Version: c.Version, Title: c.Title,
		ContractDigest: c.Digest, Operations: c.Operations, Scopes: c.Scopes, BasePath: c.BasePath,
	}, gate}, nil
}

// Exact tells whether name is one scope and nothing more: a scope-token of RFC 6749 §3.3 without a wildcard, at most
// 100 characters long.
func Exact(name string) bool {
	if name == "" || len(name) > 100 {
		return false
	}
	for _, r := range name {
		if r <= ' ' || r > '~' || strings.ContainsRune(`*"\`, r) {
			return false
		}
	}
	return true
}
