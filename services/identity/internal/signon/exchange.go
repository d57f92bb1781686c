package signon

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// MultiFactor is the class of authentication asked for when one factor is not enough (OpenID PAPE 1.0).
const MultiFactor = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"

const skew = 30 * time.Second

// Why a person did not arrive.
var (
	ErrProvider  = errors.New("the identity provider cannot be reached or describes itself wrongly")
	ErrAnswer    = errors.New("the identity provider refused")
	ErrIssuer    = errors.New("the answer came from another issuer")
	ErrToken     = errors.New("the identity provider's token is not valid")
	ErrClaims    = errors.New("the identity provider's token does not say enough")
	ErrAssurance = errors.New("the identity provider did not confirm a second factor just now")
)

// Refusal is the provider's own error answer (RFC 6749 §4.1.2.1).
type Refusal struct{ Code, Description string }

func (r Refusal) Error() string        { return fmt.Sprintf("%v: %s", ErrAnswer, r.Code) }
func (r Refusal) Is(target error) bool { return target == ErrAnswer }

// Attempt is one sign-in under way: what must come back unchanged.
type Attempt struct {
	State, Nonce, Verifier string
	StepUp                 bool // a second factor, just now
	Started                time.Time
}

// Claims are what a verified ID token says.
type Claims struct {
	Issuer, Subject string
	Name, Email     string
	Groups          []string
	ACR             string
	AMR             []string
	AuthTime        time.Time
}

// NewAttempt makes unguessable values for one sign-in.
func NewAttempt(stepUp bool, now time.Time) Attempt {
	return Attempt{State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), StepUp: stepUp, Started: now}
}

func random() string {
	var b [24]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Address is where the person is sent; hint, if any, is the address they gave.
func (p *Providers) Address(ctx context.Context, r Registration, a Attempt, hint string) (string, error) {
	d, err := p.describe(ctx, r.Issuer)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	if hint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", hint))
	}
	if a.StepUp {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"),
			oauth2.SetAuthURLParam("acr_values", MultiFactor))
	}
	return p.config(r, d).AuthCodeURL(a.State, options...), nil
}

// Redeem turns the parameters a person came back with into verified claims (OpenID Connect Core 1.0 §3.1.3.7).
func (p *Providers) Redeem(ctx context.Context, r Registration, a Attempt, answer url.Values) (Claims, error) {
	d, err := p.describe(ctx, r.Issuer)
	if err != nil {
		return Claims{}, err
	}
	// RFC 9207 §2.4: an answer that names an issuer names the one that was asked, errors included.
	if iss := answer.Get("iss"); iss != r.Issuer && (answer.Has("iss") || d.issParam) {
		return Claims{}, ErrIssuer
	}
	if code := answer.Get("error"); code != "" {
		return Claims{}, Refusal{Code: printable(code, 64), Description: printable(answer.Get("error_description"), 300)}
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.config(r, d).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Claims{}, fmt.Errorf("%w: no ID token", ErrToken)
	}
	verified, err := d.provider.Verifier(&oidc.Config{ClientID: r.ClientID, Now: p.clock}).Verify(ctx, raw)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return p.claims(verified, token.AccessToken, r, a)
}

type idClaims struct {
	Name          string          `json:"name"`
	Username      string          `json:"preferred_username"`
	Email         string          `json:"email"`
	EmailVerified *truth          `json:"email_verified"`
	Groups        json.RawMessage `json:"groups"`
	ACR           string          `json:"acr"`
	AMR           []string        `json:"amr"`
	AuthTime      int64           `json:"auth_time"`
	Authorized    string          `json:"azp"`
}

func (p *Providers) claims(t *oidc.IDToken, access string, r Registration, a Attempt) (Claims, error) {
	var c idClaims
	if err := t.Claims(&c); err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	now := p.clock()
	switch {
	case subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(a.Nonce)) != 1:
		return Claims{}, fmt.Errorf("%w: nonce", ErrToken)
	case len(t.Audience) > 1 && c.Authorized != r.ClientID, c.Authorized != "" && c.Authorized != r.ClientID:
		return Claims{}, fmt.Errorf("%w: authorized party", ErrToken)
	case t.IssuedAt.After(now.Add(skew)) || t.IssuedAt.Before(a.Started.Add(-skew)):
		return Claims{}, fmt.Errorf("%w: issued at %s", ErrToken, t.IssuedAt)
	case t.AccessTokenHash != "" && t.VerifyAccessToken(access) != nil:
		return Claims{}, fmt.Errorf("%w: at_hash", ErrToken)
	case c.EmailVerified != nil && !bool(*c.EmailVerified):
		return Claims{}, fmt.Errorf("%w: the address is not verified", ErrClaims)
	}
	out := Claims{Issuer: t.Issuer, Subject: t.Subject, Name: c.Name, Email: strings.ToLower(c.Email), Groups: groups(c.Groups), ACR: c.ACR,
		AMR: append([]string{}, c.AMR...)}
	if out.Name == "" {
		out.Name = c.Username
	}
	if out.ACR == MultiFactor && !out.MultiFactor() {
		out.AMR = append(out.AMR, "mfa") // RFC 8176 §2: said by class only
	}
	if c.AuthTime != 0 {
		out.AuthTime = time.Unix(c.AuthTime, 0).UTC()
	}
	if out.Subject == "" || out.Name == "" || !strings.Contains(out.Email, "@") || len(out.Name) > 200 || len(out.Email) > 254 {
		return Claims{}, fmt.Errorf("%w: name and address", ErrClaims)
	}
	if out.AuthTime.After(now.Add(skew)) {
		return Claims{}, fmt.Errorf("%w: authenticated in the future", ErrToken)
	}
	// A provider that ignores prompt and max_age answers with an old time: that is no second factor now.
	if a.StepUp && (!out.MultiFactor() || out.AuthTime.Before(a.Started.Add(-skew))) {
		return Claims{}, ErrAssurance
	}
	return out, nil
}

// MultiFactor tells whether more than one factor proved the person (RFC 8176 §2).
func (c Claims) MultiFactor() bool {
	return slices.ContainsFunc(c.AMR, func(m string) bool { return m == "mfa" || m == "otp" || m == "hwk" || m == "swk" })
}

// Domain is the mail domain of the address.
func (c Claims) Domain() string { return c.Email[strings.LastIndexByte(c.Email, '@')+1:] }

// truth reads booleans that some providers send as text.
type truth bool

func (t *truth) UnmarshalJSON(b []byte) error {
	*t = truth(strings.Trim(string(b), `"`) == "true")
	return nil
}

// groups reads the claim as a list or as one name, at most 500.
func groups(raw json.RawMessage) []string {
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return many[:min(len(many), 500)]
	}
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	return nil
}

// printable bounds text that somebody else chose.
func printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit])
	}
	return s
}
