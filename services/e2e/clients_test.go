package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	"github.com/chancery-dev/chancery/services/devidp"
)

// browser is a person's, who allows whatever they are asked for.
type browser struct {
	portal string
	http   *http.Client
}

var errElsewhere = errors.New("the browser was sent elsewhere")

func (s *story) browser(email string) *browser {
	s.Helper()
	jar := must[*cookiejar.Jar](s)(cookiejar.New(nil))
	b := &browser{s.Suite.Portal, &http.Client{Jar: jar, Timeout: patience}}
	response := must[*http.Response](s)(devidp.Walk(b.http, b.portal+"/auth/start?email="+url.QueryEscape(email)+"&return_to=/", email))
	response.Body.Close()
	b.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), b.portal) {
			return errElsewhere
		}
		return nil
	}
	return b
}

var field = regexp.MustCompile(`name="(request|key)" value="([^"]*)"`)

// answer reads the page and where the browser was sent, if that is another origin.
func (b *browser) answer(response *http.Response, err error) (page, elsewhere string, failed error) {
	if errors.Is(err, errElsewhere) {
		to, err := response.Location()
		return "", to.String(), err
	}
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), "", err
}

// allow goes to an authorization request and allows it; it answers where the browser is sent.
func (b *browser) allow(to string) (string, error) {
	page, elsewhere, err := b.answer(b.http.Get(to))
	if err != nil || elsewhere != "" {
		return elsewhere, err
	}
	return b.decide(page)
}

func (b *browser) decide(page string) (string, error) {
	form := url.Values{"decision": {"allow"}}
	for _, m := range field.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	if form.Get("key") == "" {
		return "", errors.New("no consent page: " + page)
	}
	after, elsewhere, err := b.answer(b.http.PostForm(b.portal+"/oauth2/consent", form))
	if err == nil && elsewhere == "" && !strings.Contains(after, "connected") {
		err = errors.New("not allowed: " + after)
	}
	return elsewhere, err
}

// device types a code and allows what waits for it.
func (b *browser) device(code string) error {
	page, _, err := b.answer(b.http.PostForm(b.portal+"/device", url.Values{"user_code": {code}}))
	if err == nil {
		_, err = b.decide(page)
	}
	return err
}

// serve lets programs of other languages use the browser.
func (b *browser) serve(t *testing.T) string {
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, err := "", error(nil)
		if r.URL.Path == "/device" {
			err = b.device(r.FormValue("code"))
		} else {
			to, err = b.allow(r.FormValue("url"))
		}
		if err != nil {
			t.Errorf("browser: %v", err)
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, to)
	}))
	t.Cleanup(door.Close)
	return door.URL
}

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

func (s *story) client(grant, kind string, more map[string]any) (id, secret string) {
	s.Helper()
	// The grant is known to issuance once a credential of it could be issued.
	if _, err := s.Cast.Issue(s.ctx, "noor", grant, "api_key", "first"); err != nil {
		s.Fatal(err)
	}
	in := map[string]any{"grant_id": grant, "kind": kind, "name": kind, "expires_in_seconds": 86400}
	for k, v := range more {
		in[k] = v
	}
	var made struct{ ID, Secret string }
	s.good(s.Cast.People["noor"].Post(s.ctx, "issuance", "/v1/credentials", in, &made))
	return made.ID, made.Secret
}

func (s *story) acting(grant, kind string, more ...string) (id, secret string) {
	grants := append([]string{"authorization_code", "refresh_token", deviceGrant}, more...)
	return s.client(grant, kind, map[string]any{"grant_types": grants, "redirect_uris": []string{"http://127.0.0.1/cb"}, "bound_tokens": kind == "public_client"})
}

// keyed is a client with a key of its own, and that key.
func (s *story) keyed(grant string) (id string, key jose.JSONWebKey) {
	s.Helper()
	private := must[*ecdsa.PrivateKey](s)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	var challenge struct{ Challenge, Audience string }
	s.good(s.Cast.People["noor"].Post(s.ctx, "issuance", "/v1/credentials/challenges", map[string]any{}, &challenge))
	signer := must[jose.Signer](s)(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, (&jose.SignerOptions{EmbedJWK: true}).WithType("chancery-key-proof+jwt")))
	proof := must[string](s)(jwt.Signed(signer).Claims(map[string]any{"aud": challenge.Audience, "nonce": challenge.Challenge}).Serialize())
	id, _ = s.client(grant, "client_key", map[string]any{"key_proof": proof, "challenge": challenge.Challenge})
	return id, jose.JSONWebKey{Key: private}
}

// consented is a consent of noor's, given in a browser.
func (s *story) consented(grant string) string {
	s.Helper()
	id, secret := s.acting(grant, "client_secret")
	config := &oauth2.Config{ClientID: id, ClientSecret: secret, RedirectURL: "http://127.0.0.1:45125/cb",
		Endpoint: oauth2.Endpoint{AuthURL: s.Suite.Portal + "/oauth2/authorize", TokenURL: s.Suite.Portal + "/oauth2/token"}}
	verifier := oauth2.GenerateVerifier()
	back := must[*url.URL](s)(url.Parse(must[string](s)(s.browser("noor@northwind.example").allow(config.AuthCodeURL("x", oauth2.S256ChallengeOption(verifier))))))
	token := must[*oauth2.Token](s)(config.Exchange(s.ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier)))
	payload := must[[]byte](s)(base64.RawURLEncoding.DecodeString(strings.Split(token.AccessToken, ".")[1]))
	var claims struct {
		Consent string `json:"cst"`
	}
	s.good(json.Unmarshal(payload, &claims))
	return claims.Consent
}

