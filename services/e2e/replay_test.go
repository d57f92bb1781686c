package e2e

import (
	"strconv"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver
)

// settled waits until every policy has answered everything, and gives the end of the log.
func (s *story) settled() (tail uint64) {
	s.Helper()
	s.eventually("the policies settle", func() bool {
		tail = must[uint64](s)(s.Suite.Services["registry"].Deps.Log.Tail(s.ctx))
		for _, r := range s.Suite.Services {
			if r.Deps.DB == nil {
				continue
			}
			var least uint64
			if r.Deps.DB.GetContext(s.ctx, &least, `select coalesce(min(seq), $1) from projection_policies`, int64(tail)) == nil && least < tail {
				return false
			}
		}
		return tail == must[uint64](s)(s.Suite.Services["registry"].Deps.Log.Tail(s.ctx))
	})
	return tail
}

func TestPoliciesShownEverythingAgainChangeNothing(t *testing.T) { // X2
	s := tell(t)
	application, grant := s.granted("Replayed")
	_, err := s.Cast.Issue(s.ctx, "noor", grant, "api_key", "replayed")
	s.good(err)
	ines := s.Principal("ines")
	s.wants(s.call(&ines, "POST", "registry", "/v1/applications/"+application+"/disable", map[string]any{"reason": "incident"}), 200, "")
	s.wants(s.call(&ines, "POST", "registry", "/v1/applications/"+application+"/enable", map[string]any{"reason": "solved"}), 200, "")
	for _, name := range []string{"identity", "registry", "approval", "issuance"} {
		before := s.settled()
		address := s.Suite.Services[name].Deps.Config.DatabaseURL.Reveal()
		s.good(s.Suite.Again(s.ctx, name, func() error {
			db, err := sqlx.Open("postgres", address)
			if err != nil {
				return err
			}
			defer db.Close()
			_, err = db.ExecContext(s.ctx, `update projection_policies set seq=0`)
			return err
		}))
		if after := s.settled(); after != before {
			t.Errorf("%s shown everything again: the log grew from %d to %d", name, before, after)
		}
	}
}

func TestAReaderIsToldThatTheViewIsBehind(t *testing.T) { // X3
	s := tell(t)
	noor := s.Principal("noor")
	tx := must[*sqlx.Tx](s)(s.Suite.Services["registry"].Deps.DB.BeginTxx(s.ctx, nil))
	defer func() { _ = tx.Rollback() }()
	s.settled()
	_, err := tx.ExecContext(s.ctx, `select seq from projection_checkpoints where name='events' for update`)
	s.good(err)
	made := s.wants(s.call(&noor, "POST", "registry", "/v1/applications", map[string]any{"name": "Behind", "purpose": "a story",
		"environment": "sandbox", "backup_owner_id": s.Cast.IDs["sam"]}), 201, "")
	at := "/v1/applications/" + made.str("id")
	behind := s.wants(s.call(&noor, "GET", "registry", at, nil), 503, "view_behind")
	if behind.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", behind.header.Get("Retry-After"))
	}
	s.good(tx.Rollback())
	s.wants(s.call(&noor, "GET", "registry", at, nil), 200, "")
}

func TestARepeatedCommandIsCarriedOutOnce(t *testing.T) { // X3, D11
	s := tell(t)
	application, grant := s.granted("Repeated")
	s.eventually("issuance knows the grant", func() bool {
		noor := s.Principal("noor")
		return s.call(&noor, "POST", "issuance", "/v1/credentials", map[string]any{"grant_id": grant, "kind": "api_key", "name": "x", "expires_in_seconds": 1 << 30}).str("code") == "lifetime_too_long"
	})
	unique := strconv.FormatInt(time.Now().UnixNano(), 36)
	for _, c := range []struct {
		who, service, path string
		body               map[string]any
	}{
		{"ines", "identity", "/v1/organizations", map[string]any{"name": "Twice " + unique, "kind": "partner", "contract": "MSA", "contract_ends_at": time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second)}},
		{"tomas", "registry", "/v1/products", map[string]any{"slug": "twice-" + unique, "name": "Twice", "purpose": "a story"}},
		{"noor", "registry", "/v1/applications", map[string]any{"name": "Twice", "purpose": "a story", "environment": "sandbox", "backup_owner_id": s.Cast.IDs["sam"]}},
		{"noor", "approval", "/v1/requests", map[string]any{"application_id": application, "product_id": whole.product, "scopes": []string{"payments:read"}, "duration_days": 3, "justification": "a repeated story"}},
		{"noor", "issuance", "/v1/credentials", map[string]any{"grant_id": grant, "kind": "api_key", "name": "twice"}},
	} {
		who, key := s.Principal(c.who), "again-"+unique+c.path
		first := s.wants(s.call(&who, "POST", c.service, c.path, c.body, "Idempotency-Key", key), 201, "")
		second := s.call(&who, "POST", c.service, c.path, c.body, "Idempotency-Key", key)
		if second.status >= 300 || second.str("id") != first.str("id") || second.header.Get("Chancery-Position") != first.header.Get("Chancery-Position") {
			t.Errorf("%s%s repeated: %d %s, first %s", c.service, c.path, second.status, second.text, first.text)
		}
		if second.str("secret") != "" {
			t.Errorf("%s%s shows its secret again", c.service, c.path)
		}
	}
}
