package oauth

import (
	"errors"
	"net/http"

	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

type pushedResponse struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"`
}

// Push is RFC 9126: a client that authenticates sends its request ahead, so that nothing of it passes through the browser.
func (s *Server) Push(w http.ResponseWriter, r *http.Request) {
	q, err := s.calling(w, r, "resource")
	handle := ""
	if err == nil {
		handle, err = s.push(q)
	}
	if err != nil {
		s.fail(w, r, q.client, err)
		return
	}
	answer(w, http.StatusCreated, pushedResponse{requestURN + handle, int64(underway.PushedFor.Seconds())})
}

func (s *Server) push(q *tokenRequest) (string, error) {
	if q.form.Has("request_uri") {
		return "", invalidRequest("request_uri cannot be pushed")
	}
	in, err := s.addressed(q.client, q.form)
	if err != nil {
		return "", err
	}
	if err := s.requested(q.client, q.form, &in); err != nil {
		return "", err
	}
	if err := s.bind(q); err != nil && !errors.Is(err, errUnbound) { // RFC 9449 §10.1
		return "", err
	}
	if q.binding != nil && q.binding.JKT != "" {
		if in.KeyThumbprint != "" && in.KeyThumbprint != q.binding.JKT {
			return "", refuse(http.StatusBadRequest, "invalid_dpop_proof", "dpop_jkt names another key")
		}
		in.KeyThumbprint = q.binding.JKT
	}
	return s.Underway.Push(q.http.Context(), in, s.Now())
}
