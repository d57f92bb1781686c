package oauth

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

const (
	authorizationCode = "authorization_code"
	refreshToken      = "refresh_token"
	deviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// OwnClient is the suite's own command line: a client by name, without a secret, whose tokens act at the suite's APIs.
const OwnClient = "chancery-cli"

// ownClient may go to any port of the loopback address, and its tokens are bound to its key.
var ownClient = credential.State{
	Issued: true, Kind: credential.PublicClient, Name: "Chancery command line", Class: "own", BoundTokens: true,
	GrantTypes: []string{authorizationCode, refreshToken, deviceCode}, RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"},
}

func (c client) own() bool    { return c.id == OwnClient }
func (c client) public() bool { return c.state.Kind == credential.PublicClient }

// asker finds a live client by its name alone, for what needs no proof of who it is; its generation is the newest live one.
func (s *Server) asker(ctx context.Context, id string) (client, error) {
	if id == OwnClient {
		return client{id: id, state: ownClient, seen: s.Fold.Position()}, nil
	}
	if uuid.Validate(id) != nil || id != strings.ToLower(id) {
		return client{}, invalidClient()
	}
	c := client{id: id}
	state, tail, err := s.Credentials.LoadLeader(ctx, id)
	if err != nil {
		return c, err
	}
	if err := s.reach(ctx, tail); err != nil {
		return c, err
	}
	c.state, c.seen = state, s.Fold.Position()
	for _, g := range state.Live() {
		if err = s.Fold.Live(lineage.Part("generation", id, g.Number), s.Now()); err == nil {
			c.generation = g.Number
		}
	}
	if c.generation == 0 {
		return c, invalidClient()
	}
	return c, nil
}

// reach waits until the fold has come to a position.
func (s *Server) reach(ctx context.Context, position uint64) error {
	if s.Fold.Position() >= position {
		return nil
	}
	return s.Fold.WaitFor(ctx, position)
}

// openly lets a public client in that authenticated by nothing.
func (s *Server) openly(ctx context.Context, q *tokenRequest) error {
	if q.client.known() {
		return nil
	}
	c, err := s.asker(ctx, q.client.id)
	if err != nil {
		return err
	}
	if q.client = c; !c.public() {
		return invalidClient()
	}
	return nil
}

// callers of the pushing and the device endpoint authenticate, unless they are public.
func (s *Server) calling(w http.ResponseWriter, r *http.Request, repeatable ...string) (*tokenRequest, error) {
	q := &tokenRequest{http: r}
	var err error
	if q.form, err = form(w, r, repeatable...); err != nil {
		return q, err
	}
	if s.authenticates(r, q.form) {
		q.client, err = s.authenticate(r.Context(), r, q.form)
	} else {
		q.client = client{id: q.form.Get("client_id")}
		err = s.openly(r.Context(), q)
	}
	return q, err
}
