package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
)

const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"

// oauth asks an endpoint through the portal.
func (s *story) oauth(path string, form url.Values, headers ...string) (int, map[string]any, http.Header) {
	s.Helper()
	r := must[*http.Request](s)(http.NewRequestWithContext(s.ctx, "POST", s.Suite.Portal+path, strings.NewReader(form.Encode())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	response := must[*http.Response](s)(http.DefaultClient.Do(r))
	defer response.Body.Close()
	var body map[string]any
	s.good(json.NewDecoder(response.Body).Decode(&body))
	return response.StatusCode, body, response.Header
}

func TestAnExchangedTokenPassesUntilItsSubjectEnds(t *testing.T) { // D6, D7, D8, X6
	s := tell(t)
	_, grant := s.granted("Exchange")
	grants := map[string]any{"grant_types": []string{"client_credentials", exchangeGrant}}
	front, frontSecret := s.client(grant, "client_secret", grants)
	worker, workerSecret := s.client(grant, "client_secret", grants)
	keyed, key := s.keyed(grant)
	ask := func(client, secret string, form url.Values, headers ...string) (int, map[string]any, http.Header) {
		form.Set("client_id", client)
		form.Set("client_secret", secret)
		return s.oauth("/oauth2/token", form, headers...)
	}
	exchange := func(token string) url.Values {
		return url.Values{"grant_type": {exchangeGrant}, "subject_token": {token}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}, "scope": {"accounts:read"}}
	}
	_, body, _ := ask(front, frontSecret, url.Values{"grant_type": {"client_credentials"}})
	subject, _ := body["access_token"].(string)
	status, body, _ := ask(worker, workerSecret, exchange(subject))
	made, _ := body["access_token"].(string)
	if status != 200 || s.verdict(made, accounts) != 204 {
		t.Fatalf("exchanged: %d %v", status, body)
	}

	// A client by its key, with a token bound to another: a proof through the portal is for the portal's address.
	signed := func(typ string, claims map[string]any) string {
		t.Helper()
		signer := must[jose.Signer](s)(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.Key}, (&jose.SignerOptions{EmbedJWK: true}).WithType(jose.ContentType(typ))))
		return must[string](s)(jwt.Signed(signer).Claims(claims).Serialize())
	}
	assertion := func() url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"client_assertion": {signed("JWT", map[string]any{"iss": keyed, "sub": keyed, "aud": s.Suite.Portal, "jti": uuid.NewString(), "exp": time.Now().Add(time.Minute).Unix()})}}
	}
	proof := func(nonce string) string {
		return signed("dpop+jwt", map[string]any{"jti": uuid.NewString(), "htm": "POST", "htu": s.Suite.Portal + "/oauth2/token", "iat": time.Now().Unix(), "nonce": nonce})
	}
	status, body, header := s.oauth("/oauth2/token", assertion(), "DPoP", proof(""))
	if status != 400 || body["error"] != "use_dpop_nonce" {
		t.Fatalf("without a nonce: %d %v", status, body)
	}
	status, body, _ = s.oauth("/oauth2/token", assertion(), "DPoP", proof(header.Get("DPoP-Nonce")))
	bound, _ := body["access_token"].(string)
	if status != 200 || body["token_type"] != "DPoP" {
		t.Fatalf("bound: %d %v", status, body)
	}
	if got := s.verdict(bound, accounts); got != 401 {
		t.Fatalf("a bound token as a bearer: %d", got)
	}
	if status, body, _ = ask(worker, workerSecret, exchange(bound)); status != 400 || body["error"] != "invalid_dpop_proof" {
		t.Fatalf("a bound subject without its key: %d %v", status, body)
	}

	if status, _, _ = s.oauth("/oauth2/revoke", url.Values{"client_id": {front}, "client_secret": {frontSecret}, "token": {subject}}); status != 200 {
		t.Fatalf("revoked: %d", status)
	}
	took := s.eventually("the exchanged token is refused", func() bool { return s.verdict(made, accounts) == 401 })
	t.Logf("refused %s after its subject was revoked", took)
}
