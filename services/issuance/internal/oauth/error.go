package oauth

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// refusal is an error response of RFC 6749 §5.2.
type refusal struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	// reason is what is recorded where that is more than the code says outside.
	reason string
}

func (r *refusal) Error() string { return r.Code }

func refuse(status int, code, description string) *refusal {
	return &refusal{status: status, Code: code, Description: description}
}

// invalidRequest, invalidGrant and the like are refusals with the status 400.
func invalidRequest(description string) *refusal {
	return refuse(http.StatusBadRequest, "invalid_request", description)
}

func invalidGrant(description string) *refusal {
	return refuse(http.StatusBadRequest, "invalid_grant", description)
}

func invalidTarget(description string) *refusal {
	return refuse(http.StatusBadRequest, "invalid_target", description)
}

func unauthorizedClient(description string) *refusal {
	return refuse(http.StatusBadRequest, "unauthorized_client", description)
}

// invalidClient is the one answer to every client that is not known, not live or not who it says it is.
func invalidClient() *refusal {
	return refuse(http.StatusUnauthorized, "invalid_client", "the client is not known or its authentication failed")
}

// because says what is recorded.
func (r *refusal) because(reason string) *refusal {
	r.reason = reason
	return r
}

func (r *refusal) recorded() string {
	if r.reason != "" {
		return r.reason
	}
	return r.Code
}

func (r *refusal) write(w http.ResponseWriter) {
	if r.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="chancery", charset="UTF-8"`)
	}
	answer(w, r.status, r)
}

// steps are errors in name only: they tell a client that does everything right what to do next, and are not recorded.
var steps = []string{"use_dpop_nonce", "authorization_pending", "slow_down"}

// fail answers and records why a request was not served; what is no refusal is this server's trouble.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, c client, err error) {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		if !slices.Contains(steps, refused.Code) {
			s.rejected(r.Context(), c, refused.recorded())
		}
		if refused.Code == "use_dpop_nonce" {
			w.Header().Set("DPoP-Nonce", s.Proofs.Nonce())
		}
		refused.write(w)
		return
	case errors.Is(err, eventlog.ErrOutcomeUnknown):
		s.Logger.WarnContext(r.Context(), "outcome unknown", "error", err)
	default:
		s.Logger.ErrorContext(r.Context(), "authorization server", "error", err)
	}
	w.Header().Set("Retry-After", "1")
	refuse(http.StatusServiceUnavailable, "temporarily_unavailable", "try again shortly").write(w)
}

// answer is never stored by anyone on the way, RFC 6749 §5.1.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
