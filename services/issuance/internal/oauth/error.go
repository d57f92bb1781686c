package oauth

import (
	"encoding/json"
	"net/http"
)

// refusal is an error response of RFC 6749 §5.2.
type refusal struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func (r *refusal) Error() string { return r.Code }

func refuse(status int, code, description string) *refusal {
	return &refusal{status: status, Code: code, Description: description}
}

func invalidClient() *refusal {
	return refuse(http.StatusUnauthorized, "invalid_client", "the client is not known or its authentication failed")
}

func (r *refusal) write(w http.ResponseWriter) {
	if r.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="chancery", charset="UTF-8"`)
	}
	answer(w, r.status, r)
}

// answer is never stored by anyone on the way, RFC 6749 §5.1.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
