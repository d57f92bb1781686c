package issuance_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/service"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance"
)

// renew asks for a successor with an API key.
func (s *scene) renew(credential, key string, form url.Values) reply {
	s.Helper()
	if form == nil {
		form = url.Values{}
	}
	form.Set("client_id", credential)
	r, _ := http.NewRequest("POST", s.running.URL+"/oauth2/renew", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+key)
	return s.send(r)
}

func TestAMachineRenewsItsOwnCredential(t *testing.T) { // D2, D4, traps: renewing revives nothing, and a dead key renews nothing
	s := newScene(t)
	issued := s.want(s.issue("api_key", s.grant), 201, "")
	id, key := issued.body["id"].(string), issued.body["secret"].(string)
	client := s.want(s.issue("client_secret", s.grant), 201, "")
	clientID, password := client.body["id"].(string), client.body["secret"].(string)
	s.want(s.renew(id, key, nil), 400, "too_early")
	s.want(s.renew(id, password, nil), 401, "invalid_client")
	s.want(s.renew(clientID, password, nil), 401, "invalid_client") // a client's secret is no bearer token

	s.want(s.call(&s.owner, "POST", "/v1/credentials/"+id+"/rotate", map[string]any{"overlap_seconds": 60, "expires_in_seconds": 3000}), 201, "")
	s.want(s.renew(id, key, nil), 400, "superseded") // its owner rotated it

	short := s.want(s.call(&s.owner, "POST", "/v1/credentials", map[string]any{"grant_id": s.grant, "kind": "api_key", "name": "short", "expires_in_seconds": 3600}), 201, "")
	shortID, first := short.body["id"].(string), short.body["secret"].(string)
	brief := s.want(s.call(&s.owner, "POST", "/v1/credentials", map[string]any{"grant_id": s.grant, "kind": "client_secret", "name": "brief", "expires_in_seconds": 3600}), 201, "")
	briefID, briefSecret := brief.body["id"].(string), brief.body["secret"].(string)
	doomed := s.want(s.call(&s.owner, "POST", "/v1/credentials", map[string]any{"grant_id": s.grant, "kind": "api_key", "name": "doomed", "expires_in_seconds": 3600}), 201, "")
	s.want(s.call(&s.owner, "POST", "/v1/credentials/"+doomed.body["id"].(string)+"/revoke", map[string]any{"reason": "policy"}), 200, "")
	s.ahead.Store(int64(2500 * time.Second))
	successor := s.want(s.renew(shortID, first, nil), 201, "")
	second := successor.body["secret"].(string)
	if successor.body["generation"] != 2.0 || second == first || successor.body["renew_from"] == nil {
		t.Fatalf("renewed %v", successor.body)
	}
	s.want(s.renew(shortID, second, nil), 400, "too_early")
	// The answer is lost: the older secret asks again, and the one that nobody got is retired.
	third := s.want(s.renew(shortID, first, nil), 201, "")
	s.want(s.renew(shortID, second, nil), 401, "invalid_client")
	if third.body["generation"] != 3.0 {
		t.Fatalf("renewed %v", third.body)
	}
	if r := s.want(s.form("/oauth2/renew", briefID, briefSecret, url.Values{}), 201, ""); r.body["generation"] != 2.0 {
		t.Fatalf("renewed %v", r.body)
	}
	s.want(s.renew(doomed.body["id"].(string), doomed.body["secret"].(string), nil), 401, "invalid_client")
	s.ahead.Store(int64(3601 * time.Second))
	s.want(s.renew(shortID, first, nil), 401, "invalid_client") // its time is over, the successor's is not
	started := recorded[*issuancev1.CredentialRotationStarted](s, shortID)
	if len(started) != 2 || started[0].Reason != "renewed" {
		t.Fatalf("recorded %v", started)
	}
	for _, r := range s.records() {
		if r.Envelope.GetSubject().GetId() == shortID && len(r.Facts) > 0 {
			if _, ok := r.Facts[len(r.Facts)-1].(*issuancev1.CredentialRotationStarted); ok && (r.Envelope.GetActor().GetId() != shortID || r.Envelope.GetActor().GetKind() != "client") {
				t.Fatalf("renewed by %v", r.Envelope.GetActor())
			}
		}
	}
}

