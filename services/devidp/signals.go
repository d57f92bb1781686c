package devidp

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Signal is a security event that this provider tells somebody of: which event of which person, to which loopback address.
type Signal struct {
	Email    string `json:"email"`
	Event    string `json:"event"` // a type of CAEP or RISC
	Audience string `json:"audience"`
	ID       string `json:"jti,omitempty"` // a fresh one if empty
	To       string `json:"to"`
	// ByEmail names the person by address in place of issuer and subject.
	ByEmail bool `json:"by_email,omitempty"`
}

// Signalled is what the receiver answered.
type Signalled struct {
	ID     string `json:"jti"`
	Status int    `json:"status"`
	Answer string `json:"answer"`
	Token  string `json:"token"`
}

// securityEvent is the security event token of a signal, RFC 8417.
func (i *issuer) securityEvent(s *Signal) (string, error) {
	if s.ID == "" {
		s.ID = token()
	}
	of := map[string]string{"format": "iss_sub", "iss": i.url, "sub": Subject(i.storage.organization.Slug, s.Email)}
	if s.ByEmail {
		of = map[string]string{"format": "email", "email": s.Email}
	}
	payload, err := json.Marshal(map[string]any{
		"iss": i.url, "aud": s.Audience, "jti": s.ID, "iat": time.Now().Unix(), "sub_id": of,
		"events": map[string]any{s.Event: map[string]any{"event_timestamp": time.Now().Unix()}},
	})
	if err != nil {
		return "", err
	}
	key := i.storage.key
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.private, KeyID: key.id}}, (&jose.SignerOptions{}).WithType("secevent+jwt"))
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// signal pushes a security event token (RFC 8935) to an address of this machine.
func (i *issuer) signal(w http.ResponseWriter, r *http.Request) {
	var s Signal
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		http.Error(w, "the body is no signal", http.StatusBadRequest)
		return
	}
	if to, err := url.Parse(s.To); err != nil || to.Hostname() != "127.0.0.1" {
		http.Error(w, "signals go to 127.0.0.1 only", http.StatusBadRequest)
		return
	}
	signed, err := i.securityEvent(&s)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	response, err := (&http.Client{Timeout: 20 * time.Second}).Post(s.To, "application/secevent+jwt", strings.NewReader(signed))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 8<<10))
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(Signalled{s.ID, response.StatusCode, string(text), signed})
}
