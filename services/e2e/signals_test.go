package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/chancery/suitetest"
	"github.com/chancery-dev/chancery/services/devidp"
)

const sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

// provider has a development provider push a security event.
func (s *story) provider(slug string, signal devidp.Signal) (out devidp.Signalled) {
	s.Helper()
	raw, err := json.Marshal(signal)
	s.good(err)
	response := must[*http.Response](s)(http.Post(s.Suite.IdP+"/"+slug+"/signals", "application/json", bytes.NewReader(raw)))
	defer response.Body.Close()
	s.good(json.NewDecoder(response.Body).Decode(&out))
	return out
}

func TestWhatTheProviderRevokesIsDeadWithinASecond(t *testing.T) { // L20, A5, A17, D8
	s := tell(t)
	kenji := must[*suitetest.Person](s)(s.SignIn(s.ctx, "kenji@fabrikam.example"))
	s.good(kenji.Get(s.ctx, "identity", "/v1/me", nil))
	organization := s.Cast.Organizations["fabrikam"]
	gateway := s.Suite.Services["gateway"].Deps.Lineage
	// A token of a leave that kenji gave, as an authorizer judges it.
	nc, err := s.Suite.Connect("issuance")
	s.good(err)
	defer nc.Close()
	log := must[*eventlog.Log](s)(eventlog.Open(s.ctx, nc, eventlog.Options{Service: "issuance"}))
	acting := func() lineage.Claim {
		consent := uuid.Must(uuid.NewV7()).String()
		seen := gateway.Position()
		at := must[uint64](s)(log.Append(eventlog.WithMeta(s.ctx, eventlog.Meta{Seen: seen, Organization: organization}), log.Subject("consent", consent), 0,
			&issuancev1.ConsentGiven{PersonId: s.Cast.IDs["kenji"], OrganizationId: organization, Scopes: []string{"accounts:read"}, ExpiresAt: timestamppb.New(time.Now().Add(time.Hour)), Flow: "device"}))
		s.good(gateway.WaitFor(s.ctx, at))
		return lineage.Claim{Ref: lineage.Ref{Kind: "token", ID: uuid.NewString()}, Seen: at, Expires: time.Now().Add(time.Minute), Ancestors: []lineage.Ref{{Kind: "consent", ID: consent}}}
	}
	token := acting()
	if err := gateway.LiveClaim(token, time.Now()); err != nil {
		t.Fatal(err)
	}
	to := s.Suite.Portal + "/auth/signals/" + organization
	signal := devidp.Signal{Email: "kenji@fabrikam.example", Event: sessionRevoked, Audience: s.Suite.Portal, To: to}
	began := time.Now()
	pushed := s.provider("fabrikam", signal)
	if pushed.Status != http.StatusAccepted {
		t.Fatalf("the receiver answered %d %s", pushed.Status, pushed.Answer)
	}
	s.eventually("the session is refused", func() bool { return suitetest.StatusOf(kenji.Get(s.ctx, "registry", "/v1/applications", nil)) == 401 })
	s.eventually("the token is refused", func() bool { return gateway.LiveClaim(token, time.Now()) != nil })
	took := time.Since(began)
	if took > time.Second {
		t.Errorf("what the provider revoked lived on for %s", took)
	}
	t.Logf("from the provider's push to session and token refused: %s", took)

	kenji = must[*suitetest.Person](s)(s.SignIn(s.ctx, "kenji@fabrikam.example"))
	s.Cast.People["kenji"] = kenji
	token = acting()
	again := signal
	again.ID = pushed.ID
	if r := s.provider("fabrikam", again); r.Status != http.StatusAccepted {
		t.Fatalf("the same event again: %d %s", r.Status, r.Answer)
	}
	s.good(kenji.Get(s.ctx, "registry", "/v1/applications", nil))
	s.good(gateway.LiveClaim(token, time.Now()))
	for name, c := range map[string]struct {
		slug   string
		change func(*devidp.Signal)
		err    string
	}{
		"of another organisation's provider": {"northwind", func(*devidp.Signal) {}, "invalid_key"},
		"for another audience":               {"fabrikam", func(g *devidp.Signal) { g.Audience = "https://elsewhere.example" }, "invalid_audience"},
		"to no organisation":                 {"fabrikam", func(g *devidp.Signal) { g.To = s.Suite.Portal + "/auth/signals/" + uuid.NewString() }, "invalid_issuer"},
	} {
		g := signal
		c.change(&g)
		if r := s.provider(c.slug, g); r.Status != http.StatusBadRequest || !strings.Contains(r.Answer, `"`+c.err+`"`) {
			t.Errorf("%s: %d %s", name, r.Status, r.Answer)
		}
	}
	s.good(kenji.Get(s.ctx, "registry", "/v1/applications", nil))
	// Nobody of another organisation is meant by an address.
	other := signal
	other.ByEmail, other.Email = true, "noor@northwind.example"
	if r := s.provider("fabrikam", other); r.Status != http.StatusAccepted {
		t.Fatalf("an unknown subject: %d", r.Status)
	}
	s.good(s.Cast.People["noor"].Get(s.ctx, "registry", "/v1/applications", nil))
	own := signal
	own.ByEmail = true
	if r := s.provider("fabrikam", own); r.Status != http.StatusAccepted {
		t.Fatalf("by address: %d %s", r.Status, r.Answer)
	}
	s.eventually("the session named by address is refused", func() bool { return suitetest.StatusOf(kenji.Get(s.ctx, "registry", "/v1/applications", nil)) == 401 })
	s.Cast.People["kenji"] = must[*suitetest.Person](s)(s.SignIn(s.ctx, "kenji@fabrikam.example"))
}

