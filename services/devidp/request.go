package devidp

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// request is one sign-in under way: what the client asked and what the person has shown so far.
type request struct {
	id      string
	code    string // what the second-factor page wants
	created time.Time
	asked   oidc.AuthRequest

	subject string
	at      time.Time
	amr     []string
	done    bool
}

func (q request) GetID() string                         { return q.id }
func (q request) GetAMR() []string                      { return q.amr }
func (q request) GetAuthTime() time.Time                { return q.at }
func (q request) GetClientID() string                   { return q.asked.ClientID }
func (q request) GetNonce() string                      { return q.asked.Nonce }
func (q request) GetRedirectURI() string                { return q.asked.RedirectURI }
func (q request) GetResponseType() oidc.ResponseType    { return q.asked.ResponseType }
func (q request) GetResponseMode() oidc.ResponseMode    { return q.asked.ResponseMode }
func (q request) GetScopes() []string                   { return q.asked.Scopes }
func (q request) GetState() string                      { return q.asked.State }
func (q request) GetSubject() string                    { return q.subject }
func (q request) Done() bool                            { return q.done }
func (q request) GetCodeChallenge() *oidc.CodeChallenge { return q.challenge() }

// GetAudience is the client that asked.
func (q request) GetAudience() []string { return []string{q.asked.ClientID} }

func (q request) challenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: q.asked.CodeChallenge, Method: q.asked.CodeChallengeMethod}
}

// GetACR is the level that was reached, never the one that was asked for.
func (q request) GetACR() string {
	if slices.Contains(q.amr, "mfa") {
		return ACRMulti
	}
	return ACRSingle
}

// wantsFactor tells whether the client demanded more than the first factor.
func (q request) wantsFactor() bool { return slices.Contains(q.asked.ACRValues, ACRMulti) }

// fresh tells whether an earlier sign-in at this provider is recent enough for what the client asked.
func (q request) fresh(at time.Time) bool {
	if slices.Contains(q.asked.Prompt, oidc.PromptLogin) || slices.Contains(q.asked.Prompt, oidc.PromptSelectAccount) {
		return false
	}
	return q.asked.MaxAge == nil || time.Since(at) < time.Duration(*q.asked.MaxAge)*time.Second
}

func digits() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%06d", n)
}
