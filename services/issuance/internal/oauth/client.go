package oauth

import (
	"context"
	"net/http"
	"net/url"

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

// presented is how a request says which client it is from and proves it.
type presented struct {
	id     string
	method string // the client authentication method of RFC 7591 §2, empty for none
	secret string
}

// authenticates says whether a request carries any proof of who its client is.
func authenticates(r *http.Request, f url.Values) bool {
	p, err := presentation(r, f)
	return err != nil || p.method != ""
}

// authenticate finds the client of a request and that it is live. Whatever is wrong with it looks alike outside.
func (s *Server) authenticate(ctx context.Context, r *http.Request, f url.Values) (client, error) {
	p, err := presentation(r, f)
	if err != nil {
		return client{id: p.id}, err
	}
	if uuid.Validate(p.id) != nil || p.method == "" {
		return client{}, invalidClient()
	}
	c := client{id: p.id}
	state, tail, err := s.Credentials.LoadLeader(ctx, p.id)
	if err != nil {
		return c, err
	}
	c.state = state
	generation, err := s.proven(p, state)
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

// proven is the generation whose secret was shown.
func (s *Server) proven(p presented, state credential.State) (uint32, error) {
	key, err := secret.Parse(p.secret)
	if err != nil {
		return 0, invalidClient()
	}
	var generation uint32
	for _, g := range state.Generations {
		// Every generation is compared, so that time tells nothing of which one matched.
		if s.Fingerprints.Match(key.Reveal(), g.Fingerprint) {
			generation = g.Number
		}
	}
	if generation == 0 || state.Kind != "client_secret" {
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

// presentation reads how a client presents itself: in one way, by one Authorization header at most (RFC 6749 §2.3).
func presentation(r *http.Request, f url.Values) (presented, error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return presented{}, invalidRequest("one Authorization header at most")
	}
	p := presented{id: f.Get("client_id")}
	basicID, basicSecret, basic := r.BasicAuth()
	switch {
	case r.Header.Get("Authorization") != "" && !basic:
		return p, invalidClient()
	case basic && f.Has("client_secret"):
		return p, invalidRequest("authenticate in one way only")
	case basic:
		// RFC 6749 §2.3.1: both are form-encoded before they are joined.
		id, err1 := url.QueryUnescape(basicID)
		value, err2 := url.QueryUnescape(basicSecret)
		switch {
		case err1 != nil || err2 != nil:
			return presented{}, invalidClient()
		case p.id != "" && p.id != id:
			return p, invalidRequest("client_id differs from the authenticated client")
		}
		return presented{id, "client_secret_basic", value}, nil
	case f.Has("client_secret"):
		p.method, p.secret = "client_secret_post", f.Get("client_secret")
	}
	return p, nil
}