func TestAProvidersEventsAreFetched(t *testing.T) { // L20, A5
	s := tell(t)
	kenji := must[*suitetest.Person](s)(s.SignIn(s.ctx, "kenji@fabrikam.example"))
	s.good(kenji.Get(s.ctx, "identity", "/v1/me", nil))
	var mu sync.Mutex
	waiting, acknowledged, refused := map[string]string{"senseless": "no.token.atall"}, map[string]bool{}, map[string]string{}
	transmitter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/capture" {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		if r.Header.Get("Authorization") != "Bearer fetch-me" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var q struct {
			Ack     []string                     `json:"ack"`
			SetErrs map[string]map[string]string `json:"setErrs"`
		}
		_ = json.NewDecoder(r.Body).Decode(&q)
		mu.Lock()
		defer mu.Unlock()
		for _, id := range q.Ack {
			acknowledged[id] = true
			delete(waiting, id)
		}
		for id, e := range q.SetErrs {
			refused[id] = e["err"]
			delete(waiting, id)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"sets": waiting})
	}))
	defer transmitter.Close()
	signed := s.provider("fabrikam", devidp.Signal{Email: "kenji@fabrikam.example", Event: sessionRevoked, Audience: s.Suite.Portal, To: transmitter.URL + "/capture"})
	at := "/v1/organizations/" + s.Cast.Organizations["fabrikam"] + "/signals"
	ines := s.Cast.People["ines"]
	if status := suitetest.StatusOf(ines.Post(s.ctx, "identity", at, map[string]any{"poll_endpoint": "http://10.0.0.1/events"}, nil)); status != 422 {
		t.Errorf("an address inside: %d", status)
	}
	s.good(ines.Post(s.ctx, "identity", at, map[string]any{"poll_endpoint": transmitter.URL + "/poll", "authorization_header": "Bearer fetch-me"}, nil))
	s.eventually("what makes no sense is refused", func() bool { mu.Lock(); defer mu.Unlock(); return refused["senseless"] == "invalid_request" })
	s.good(kenji.Get(s.ctx, "registry", "/v1/applications", nil))
	mu.Lock()
	waiting[signed.ID] = signed.Token
	mu.Unlock()
	took := s.eventually("the session is refused", func() bool { return suitetest.StatusOf(kenji.Get(s.ctx, "registry", "/v1/applications", nil)) == 401 })
	s.eventually("the event is acknowledged", func() bool { mu.Lock(); defer mu.Unlock(); return acknowledged[signed.ID] })
	if took > time.Second {
		t.Errorf("what the provider offered took effect after %s", took)
	}
	s.good(ines.Post(s.ctx, "identity", at, map[string]any{"poll_endpoint": ""}, nil))
	s.Cast.People["kenji"] = must[*suitetest.Person](s)(s.SignIn(s.ctx, "kenji@fabrikam.example"))
}
