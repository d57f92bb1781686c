// Package pack says which reviews a request needs: a table of class, environment and risk of the scopes, nothing else.
package pack

import (
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Name and version of the pack, as every request submitted under it records.
const Name = "standard/1"

// Subject is what the table is asked about.
type Subject struct {
	// Class of the product: public, partner or sensitive.
	Class string
	// Environment of the application: sandbox or production.
	Environment string
	// Risk is the highest of the scopes asked for: low, medium or high.
	Risk string
}

// rule demands seats of the subjects it applies to.
type rule struct {
	name    string
	applies func(Subject) bool
	seats   []string
}

const (
	administrator = "organization_admin"
	product       = "product_reviewer"
	security      = "security_reviewer"
)

// A word the table does not know counts as the gravest.
var rules = []rule{
	{"partner products need a product reviewer", func(s Subject) bool { return s.Class != "public" }, []string{product}},
	{"scopes that change something need a product reviewer", func(s Subject) bool { return s.Risk != "low" }, []string{product}},
	{"production needs the organisation's administrator and a product reviewer", func(s Subject) bool { return s.Environment != "sandbox" }, []string{administrator, product}},
	{"sensitive products need a security reviewer", func(s Subject) bool { return s.Class != "public" && s.Class != "partner" }, []string{security}},
	{"high-risk scopes need a security reviewer", func(s Subject) bool { return s.Risk != "low" && s.Risk != "medium" }, []string{security}},
}

// Verdict is what the table answers.
type Verdict struct {
	Clauses []*approvalv1.Clause
	// Reasons are the rules that applied.
	Reasons []string
}

// Decide answers with one clause a seat, in the table's order of seats; none means that the policy decides alone.
func Decide(s Subject) Verdict {
	var v Verdict
	need := map[string]bool{}
	for _, r := range rules {
		if r.applies(s) {
			v.Reasons = append(v.Reasons, r.name)
			for _, seat := range r.seats {
				need[seat] = true
			}
		}
	}
	for _, seat := range []string{administrator, product, security} {
		if need[seat] {
			v.Clauses = append(v.Clauses, &approvalv1.Clause{Seat: seat, Quorum: 1})
		}
	}
	return v
}

// Highest is the gravest of some risks; none is low.
func Highest(risks []string) string {
	highest := "low"
	for _, r := range risks {
		switch {
		case r == "low":
		case r == "medium" && highest == "low":
			highest = "medium"
		case r != "medium":
			highest = "high"
		}
	}
	return highest
}
