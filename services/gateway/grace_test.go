package gateway_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/gateway"
	"github.com/chancery-dev/chancery/services/gateway/internal/worldtest"
)

// L1, G10: cut off, an authorizer denies what is sensitive, lets public calls pass for as long as its policy says, and in
// no mode what it knows to be revoked.
func TestOneThatIsCutOffGoesOnByTheClassOfTheProduct(t *testing.T) {
	for class, want := range map[string]int{"public": 204, "partner": 503, "sensitive": 503, "": 503} {
		t.Run("product "+class, func(t *testing.T) {
			s := servicetest.New(t, nil)
			c := s.Config("gateway", false)
			c.Lookup = envconfig.MapLookuper(map[string]string{"CHANCERY_GATEWAY_STALE_PUBLIC": "1h", "CHANCERY_GATEWAY_LEASE": "1s"})
			keys, err := secret.EnsureKeyFile(c.KeyFile)
			if err != nil {
				t.Fatal(err)
			}
			r := &running{suite: s, keys: secret.NewFingerprints(keys.Pepper())}
			r.World = worldtest.Make(s.Append, r.keys, time.Now())
			if class != "" {
				s.Append("registry", "product", r.Product, &registryv1.ProductClassified{Class: class})
			}
			r.at = s.Start("gateway", c, gateway.New)
			_, key := r.Issue("api_key", "accounts:read")
			ended, gone := r.Issue("api_key", "accounts:read")
			s.Append("issuance", "credential", ended, &issuancev1.CredentialRevoked{Reason: "suspected_leak"})
			r.applied(t)
			if a := r.door(t, "/verify", key); a.status != 204 {
				t.Fatalf("%d", a.status)
			}
			s.Server.Stop()
			for end := time.Now().Add(30 * time.Second); r.status(t).Fresh; {
				if time.Now().After(end) {
					t.Fatal("the lease does not end")
				}
			}
			if a := r.door(t, "/verify", key); a.status != want {
				t.Errorf("a live key is answered %d, want %d", a.status, want)
			}
			if a := r.door(t, "/verify", gone); a.status != 401 {
				t.Errorf("a key known to be revoked is answered %d", a.status)
			}
			if a := r.door(t, "/verify", "chy_test_unknown"); a.status != 503 {
				t.Errorf("an unknown key, which may be a new one, is answered %d", a.status)
			}
			if st := r.status(t); st.Classes[class].Judged != (want == 204) || want == 204 && st.Classes[class].Left < 3000 || st.Classes["sensitive"].Judged {
				t.Errorf("%+v", st)
			}
		})
	}
}

type leaseStatus struct {
	Fresh   bool
	Member  bool
	Classes map[string]struct {
		Judged bool
		Left   float64 `json:"grace_left_seconds"`
	}
}

func (r *running) status(t *testing.T) (s leaseStatus) {
	t.Helper()
	if err := json.Unmarshal([]byte(get(t, r.at.AdminURL+"/status").body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}
