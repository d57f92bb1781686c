package killtree

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/services/issuance/endings"
)

// Member is one node below another.
type Member struct {
	endings.Node
	State   string         `json:"state" enum:"live,paused,expired,ended"`
	Parents []endings.Node `json:"parents"`
}

// Tree answers for the present from the fold that decisions rest on, for the past from the log.
type Tree struct {
	Fold *lineage.Fold
	Now  func() time.Time
	*Historian
}

// Descendants lists what descends from a node as it is, itself first, tokens in use last. Made adds what was made in a
// person's sessions.
func (t *Tree) Descendants(ctx context.Context, of lineage.Ref, made bool) ([]Member, error) {
	now := t.Now()
	tokens, err := t.inUse(ctx, now, t.Fold.Position()+1)
	if err != nil {
		return nil, err
	}
	all, below := []Member{}, map[lineage.Ref]bool{of: true}
	for _, m := range t.Fold.Below(now, made, of) {
		below[m.Ref] = true
		all = append(all, Member{node(m.Ref), m.Standing.String(), append([]endings.Node{}, nodes(m.Parents)...)})
	}
	for _, c := range tokens {
		if descends(c, below) {
			below[c.Ref] = true
			all = append(all, Member{node(c.Ref), t.Fold.Stands(c, now).String(), parents(c)})
		}
	}
	return all, nil
}

func descends(c lineage.Claim, below map[lineage.Ref]bool) bool {
	for _, a := range c.Ancestors {
		if below[a] {
			return true
		}
	}
	for _, f := range c.From {
		if below[f.Ref] || descends(f, below) {
			return true
		}
	}
	return false
}

// Organization is whose tree a node stands in; empty for what belongs to nobody but the platform.
func (t *Tree) Organization(of lineage.Ref) string {
	for _, o := range t.Fold.Above(of, "organization") {
		return o.ID
	}
	return ""
}

// OrganizationOf is whose record the ending at a position is, or ErrNoEnding.
func (t *Tree) OrganizationOf(ctx context.Context, position uint64) (string, error) {
	if position == 0 || position > t.Fold.Position() {
		return "", ErrNoEnding
	}
	r, err := t.Historian.Log.Get(ctx, position)
	if err != nil {
		return "", err
	}
	c, ok := CauseOf(r)
	if !ok {
		return "", ErrNoEnding
	}
	if own := t.Organization(lineage.Ref{Kind: c.Of.Kind, ID: c.Of.ID}); own != "" {
		return own, nil
	}
	return r.Envelope.GetOrganization(), nil
}

var _ Log = (*eventlog.Log)(nil)
