package api

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/why"
)

type decisionQuery struct {
	ID string `path:"id" maxLength:"1024"`
}

type operationAnswer struct {
	ID        string   `json:"id"`
	Method    string   `json:"method"`
	Path      string   `json:"path"`
	ProductID string   `json:"product_id"`
	VersionID string   `json:"version_id"`
	Version   string   `json:"version"`
	Scopes    []string `json:"scopes" doc:"What a caller needs, all of them"`
}

type tokenAnswer struct {
	ID        string    `json:"id"`
	Seen      uint64    `json:"seen" doc:"Position of EVENTS it was issued on"`
	ExpiresAt time.Time `json:"expires_at"`
	ConsentID string    `json:"consent_id,omitempty"`
	Exchanged []string  `json:"exchanged_from,omitempty" doc:"Ids of the tokens it was exchanged from, nearest first"`
}

type derivedAnswer struct {
	Agrees bool   `json:"agrees" doc:"The log, as it was at the position, says the same"`
	Reason string `json:"reason,omitempty" doc:"What the log says against the call; empty if nothing"`
	Bundle bool   `json:"bundle" doc:"The contracts in force were those that the decision names"`
	// Position is where it was reached again.
	Position uint64 `json:"position"`
}

// Explanation is a decision and what it rested on.
type Explanation struct {
	Authorizer  string           `json:"authorizer"`
	Position    uint64           `json:"position" doc:"Of EVENTS, on which the verdict rested"`
	Time        time.Time        `json:"time"`
	Environment string           `json:"environment"`
	Verdict     string           `json:"verdict" enum:"allow,deny"`
	Reason      string           `json:"reason,omitempty" doc:"As it is recorded"`
	Text        string           `json:"text" doc:"The reason in a sentence"`
	Bundle      string           `json:"bundle" doc:"First eight bytes of the digest of the contracts in force, hexadecimal"`
	LeaseAge    float64          `json:"lease_age_seconds" doc:"How long before, it was certain that no newer fact was missing"`
	Credential  string           `json:"credential_id,omitempty"`
	Generation  uint32           `json:"generation,omitempty"`
	Token       *tokenAnswer     `json:"token,omitempty"`
	Operation   *operationAnswer `json:"operation,omitempty"`
	Missing     string           `json:"missing_scope,omitempty"`
	Derived     derivedAnswer    `json:"derived"`
	Chain       *why.Chain       `json:"chain,omitempty"`
}

func (a *api) explain(ctx context.Context, in decisionQuery) (endpoint.Answer[Explanation], error) {
	var none endpoint.Answer[Explanation]
	d, err := a.Seal.Read(in.ID)
	if err != nil {
		return none, err
	}
	derived, chain, err := why.Explain(ctx, a.Replay, a.Read, &d)
	if err != nil {
		return none, err
	}
	e := Explanation{
		Authorizer: d.Authorizer, Position: d.Position, Time: d.At, Environment: d.Environment, Verdict: "allow", Reason: string(d.Reason), Text: why.Text(d.Reason),
		Bundle: hex.EncodeToString(d.Bundle[:]), LeaseAge: d.Held.Seconds(), Credential: d.Credential, Generation: d.Generation, Missing: derived.Verdict.Scope,
		Derived: derivedAnswer{derived.Agrees, string(derived.Reason), derived.Bundle, derived.Position}, Chain: chain,
		Operation: operationOf(derived.Verdict.Operation), Token: tokenOf(d.Token),
	}
	if d.Reason != "" {
		e.Verdict = "deny"
	}
	return endpoint.OK(e), nil
}

func operationOf(o *contract.Operation) *operationAnswer {
	if o == nil {
		return nil
	}
	return &operationAnswer{o.ID, o.Method, o.Template, o.ProductID, o.VersionID, o.Version, o.Scopes}
}

func tokenOf(t *decision.Token) *tokenAnswer {
	if t == nil {
		return nil
	}
	out := &tokenAnswer{ID: t.ID, Seen: t.Seen, ExpiresAt: t.Expires, ConsentID: t.Consent}
	for _, l := range t.Chain {
		out.Exchanged = append(out.Exchanged, l.ID)
	}
	return out
}
