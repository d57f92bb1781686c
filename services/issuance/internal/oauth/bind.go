package oauth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/libs/dpop"
)

// bind finds the key a token is to be bound to: that of a proof (RFC 9449 §5), or of the certificate where the client's
// tokens are bound (RFC 8705 §3). A client whose tokens are bound shows one of the two.
func (s *Server) bind(q *tokenRequest) error {
	if proofs := q.http.Header.Values("DPoP"); len(proofs) > 0 {
		return s.proof(q, proofs)
	}
	if !q.client.state.BoundTokens {
		return nil
	}
	if c := s.certificate(q.http); c != nil {
		q.binding = &accesstoken.Confirmation{X5T: thumbprint(c)}
		return nil
	}
	return errUnbound
}

func (s *Server) proof(q *tokenRequest, proofs []string) error {
	jkt, err := s.Proofs.Verify(proofs, q.http.Method, s.target(q.http), "")
	switch {
	case err == nil:
		q.binding = &accesstoken.Confirmation{JKT: jkt}
		return nil
	case errors.Is(err, dpop.ErrNonce):
		return refuse(http.StatusBadRequest, "use_dpop_nonce", "the proof needs the nonce of the header DPoP-Nonce")
	case errors.Is(err, dpop.ErrReplayed):
		s.replayed(q.http.Context(), q.client, "dpop_proof")
		return invalidProof("the proof was used before").because("replayed")
	}
	return invalidProof(strings.TrimPrefix(err.Error(), "dpop: "))
}

var errUnbound = invalidProof("the client's tokens are bound: a proof of possession is needed")

func invalidProof(description string) *refusal {
	return refuse(http.StatusBadRequest, "invalid_dpop_proof", description)
}

// possesses says whether the request proves possession of the key a token is bound to; a bearer token needs none.
func (s *Server) possesses(q *tokenRequest, bound *accesstoken.Confirmation) bool {
	switch {
	case bound == nil:
		return true
	case bound.JKT != "" && (q.binding == nil || q.binding.JKT != bound.JKT):
		return false
	case bound.X5T != "":
		c := s.certificate(q.http)
		return c != nil && thumbprint(c) == bound.X5T
	}
	return bound.JKT != ""
}
