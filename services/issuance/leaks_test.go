package issuance_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/secret"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// hub is GitHub as far as it is looked at: keys of a name, and their list in a file.
type hub struct {
	path string
	keys map[string]*ecdsa.PrivateKey
}

func newHub(t *testing.T, path string) *hub {
	h := &hub{path: path, keys: map[string]*ecdsa.PrivateKey{}}
	for _, name := range []string{"current", "old"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		h.keys[name] = key
	}
	type entry struct {
		Name    string `json:"key_identifier"`
		Key     string `json:"key"`
		Current bool   `json:"is_current"`
	}
	var list struct {
		Keys []entry `json:"public_keys"`
	}
	for name, key := range h.keys {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		list.Keys = append(list.Keys, entry{name, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), name == "current"})
	}
	raw, _ := json.Marshal(list)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hub) sign(name string, body []byte) string {
	sum := sha256.Sum256(body)
	signature, err := ecdsa.SignASN1(rand.Reader, h.keys[name], sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

type match struct {
	Token  string `json:"token"`
	Type   string `json:"type"`
	URL    string `json:"url"`
	Source string `json:"source"`
}

func (s *scene) raw(p *principal.Principal, path, media string, body []byte, headers ...string) (int, []byte) {
	s.Helper()
	r, _ := http.NewRequest("POST", s.running.URL+path, bytes.NewReader(body))
	r.Header.Set("Content-Type", media)
	if p != nil {
		q := *p
		q.Seen, q.SessionSeen = s.shown, s.shown
		r.Header.Set("Authorization", "Bearer "+s.suite.Token("issuance", q))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	var out bytes.Buffer
	_, _ = out.ReadFrom(answer.Body)
	return answer.StatusCode, out.Bytes()
}

func (s *scene) github(h *hub, name string, body []byte, signature string) (int, []byte) {
	s.Helper()
	return s.raw(nil, "/v1/leaks/github", "application/json", body, "Github-Public-Key-Identifier", name, "Github-Public-Key-Signature", signature)
}

func (s *scene) dead(id string, generation uint32) bool {
	return s.running.Deps.Lineage.Live(lineage.Part("generation", id, generation), time.Now()) != nil
}

func leakedScene(t *testing.T) (*scene, *hub) {
	path := filepath.Join(t.TempDir(), "keys.json")
	h := newHub(t, path)
	return newSceneWith(t, map[string]string{"CHANCERY_LEAK_GITHUB_KEYS": path}), h
}

func TestWhatGitHubFindsIsDeadBeforeTheAnswer(t *testing.T) { // L11, D13, D4
	s, h := leakedScene(t)
	issued := s.want(s.issue("api_key", s.grant), 201, "")
	key, id := issued.body["secret"].(string), issued.body["id"].(string)
	fake := secret.NewKey(secret.Live).Reveal()
	body, _ := json.Marshal([]match{{key, "chancery_key", "https://github.com/octo/repo/blob/1/a.txt", "content"}, {fake, "chancery_key", "https://x", "content"}, {"nonsense", "other", "", ""}})
	before := s.end()
	for name, c := range map[string][2]string{
		"forged":       {"current", h.sign("old", body)},
		"old key":      {"old", h.sign("old", body)},
		"unknown key":  {"nobody", h.sign("current", body)},
		"no signature": {"current", ""},
		"of another":   {"current", h.sign("current", append([]byte(" "), body...))},
		"not DER":      {"current", base64.StdEncoding.EncodeToString([]byte("signature"))},
	} {
		if status, answer := s.github(h, c[0], body, c[1]); status != 401 {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if s.dead(id, 1) || s.end() != before {
		t.Fatal("a report that was not signed changed something")
	}
	status, answer := s.github(h, "current", body, h.sign("current", body))
	if status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	if !s.dead(id, 1) {
		t.Fatal("the key lives after the answer")
	}
	var labels []map[string]string
	if err := json.Unmarshal(answer, &labels); err != nil || len(labels) != 3 {
		t.Fatalf("%s", answer)
	}
	sum := sha256.Sum256([]byte(key))
	if labels[0]["token_hash"] != hex.EncodeToString(sum[:]) || labels[0]["label"] != "true_positive" || labels[1]["label"] != "false_positive" || labels[2]["label"] != "false_positive" || labels[0]["token_type"] != "chancery_key" {
		t.Errorf("labels %v", labels)
	}
	if strings.Contains(string(answer), key) {
		t.Error("the answer holds the token")
	}
	after := s.end()
	if status, _ := s.github(h, "current", body, h.sign("current", body)); status != 409 {
		t.Errorf("a replayed report: %d", status)
	}
	if s.end() != after {
		t.Error("a replayed report changed something")
	}
	// The facts: the report, the end with the owners' notice, the closing.
	var kinds []string
	for _, r := range s.facts(before) {
		for _, fact := range r.Facts {
			switch e := fact.(type) {
			case *issuancev1.LeakReceived:
				kinds = append(kinds, "received")
				if r.Envelope.GetOrganization() != "" {
					t.Error("the report is some organisation's")
				}
			case *issuancev1.CredentialLeakReported:
				kinds = append(kinds, "reported")
				if e.Source != "github" || e.ReportId == "" || r.Envelope.GetOrganization() != s.org || e.FoundAt != "" {
					t.Errorf("reported %v", e)
				}
			case *issuancev1.CredentialOwnersNotified:
				kinds = append(kinds, "notified")
				if e.OwnerId != s.owner.ID || e.BackupOwnerId != s.second.ID {
					t.Errorf("notified %v", e)
				}
			case *issuancev1.LeakClosed:
				kinds = append(kinds, "closed")
				if e.Ended != 1 || e.EndedBefore != 0 || e.Position == 0 {
					t.Errorf("closed %v", e)
				}
			}
			if strings.Contains(fact.(interface{ String() string }).String(), key) {
				t.Error("a fact holds the token")
			}
		}
	}
	if got := strings.Join(kinds, " "); got != "received reported notified closed" {
		t.Errorf("facts: %s", got)
	}
}

func TestABlastRadiusIsWhatWasCalledSinceExposure(t *testing.T) { // L11, D13
	s, _ := leakedScene(t)
	issued := s.want(s.issue("api_key", s.grant), 201, "")
	key, id := issued.body["secret"].(string), issued.body["id"].(string)
	exposed := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	gateway := s.suite.Log("gateway")
	var want uint64
	for i := range 30 {
		last := exposed.Add(time.Duration(i-10) * time.Minute)
		n := uint64(i + 1)
		if !last.Before(exposed) {
			want += n
		}
		ctx := eventlog.WithMeta(t.Context(), eventlog.Meta{Actor: &eventv1.Actor{Id: "a1", Kind: "service"}, Organization: s.org})
		if err := gateway.Observe(ctx, "usage", &activityv1.UsageWindow{CredentialId: id, Generation: 1, Count: n, FirstAt: timestamppb.New(last.Add(-time.Minute)), LastAt: timestamppb.New(last),
			CallsByScope: map[string]uint64{"accounts:read": n}, CallsByNetwork: map[string]uint64{"203.0.113.0/24": n - 1, "198.51.100.0/24": 1}}); err != nil {
			t.Fatal(err)
		}
	}
	report, _ := json.Marshal([]map[string]any{{"RuleID": "chancery-key", "Secret": key, "File": "deploy/values.yaml", "StartLine": 7, "Commit": "abc", "Date": exposed.Format(time.RFC3339)}})
	status, answer := s.raw(&s.owner, "/v1/leaks/reports?format=gitleaks", "application/json", report)
	if status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	var up struct {
		ID       string
		Position uint64
	}
	_ = json.Unmarshal(answer, &up)
	if !s.dead(id, 1) {
		t.Fatal("the key lives after the answer")
	}
	if status, again := s.raw(&s.owner, "/v1/leaks/reports?format=gitleaks", "application/json", report); status != 200 || !strings.Contains(string(again), up.ID) {
		t.Errorf("sent again: %d %s", status, again)
	}
	var detail struct {
		State   string
		Secrets []struct {
			Outcome string
			Owners  []string
			Radius  struct {
				Requests uint64
				Scopes   map[string]uint64 `json:"by_scope"`
				Networks map[string]uint64 `json:"by_network"`
			} `json:"blast_radius"`
		}
	}
	s.seen("calls", 30)
	s.eventually("the radius is what was called", func() bool {
		r := s.want(s.call(&s.owner, "GET", "/v1/leaks/"+up.ID, nil, "Chancery-Position", strconv.FormatUint(up.Position, 10)), 200, "")
		raw, _ := json.Marshal(r.body)
		_ = json.Unmarshal(raw, &detail)
		return len(detail.Secrets) == 1 && detail.Secrets[0].Radius.Requests == want && detail.State == "closed"
	})
	x := detail.Secrets[0]
	if x.Outcome != "ended" || len(x.Owners) != 2 || x.Radius.Scopes["accounts:read"] != want || x.Radius.Networks["198.51.100.0/24"] != 20 {
		t.Errorf("%+v, want %d", x, want)
	}
	// A stranger sees neither the report nor its receipt.
	s.want(s.call(&s.stranger, "GET", "/v1/leaks/"+up.ID, nil), 404, "not_found")
	s.want(s.call(&s.stranger, "GET", "/v1/leaks/"+up.ID+"/receipt", nil), 404, "not_found")
	if r := s.want(s.call(&s.stranger, "GET", "/v1/leaks", nil), 200, ""); len(r.body["items"].([]any)) != 0 {
		t.Errorf("a stranger's list: %v", r.body)
	}
	if r := s.want(s.call(&s.owner, "GET", "/v1/leaks?credential_id="+id, nil), 200, ""); len(r.body["items"].([]any)) != 1 {
		t.Errorf("the owner's list: %v", r.body)
	}
	// The receipt verifies by the published keys.
	receipt := s.want(s.call(&s.owner, "GET", "/v1/leaks/"+up.ID+"/receipt", nil), 200, "").body["receipt"].(string)
	signed, err := jose.ParseSignedCompact(receipt, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	published, err := http.Get(s.running.URL + "/oauth2/jwks")
	if err != nil {
		t.Fatal(err)
	}
	defer published.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(published.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(set.Key(signed.Signatures[0].Header.KeyID)[0])
	if err != nil || !strings.Contains(string(payload), id) || !strings.Contains(string(payload), up.ID) {
		t.Errorf("the receipt says %s, %v", payload, err)
	}
}

func TestAnybodyMayEndASecretAndLearnsNothing(t *testing.T) { // L11, A16
	s, _ := leakedScene(t)
	issued := s.want(s.issue("api_key", s.grant), 201, "")
	key, id := issued.body["secret"].(string), issued.body["id"].(string)
	before := s.end()
	ask := func(secrets ...string) (reply, time.Duration) {
		begun := time.Now()
		r := s.call(nil, "POST", "/v1/leaks", map[string]any{"secrets": secrets})
		return s.want(r, 202, ""), time.Since(begun)
	}
	fake, slow := ask(secret.NewKey(secret.Test).Reveal(), "password123")
	if slow < 500*time.Millisecond {
		t.Errorf("fakes were answered after %s", slow)
	}
	if s.end() != before {
		t.Error("fakes left a trace")
	}
	real, slow := ask(key, "password123")
	if slow < 500*time.Millisecond {
		t.Errorf("the real one was answered after %s", slow)
	}
	delete(fake.body, "id")
	reportID, _ := real.body["id"].(string)
	delete(real.body, "id")
	a, _ := json.Marshal(fake.body)
	b, _ := json.Marshal(real.body)
	if string(a) != string(b) || real.header.Get("Chancery-Position") != "" {
		t.Errorf("%s and %s tell a real secret from a fake", a, b)
	}
	s.eventually("the key is dead", func() bool { return s.dead(id, 1) })
	s.eventually("the report is closed", func() bool {
		return s.call(&s.owner, "GET", "/v1/leaks/"+reportID, nil).body["state"] == "closed"
	})
	// A second report of the same key is taken down, and ends nothing twice.
	_, _ = ask(key)
	s.eventually("the second report is closed", func() bool {
		r := s.call(&s.owner, "GET", "/v1/leaks", nil)
		items, _ := r.body["items"].([]any)
		return len(items) == 2 && items[0].(map[string]any)["state"] == "closed"
	})
	n := 0
	for _, r := range s.facts(before) {
		for _, fact := range r.Facts {
			if _, ok := fact.(*issuancev1.CredentialLeakReported); ok {
				n++
			}
		}
	}
	if n != 1 {
		t.Errorf("%d facts tell of one leak", n)
	}
	s.want(s.call(nil, "POST", "/v1/leaks", map[string]any{"secrets": []string{}}), 422, "invalid")
	s.want(s.call(nil, "POST", "/v1/leaks/reports?format=gitleaks", map[string]any{}), 401, "unauthenticated")
}

func TestAReportCutOffByACrashComesToItsEnd(t *testing.T) { // L11
	s, _ := leakedScene(t)
	issued := s.want(s.issue("api_key", s.grant), 201, "")
	credential, report := issued.body["id"].(string), id()
	s.suite.Append("issuance", "leak", report, &issuancev1.LeakReceived{Source: "github", Count: 1, ReceivedAt: timestamppb.Now(),
		FinishAt: timestamppb.New(time.Now().Add(time.Second)), Secrets: []*issuancev1.LeakedSecret{{CredentialId: credential, Generation: 1}}})
	s.eventually("the key is dead", func() bool { return s.dead(credential, 1) })
	s.eventually("the report is closed", func() bool {
		return s.call(&s.owner, "GET", "/v1/leaks/"+report, nil).body["state"] == "closed"
	})
}

// seen waits until a view holds so many rows.
func (s *scene) seen(table string, rows int) {
	s.Helper()
	s.eventually(table+" holds what was observed", func() bool {
		var n int
		if err := s.running.Deps.DB.Get(&n, `select count(*) from `+table); err != nil {
			s.Fatal(err)
		}
		return n >= rows
	})
}

// end is the position of the newest message.
func (s *scene) end() uint64 {
	s.Helper()
	at, err := s.suite.Log("portal").Tail(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return at
}

// facts are the messages after a position.
func (s *scene) facts(after uint64) (all []eventlog.Recorded) {
	s.Helper()
	tail := s.end()
	if tail <= after {
		return nil
	}
	err := s.suite.Log("portal").Follow(s.Context(), after, func(_ context.Context, batch []eventlog.Recorded) error {
		all = append(all, batch...)
		if all[len(all)-1].Sequence >= tail {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return all
}