func TestGosOwnClientWorksUnmodified(t *testing.T) { // X6, D17, A18
	s := tell(t)
	_, grant := s.granted("Go client")
	id, secret := s.acting(grant, "client_secret", "client_credentials")
	b := s.browser("noor@northwind.example")
	issuer := s.Suite.Portal
	endpoint := oauth2.Endpoint{AuthURL: issuer + "/oauth2/authorize", TokenURL: issuer + "/oauth2/token", DeviceAuthURL: issuer + "/oauth2/device_authorization"}
	own := must[*oauth2.Token](s)((&clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: endpoint.TokenURL, Scopes: []string{"accounts:read"}}).Token(s.ctx))
	if got := s.verdict(own.AccessToken, accounts); got != 204 {
		t.Fatalf("its own token: %d", got)
	}
	config := &oauth2.Config{ClientID: id, ClientSecret: secret, Endpoint: endpoint, RedirectURL: "http://127.0.0.1:45124/cb", Scopes: []string{"accounts:read"}}
	verifier := oauth2.GenerateVerifier()
	back := must[*url.URL](s)(url.Parse(must[string](s)(b.allow(config.AuthCodeURL("some-state", oauth2.S256ChallengeOption(verifier))))))
	if q := back.Query(); q.Get("state") != "some-state" || q.Get("iss") != issuer || q.Get("code") == "" || back.Host != "127.0.0.1:45124" {
		t.Fatal(back)
	}
	token := must[*oauth2.Token](s)(config.Exchange(s.ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier)))
	if got := s.verdict(token.AccessToken, accounts); got != 204 {
		t.Fatalf("a person's token: %d", got)
	}
	token.Expiry = time.Now().Add(-time.Hour)
	refreshed := must[*oauth2.Token](s)(config.TokenSource(s.ctx, token).Token())
	if refreshed.AccessToken == token.AccessToken || refreshed.RefreshToken == token.RefreshToken {
		t.Fatal("nothing was refreshed")
	}
	device := must[*oauth2.DeviceAuthResponse](s)(config.DeviceAuth(s.ctx, oauth2.SetAuthURLParam("client_secret", secret)))
	s.good(b.device(device.UserCode))
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	if d := must[*oauth2.Token](s)(config.DeviceAccessToken(ctx, device)); s.verdict(d.AccessToken, accounts) != 204 {
		t.Fatal("a device's token is refused")
	}
	// Whoever has no session is sent to sign in, and comes back to the very request.
	nobody := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/auth/") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	response := must[*http.Response](s)(nobody.Get(config.AuthCodeURL("x", oauth2.S256ChallengeOption(verifier))))
	response.Body.Close()
	if to := must[*url.URL](s)(response.Location()); to.Path != "/auth/sign-in" || !strings.HasPrefix(to.Query().Get("return_to"), "/oauth2/consent?request=") {
		t.Fatal(to)
	}
	// Another origin's page answers nothing for a person.
	r := must[*http.Request](s)(http.NewRequest("POST", issuer+"/oauth2/consent", strings.NewReader("decision=allow")))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if response := must[*http.Response](s)(b.http.Do(r)); response.StatusCode != 403 {
		t.Fatalf("a form of another origin: %s", response.Status)
	}
}

func TestNodesClientsWorkUnmodified(t *testing.T) { // X6, D6, D17
	s := tell(t)
	if _, err := os.Stat("clients/node_modules"); err != nil {
		t.Fatal("the clients are not installed: scripts/setup")
	}
	application, grant := s.granted("Node clients")
	_ = application
	id, secret := s.acting(grant, "client_secret", "client_credentials")
	public, _ := s.acting(grant, "public_client")
	keyID, key := s.keyed(grant)
	raw := must[[]byte](s)(key.MarshalJSON())
	var permit struct {
		Token string `json:"initial_access_token"`
	}
	s.good(s.Cast.People["noor"].Post(s.ctx, "issuance", "/v1/registration-tokens", map[string]any{"grant_id": grant}, &permit))
	door := s.browser("noor@northwind.example").serve(t)
	for _, program := range []string{"oauth4webapi.mjs", "openid-client.mjs"} {
		t.Run(program, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			c := exec.CommandContext(ctx, "node", program)
			c.Dir = "clients"
			c.Env = append(os.Environ(), "ISSUER="+s.Suite.Portal, "BROWSER="+door, "AUDIENCE="+accesstoken.AudienceOf(whole.product),
				"SECRET_ID="+id, "SECRET="+secret, "PUBLIC_ID="+public, "KEY_ID="+keyID, "KEY="+string(raw), "INITIAL="+permit.Token)
			if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), ": ok") {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}
