package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

// Machine is a live credential that proved itself, with what it asks for.
type Machine struct {
	ID         string
	Generation uint32
	State      credential.State
	// Seen is the position of the fold on which it was found live.
	Seen uint64
	Form url.Values
}

// ByItself serves requests of credentials about themselves: an API key comes as bearer token with its id as client_id, every
// other kind as at the token endpoint. What is refused by one of refusals is answered with its code.
func (s *Server) ByItself(refusals problem.Map, act func(context.Context, Machine) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, err := form(w, r)
		if err != nil {
			s.fail(w, r, client{}, err)
			return
		}
		c, err := s.itself(r.Context(), r, f)
		if err != nil {
			s.fail(w, r, c, err)
			return
		}
		body, err := act(as(r.Context(), c), Machine{c.id, c.generation, c.state, c.seen, f})
		var known *problem.Error
		switch {
		case err == nil:
			answer(w, http.StatusCreated, body)
		case errors.As(refusals.Refuse(err), &known) && known.Code() != problem.Internal.Code() && known.Code() != problem.Unavailable.Code():
			refuse(http.StatusBadRequest, known.Code(), known.Sentence()).write(w)
		default:
			s.fail(w, r, c, err)
		}
	}
}

func (s *Server) itself(ctx context.Context, r *http.Request, f url.Values) (client, error) {
	key, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		return s.authenticate(ctx, r, f)
	}
	c := client{id: f.Get("client_id")}
	if uuid.Validate(c.id) != nil || len(r.Header.Values("Authorization")) > 1 {
		return client{}, invalidClient()
	}
	state, tail, err := s.Credentials.LoadLeader(ctx, c.id)
	if err != nil {
		return c, err
	}
	generation, err := s.shown(presented{id: c.id, secret: key}, state)
	if err != nil || state.Kind != credential.APIKey {
		return c, invalidClient()
	}
	c.state = state
	if err := s.Fold.WaitFor(ctx, tail); err != nil {
		return c, err
	}
	c.seen = s.Fold.Position()
	if err := s.Fold.Live(lineage.Part("generation", c.id, generation), s.Now()); err != nil {
		return c, invalidClient().because(why(err, state))
	}
	c.generation = generation
	return c, nil
}
