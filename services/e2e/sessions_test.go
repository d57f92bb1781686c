package e2e

import (
	"testing"
	"time"

	"github.com/chancery-dev/chancery/services/chancery/suitetest"
)

func TestAnEndedSessionIsCutAtOnce(t *testing.T) { // A5, A17
	s := tell(t)
	kenji := must[*suitetest.Person](s)(s.SignIn(s.ctx, "kenji@fabrikam.example"))
	s.good(kenji.Get(s.ctx, "identity", "/v1/me", nil))
	s.good(s.Cast.People["ines"].Post(s.ctx, "identity", "/v1/people/"+s.Cast.IDs["kenji"]+"/end-sessions", map[string]any{"reason": "lost phone"}, nil))
	took := s.eventually("the session is refused", func() bool { return suitetest.StatusOf(kenji.Get(s.ctx, "registry", "/v1/applications", nil)) == 401 })
	if took > time.Second {
		t.Errorf("the session was cut after %s", took)
	}
	s.Cast.People["kenji"] = must[*suitetest.Person](s)(s.SignIn(s.ctx, "kenji@fabrikam.example"))
}

func TestALeaverLosesEverythingAndLeavesAnOrphan(t *testing.T) { // A5, B2, B3, L12
	s := tell(t)
	application := must[string](s)(s.Cast.Register(s.ctx, "ruth", "kenji", "Left behind", "a story", "sandbox"))
	request, digest, err := s.Cast.Request(s.ctx, "ruth", application, whole.product, []string{"accounts:read"}, 30, "nightly reconciliation")
	s.good(err)
	s.good(s.Cast.Review(s.ctx, "mara", "product_reviewer", request, digest))
	grant := must[string](s)(s.Cast.Grant(s.ctx, "ruth", application, request))
	_, err = s.Cast.Issue(s.ctx, "kenji", grant, "api_key", "before")
	s.good(err)
	ruth := s.Cast.People["ruth"]
	s.good(ruth.Get(s.ctx, "identity", "/v1/me", nil))
	s.good(s.Cast.People["ines"].Post(s.ctx, "identity", "/v1/people/"+s.Cast.IDs["ruth"]+"/deprovision", map[string]any{"reason": "left the company"}, nil))
	took := s.eventually("the leaver is refused", func() bool { return suitetest.StatusOf(ruth.Get(s.ctx, "registry", "/v1/applications", nil)) == 401 })
	if took > time.Second {
		t.Errorf("the leaver was cut off after %s", took)
	}
	kenji := s.Principal("kenji")
	s.eventually("no credential is issued to an orphan", func() bool {
		return s.call(&kenji, "POST", "issuance", "/v1/credentials", map[string]any{"grant_id": grant, "kind": "api_key", "name": "after"}).str("code") == "owner_missing"
	})
}

func TestASuspendedOrganizationPauses(t *testing.T) { // B4, L3
	s := tell(t)
	_, grant := s.granted("Paused")
	key, err := s.Cast.Issue(s.ctx, "noor", grant, "api_key", "paused")
	s.good(err)
	s.eventually("the key works", func() bool { return s.verdict(key.Secret, accounts) == 204 })
	ines := s.Cast.People["ines"]
	at := "/v1/organizations/" + s.Cast.Organizations["northwind"]
	s.good(ines.Post(s.ctx, "identity", at+"/suspend", map[string]any{"reason": "unpaid"}, nil))
	s.eventually("its keys pause", func() bool { return s.verdict(key.Secret, accounts) != 204 })
	s.good(ines.Post(s.ctx, "identity", at+"/resume", map[string]any{"reason": "paid"}, nil))
	s.eventually("its keys go on", func() bool { return s.verdict(key.Secret, accounts) == 204 })
}
