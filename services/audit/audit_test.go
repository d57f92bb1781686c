package audit_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sethvargo/go-envconfig"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/audit"
	"github.com/chancery-dev/chancery/services/audit/ocsfcheck"
	"github.com/chancery-dev/chancery/services/audit/verify"
)

type scene struct {
	*testing.T
	suite            *servicetest.Suite
	running          *service.Running
	auditor, manager principal.Principal
	shown            uint64
}

func id() string { v, _ := uuid.NewV7(); return v.String() }

func newScene(t *testing.T) *scene {
	s := &scene{T: t, suite: servicetest.New(t, nil)}
	for user, stream := range map[string]jetstream.StreamConfig{eventlog.UserProvisionAudit: eventlog.AuditStream(1, 1), eventlog.UserProvisionFeed: eventlog.LifecycleStream(1)} {
		if err := eventlog.ProvisionStreams(context.Background(), s.suite.Connect(user), stream); err != nil {
			t.Fatal(err)
		}
	}
	person := func(role string) principal.Principal {
		p := principal.Principal{ID: id(), Kind: principal.Person, Organization: id(), Session: id(), Roles: []string{role}, ACR: "mfa", AMR: []string{"mfa"}, AuthTime: time.Now()}
		s.suite.Append("identity", "organization", p.Organization, &identityv1.OrganizationRegistered{Name: "x", Kind: "partner"})
		s.shown = s.suite.Append("identity", "person", p.ID, &identityv1.PersonProvisioned{OrganizationId: p.Organization})
		return p
	}
	s.auditor, s.manager = person(principal.Auditor), person(principal.OrgAdmin)
	s.suite.Token("audit", s.auditor)
	s.running = s.suite.Start("audit", s.config(), audit.New)
	return s
}

func (s *scene) config() service.Config {
	c := s.suite.Config("audit", true)
	c.KeyFile = filepath.Join(filepath.Dir(c.KeyFile), "identity.key") // what wraps others' keys wraps its own
	c.Lookup = envconfig.MapLookuper(map[string]string{"CHANCERY_NATS_DOOR": s.suite.DoorKey()})
	return c
}

func (s *scene) get(p principal.Principal, path string, into any) int {
	s.Helper()
	p.Seen, p.SessionSeen = s.shown, s.shown
	r, _ := http.NewRequest("GET", s.running.URL+path, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+s.suite.Token("audit", p))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	if text, ok := into.(*string); ok {
		*text = string(raw)
	} else if into != nil && response.StatusCode == 200 {
		if err := json.Unmarshal(raw, into); err != nil {
			s.Fatalf("%s: %s", path, raw)
		}
	}
	return response.StatusCode
}

type page struct {
	Items []struct {
		Position uint64
		ID, Type string
		Sentence string
		Subject  struct{ Kind, ID string }
		LeafHash string `json:"leaf_hash"`
	}
	Next string
}

func TestEveryFactIsOneProvenRecord(t *testing.T) { // G1, L4
	s := newScene(t)
	app := id()
	last := s.suite.Append("registry", "application", app,
		&registryv1.ApplicationRegistered{Name: "Ledger Sync", OrganizationId: s.manager.Organization, OwnerId: "a", BackupOwnerId: "b"},
		&registryv1.ApplicationSuspended{Reason: "for a test"})
	ctx := eventlog.WithMeta(context.Background(), eventlog.Meta{Actor: &eventv1.Actor{Id: s.manager.ID, Kind: "person"}, Seen: last, Organization: s.manager.Organization,
		Source: &eventv1.Source{RequestId: "r1", Ip: "203.0.113.7", UserAgent: "a browser"}})
	if err := s.suite.Log("identity").Observe(ctx, "sign_in", &activityv1.SignInFailed{Issuer: "https://idp.example", Reason: "locked", Count: 1}); err != nil {
		t.Fatal(err)
	}
	var all page
	deadline := time.Now().Add(servicetest.Patience)
	want := int(last) + 2 // one decision has two facts, and there is one observation
	for s.get(s.auditor, "/v1/records?order=asc&limit=200&include="+strconv.FormatUint(last, 10), &all); len(all.Items) < want && time.Now().Before(deadline); {
		s.get(s.auditor, "/v1/records?order=asc&limit=200", &all)
	}
	if len(all.Items) != want {
		t.Fatalf("%d records of %d", len(all.Items), want)
	}
	suspended := all.Items[last]
	if suspended.Type != "registry.application.Suspended" || suspended.Subject.ID != app || !strings.Contains(suspended.Sentence, "for a test") {
		t.Fatalf("%+v", suspended)
	}
	if all.Next == "" {
		t.Fatal("who follows the log gets no place to go on from")
	}
	for _, r := range all.Items {
		var detail struct {
			OCSF, JSON json.RawMessage
			Source     struct{ IP string }
		}
		if s.get(s.auditor, "/v1/records/"+strconv.FormatUint(r.Position, 10), &detail) != 200 {
			t.Fatalf("record %d cannot be read", r.Position)
		}
		if wrong, err := ocsfcheck.Event(detail.OCSF); err != nil || len(wrong) > 0 {
			t.Fatalf("record %d: %v %v", r.Position, wrong, err)
		}
		if r.Type == "activity.sign_in.Failed" && detail.Source.IP != "203.0.113.7" {
			t.Fatalf("the auditor does not see where from: %s", detail.JSON)
		}
		s.prove(r.Position)
	}

	var export string
	if status := s.get(s.auditor, "/v1/export", &export); status != 200 {
		t.Fatalf("export %d: %s", status, export)
	}
	result, err := verify.Export(strings.NewReader(export), "")
	if err != nil || result.Records != int64(want) {
		t.Fatalf("%+v %v", result, err)
	}

	// A16: what is not of one's organisation is not there.
	var own page
	s.get(s.manager, "/v1/records?limit=200", &own)
	for _, r := range own.Items {
		if r.Type == "identity.person.Provisioned" && r.Subject.ID == s.auditor.ID {
			t.Fatal("an administrator sees another organisation's record")
		}
	}
	if len(own.Items) == 0 || s.get(s.manager, "/v1/records/1", nil) != 404 || s.get(s.manager, "/v1/records/99999", nil) != 404 || s.get(s.manager, "/v1/export", nil) != 403 {
		t.Fatal("reach is not kept")
	}
}