func TestASecretIsDeliveredUnseen(t *testing.T) { // B7, D11
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s := newSceneWith(t, map[string]string{"CHANCERY_DELIVERY_STORES": "team", "CHANCERY_DELIVERY_TEAM_FOLDER": folder})
	s.want(s.issue("api_key", s.grant), 201, "")
	ask := func(store, path string) reply {
		return s.call(&s.owner, "POST", "/v1/credentials", map[string]any{"grant_id": s.grant, "kind": "api_key", "name": "unseen", "expires_in_seconds": 3600,
			"delivery": map[string]any{"store": store, "path": path}})
	}
	for _, bad := range []string{"", "../other/key", "/etc/key", "a//b", "a/../b", ".hidden", "a/b?c", "a%2fb"} {
		if r := ask("team", bad); r.status != 422 {
			t.Fatalf("delivered to %q: %v", bad, r.body)
		}
	}
	s.want(ask("elsewhere", "ledger/key"), 422, "delivery_place")
	issued := s.want(ask("team", "ledger/key"), 201, "")
	if issued.body["secret"] != nil || issued.body["shown"] != false || issued.body["delivered_to"] != "team:"+s.org+"/ledger/key" {
		t.Fatalf("a delivered secret is shown: %v", issued.body)
	}
	file := filepath.Join(folder, s.org, "ledger", "key")
	id := issued.body["id"].(string)
	s.eventually("delivered", func() bool { return len(recorded[*issuancev1.CredentialDelivered](s, id)) == 1 })
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	secret, _ := os.ReadFile(file)
	s.eventually("erased from the vault", func() bool {
		left, err := s.running.Deps.Vault.List(s.Context(), "delivery")
		return err == nil && len(left) == 0
	})
	for _, r := range s.records() {
		if strings.Contains(string(r.Raw), string(secret)) {
			t.Fatal("the secret stands in the log")
		}
	}
	// The machine that reads it renews it into the same place.
	s.ahead.Store(int64(2500 * time.Second))
	next := s.want(s.renew(id, string(secret), url.Values{"delivery_store": {"team"}, "delivery_path": {"ledger/key"}}), 201, "")
	if next.body["secret"] != nil {
		t.Fatalf("renewed %v", next.body)
	}
	s.eventually("replaced", func() bool {
		now, err := os.ReadFile(file)
		return err == nil && string(now) != string(secret) && len(now) == len(secret)
	})
	replaced, _ := os.ReadFile(file)
	s.want(s.renew(id, string(replaced), nil), 400, "too_early") // it works
}

func TestASecretThatReachesNoStoreEnds(t *testing.T) { // D11
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s := newSceneWith(t, map[string]string{"CHANCERY_DELIVERY_STORES": "team", "CHANCERY_DELIVERY_TEAM_FOLDER": folder})
	s.want(s.issue("api_key", s.grant), 201, "")
	if err := os.WriteFile(filepath.Join(folder, s.org), nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	issued := s.want(s.call(&s.owner, "POST", "/v1/credentials", map[string]any{"grant_id": s.grant, "kind": "api_key", "name": "unseen", "expires_in_seconds": 36000,
		"delivery": map[string]any{"store": "team", "path": "key"}}), 201, "")
	id := issued.body["id"].(string)
	sealed, err := s.running.Deps.Vault.List(s.Context(), "delivery")
	if err != nil || len(sealed) != 1 {
		t.Fatal(sealed, err)
	}
	s.ahead.Store(int64(2 * time.Hour))
	s.eventually("given up", func() bool { return len(recorded[*issuancev1.CredentialDeliveryFailed](s, id)) == 1 })
	if f := recorded[*issuancev1.CredentialDeliveryFailed](s, id)[0]; f.Reason != "refused" {
		t.Fatalf("given up: %v", f)
	}
	s.eventually("erased", func() bool {
		_, err := s.running.Deps.Vault.Get(s.Context(), "delivery", sealed[0])
		return err != nil && strings.Contains(err.Error(), eventlog.ErrNoSecret.Error())
	})
}

func TestADeliveryGoesOnWhereItStood(t *testing.T) { // D11
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	var config service.Config
	s := newSceneConfigured(t, map[string]string{"CHANCERY_DELIVERY_STORES": "team", "CHANCERY_DELIVERY_TEAM_FOLDER": folder}, func(c *service.Config) { config = *c })
	s.want(s.issue("api_key", s.grant), 201, "")
	inTheWay := filepath.Join(folder, s.org)
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A secret that no fact names: its process died before it could be issued.
	if err := s.running.Deps.Vault.Put(s.Context(), "delivery", strings.Repeat("ab", 32), []byte("nobody's")); err != nil {
		t.Fatal(err)
	}
	issued := s.want(s.call(&s.owner, "POST", "/v1/credentials", map[string]any{"grant_id": s.grant, "kind": "api_key", "name": "unseen", "expires_in_seconds": 36000,
		"delivery": map[string]any{"store": "team", "path": "key"}}), 201, "")
	id := issued.body["id"].(string)
	if err := s.running.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	s.running = s.suite.Start("issuance", config, issuance.New)
	s.eventually("delivered after the restart", func() bool { return len(recorded[*issuancev1.CredentialDelivered](s, id)) == 1 })
	secret, err := os.ReadFile(filepath.Join(inTheWay, "key"))
	if err != nil {
		t.Fatal(err)
	}
	s.want(s.renew(id, string(secret), nil), 400, "too_early") // it is the credential's, and works
	sealed := func(count int) func() bool {
		return func() bool {
			left, err := s.running.Deps.Vault.List(s.Context(), "delivery")
			return err == nil && len(left) == count
		}
	}
	s.eventually("what was delivered is erased", sealed(1))
	s.ahead.Store(int64(11 * time.Minute))
	s.eventually("nobody's is erased", sealed(0))
}
