package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

// client is whom a request is from: authenticated if it has a generation, else only named, and perhaps found.
type client struct {
	id         string
	generation uint32
	state      credential.State
	// seen is the position of the fold on which it was found live.
	seen uint64
}

// known says that the client was authenticated.
func (c client) known() bool { return c.generation != 0 }

// may says whether the client was registered for a grant type; one that was registered for none has client_credentials.
func (c client) may(grantType string) bool {
	if len(c.state.GrantTypes) == 0 {
		return grantType == "client_credentials"
	}
	return slices.Contains(c.state.GrantTypes, grantType)
}

// presented is how a request says which client it is from and proves it.
type presented struct {
	id     string
	method string // the client authentication method of RFC 7591 §2, empty for none
	secret string // or the assertion
}

// methods are those a client may authenticate by: one, which is that of its kind.
var methods = map[string][]string{
	"client_secret":      {"client_secret_basic", "client_secret_post"},
	"client_key":         {"private_key_jwt"},
	"client_certificate": {"tls_client_auth"},
}

// authenticates says whether a request carries any proof of who its client is.
func (s *Server) authenticates(r *http.Request, f url.Values) bool {
	p, err := presentation(r, f)
	return err != nil || p.method != "" || s.certificate(r) != nil
}

// authenticate finds the client of a request and that it is live. Whatever is wrong with it looks alike outside.
func (s *Server) authenticate(ctx context.Context, r *http.Request, f url.Values) (client, error) {
	p, err := presentation(r, f)
	if err != nil {
		return client{id: p.id}, err
	}
	if p.method == "" {
		p.method = "tls_client_auth"
	}
	if uuid.Validate(p.id) != nil {
		return client{}, invalidClient()
	}
	c := client{id: p.id}
	state, tail, err := s.Credentials.LoadLeader(ctx, p.id)
	if err != nil {
		return c, err
	}
	c.state = state
	generation, err := s.proven(ctx, r, p, state)
	if err != nil {
		return c, err
	}
	if s.Fold.Position() < tail {
		if err := s.Fold.WaitFor(ctx, tail); err != nil {
			return c, err
		}
	}
	c.seen = s.Fold.Position()
	if err := s.Fold.Live(lineage.Part("generation", p.id, generation), s.Now()); err != nil {
		return c, invalidClient().because(why(err, state))
	}
	c.generation = generation
	return c, nil
}

// proven is the generation whose secret or key was shown, by the one method of the client's kind.
func (s *Server) proven(ctx context.Context, r *http.Request, p presented, state credential.State) (uint32, error) {
	switch {
	case p.method == "client_secret_basic" || p.method == "client_secret_post":
		// Compared for every client and kind, so that time does not tell them apart.
		generation, err := s.shown(p, state)
		if state.Kind != "client_secret" {
			return 0, invalidClient()
		}
		return generation, err
	case !slices.Contains(methods[state.Kind], p.method):
		return 0, invalidClient()
	case p.method == "private_key_jwt":
		return s.asserted(ctx, r, p, state)
	}
	return s.certified(s.certificate(r), state)
}

// shown is the generation of a secret.
func (s *Server) shown(p presented, state credential.State) (uint32, error) {
	// A secret of this service has its form; one that was taken over has any, within bounds.
	if _, err := secret.Parse(p.secret); err != nil && (state.ImportedFrom == "" || len(p.secret) > 1024) {
		return 0, invalidClient()
	}
	var generation uint32
	for _, g := range state.Generations {
		// Every generation is compared, so that time tells nothing of which one matched.
		if s.Fingerprints.Match(p.secret, g.Fingerprint) {
			generation = g.Number
		}
	}
	if generation == 0 {
		return 0, invalidClient()
	}
	return generation, nil
}

// why names what a client's own secret died of, as it is recorded: the use of one that was retired is a sign of theft (D4).
func why(err error, state credential.State) string {
	d, ok := lineage.Why(err)
	switch {
	case !ok:
		return "unreadable"
	case d.Cause == lineage.Paused:
		return "suspended"
	case d.Cause == lineage.Expired || state.DeadReason == "expired":
		return "expired"
	case d.Cause != lineage.Ended:
		return d.Cause.String()
	case d.By.Kind == "generation":
		return "retired"
	case d.By.Kind == "credential":
		return "revoked"
	}
	return d.By.Kind + "_ended"
}

// presentation reads how a client presents itself: in one way, by one Authorization header at most (RFC 6749 §2.3). A
// certificate alone is no such way: a client may come with one for the sake of its tokens (RFC 8705 §3).
func presentation(r *http.Request, f url.Values) (presented, error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return presented{}, invalidRequest("one Authorization header at most")
	}
	p := presented{id: f.Get("client_id")}
	basicID, basicSecret, basic := r.BasicAuth()
	asserts := f.Has("client_assertion") || f.Has("client_assertion_type")
	switch {
	case r.Header.Get("Authorization") != "" && !basic:
		return p, invalidClient()
	case basic && (f.Has("client_secret") || asserts), f.Has("client_secret") && asserts:
		return p, invalidRequest("authenticate in one way only")
	case basic:
		// RFC 6749 §2.3.1: both are form-encoded before they are joined.
		id, err1 := url.QueryUnescape(basicID)
		value, err2 := url.QueryUnescape(basicSecret)
		if err1 != nil || err2 != nil {
			return presented{}, invalidClient()
		}
		return p.named(id, "client_secret_basic", value)
	case asserts && f.Get("client_assertion_type") != assertionType:
		return p, invalidRequest("client_assertion_type is " + assertionType)
	case asserts:
		return p.named(assertedID(f.Get("client_assertion")), "private_key_jwt", f.Get("client_assertion"))
	case f.Has("client_secret"):
		p.method, p.secret = "client_secret_post", f.Get("client_secret")
	}
	return p, nil
}

// named is a client that its proof names; client_id, if it is there, names the same.
func (p presented) named(id, method, secret string) (presented, error) {
	if p.id != "" && p.id != id {
		return p, invalidRequest("client_id differs from the authenticated client")
	}
	return presented{id, method, secret}, nil
}