func (s *scene) prove(position uint64) {
	s.Helper()
	var p struct {
		LeafIndex   int64  `json:"leaf_index"`
		LeafHash    string `json:"leaf_hash"`
		Hashes      []tlog.Hash
		Checkpoint  string
		VerifierKey string `json:"verifier_key"`
	}
	if s.get(s.auditor, "/v1/records/"+strconv.FormatUint(position, 10)+"/proof", &p) != 200 {
		s.Fatalf("no proof of %d", position)
	}
	verifier, err := note.NewVerifier(p.VerifierKey)
	if err != nil {
		s.Fatal(err)
	}
	signed, err := note.Open([]byte(p.Checkpoint), note.VerifierList(verifier))
	if err != nil {
		s.Fatal(err)
	}
	lines := strings.Split(signed.Text, "\n")
	size, _ := strconv.ParseInt(lines[1], 10, 64)
	root, _ := tlog.ParseHash(lines[2])
	leaf, _ := tlog.ParseHash(p.LeafHash)
	if err := tlog.CheckRecord(p.Hashes, size, root, p.LeafIndex, leaf); err != nil {
		s.Fatalf("proof of %d: %v", position, err)
	}
}

func TestTwoWritersAtOnceNeitherDoubleNorLose(t *testing.T) { // L4
	s := newScene(t)
	second := s.suite.Start("audit", s.config(), audit.New) // a second instance with views of its own
	ctx := eventlog.WithMeta(context.Background(), eventlog.Meta{Actor: &eventv1.Actor{Id: "x", Kind: "service"}})
	var last uint64
	for i := range 300 {
		facts := []aggregate.Event{&registryv1.ApplicationSuspended{Reason: strconv.Itoa(i)}}
		if i%7 == 0 {
			facts = append(facts, &registryv1.ApplicationResumed{Reason: strconv.Itoa(i)})
		}
		var err error
		if last, err = s.suite.Log("registry").Append(ctx, "events.registry.application."+id(), 0, facts...); err != nil {
			t.Fatal(err)
		}
	}
	_ = second
	seen, after := map[string]bool{}, ""
	var sequence []uint64
	deadline := time.Now().Add(servicetest.Patience)
	for len(seen) < 300+43+int(last)-300 && time.Now().Before(deadline) {
		var p struct {
			Items []struct {
				ID       string
				Stream   string
				Sequence uint64
			}
			Next string
		}
		s.get(s.auditor, "/v1/records?order=asc&limit=200&after="+after, &p)
		for _, r := range p.Items {
			if seen[r.ID] {
				t.Fatalf("%s is recorded twice", r.ID)
			}
			seen[r.ID] = true
			sequence = append(sequence, r.Sequence)
		}
		after = p.Next
	}
	if len(seen) != 300+43+int(last)-300 {
		t.Fatalf("%d records", len(seen))
	}
	for i := 1; i < len(sequence); i++ {
		if sequence[i] < sequence[i-1] || sequence[i] > sequence[i-1]+1 {
			t.Fatalf("position %d of EVENTS follows %d", sequence[i], sequence[i-1])
		}
	}
}
