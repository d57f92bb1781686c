package oauth

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

const maxForm = 64 << 10

// form reads the parameters of a request, refusing what RFC 6749 §3.2 refuses: another media type, parameters in the
// query, and a parameter said twice.
func form(w http.ResponseWriter, r *http.Request) (url.Values, *refusal) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return nil, refuse(http.StatusBadRequest, "invalid_request", "send application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return nil, refuse(http.StatusBadRequest, "invalid_request", "parameters belong into the body")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, refuse(http.StatusRequestEntityTooLarge, "invalid_request", "the body is too large")
		}
		return nil, refuse(http.StatusBadRequest, "invalid_request", "the body is not a form")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return nil, refuse(http.StatusBadRequest, "invalid_request", "a parameter is given twice: "+printable(name))
		}
	}
	return r.PostForm, nil
}

func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, name[:min(len(name), 64)])
}

// client is an authenticated client.
type client struct {
	id         string
	generation uint32
	state      credential.State
	// seen is the position of the fold on which it was found live.
	seen uint64
}

// authenticate finds the client by client_secret_basic or client_secret_post, never both (RFC 6749 §2.3).
func (s *Server) authenticate(ctx context.Context, r *http.Request, f url.Values) (client, *refusal, error) {
	id, presented, refused := presentedSecret(r, f)
	if refused != nil {
		return client{id: id}, refused, nil
	}
	unknown := client{id: id}
	key, err := secret.Parse(presented)
	if uuid.Validate(id) != nil {
		return client{}, invalidClient(), nil
	}
	if err != nil {
		return unknown, invalidClient(), nil
	}
	state, tail, err := s.Credentials.LoadLeader(ctx, id)
	if err != nil {
		return unknown, nil, err
	}
	var generation uint32
	for _, g := range state.Generations {
		// Every generation is compared, so that time tells nothing of which one matched.
		if s.Fingerprints.Match(key.Reveal(), g.Fingerprint) {
			generation = g.Number
		}
	}
	if generation == 0 || state.Kind != "client_secret" {
		return unknown, invalidClient(), nil
	}
	if s.Fold.Position() < tail {
		if err := s.Fold.WaitFor(ctx, tail); err != nil {
			return unknown, nil, err
		}
	}
	seen := s.Fold.Position()
	if err := s.Fold.Live(lineage.Part("generation", id, generation), s.Now()); err != nil {
		return unknown, invalidClient(), nil
	}
	return client{id: id, generation: generation, state: state, seen: seen}, nil, nil
}

func presentedSecret(r *http.Request, f url.Values) (id, value string, refused *refusal) {
	if len(r.Header.Values("Authorization")) > 1 {
		return "", "", refuse(http.StatusBadRequest, "invalid_request", "one Authorization header at most")
	}
	basicID, basicSecret, basic := r.BasicAuth()
	switch {
	case r.Header.Get("Authorization") != "" && !basic:
		return "", "", invalidClient()
	case basic && f.Has("client_secret"):
		return "", "", refuse(http.StatusBadRequest, "invalid_request", "authenticate in one way only")
	case basic:
		// RFC 6749 §2.3.1: both are form-encoded before they are joined.
		id, err1 := url.QueryUnescape(basicID)
		value, err2 := url.QueryUnescape(basicSecret)
		if err1 != nil || err2 != nil {
			return "", "", invalidClient()
		}
		if f.Has("client_id") && f.Get("client_id") != id {
			return "", "", refuse(http.StatusBadRequest, "invalid_request", "client_id differs from the authenticated client")
		}
		return id, value, nil
	case f.Get("client_id") == "" || f.Get("client_secret") == "":
		return f.Get("client_id"), "", invalidClient()
	}
	return f.Get("client_id"), f.Get("client_secret"), nil
}
