package e2e

import (
	"testing"
	"time"
)

// accounts is a call the ledger's accounts:read allows, payments one it does not.
const accounts, payments = "/ledger/v1/accounts", "/ledger/v1/payments"

func TestTheWholeLife(t *testing.T) { // B1, B2, C1, C2, C3, D1, D2, D11, E7, G1
	s := tell(t)
	_, grant := s.granted("Whole Life")
	first, err := s.Cast.Issue(s.ctx, "noor", grant, "api_key", "whole life")
	s.good(err)
	s.eventually("the key works", func() bool { return s.verdict(first.Secret, accounts) == 204 })
	if got := s.verdict(first.Secret, payments); got != 403 {
		t.Fatalf("a scope nobody granted: %d", got)
	}
	if got := s.verdict("chy_test_unknown", accounts); got != 401 {
		t.Fatalf("an unknown key: %d", got)
	}
	noor := s.Principal("noor")
	at := "/v1/credentials/" + first.ID
	second := s.wants(s.call(&noor, "POST", "issuance", at+"/rotate", map[string]any{"overlap_seconds": 3600}), 201, "").str("secret")
	s.eventually("the successor works", func() bool { return s.verdict(second, accounts) == 204 })
	if got := s.verdict(first.Secret, accounts); got != 204 {
		t.Fatalf("the old key in its overlap: %d", got)
	}
	s.wants(s.call(&noor, "POST", "issuance", at+"/retire", map[string]any{"generation": 1}), 200, "")
	s.eventually("the old key is refused", func() bool { return s.verdict(first.Secret, accounts) == 401 })
	sam := s.Principal("sam")
	s.wants(s.call(&sam, "POST", "issuance", at+"/revoke", map[string]any{"reason": "suspected_leak"}), 200, "")
	took := s.eventually("the revoked key is refused", func() bool { return s.verdict(second, accounts) == 401 })
	t.Logf("denied %s after the answer to the revocation", took.Round(100*time.Microsecond))
	anika := s.Principal("anika")
	want := []string{"issuance.credential.Issued", "issuance.credential.RotationStarted", "issuance.credential.Retired", "issuance.credential.Revoked"}
	s.eventually("every step is a record", func() bool {
		items, _ := s.wants(s.call(&anika, "GET", "audit", "/v1/records?limit=100&subject="+first.ID, nil), 200, "").body["items"].([]any)
		seen := map[string]bool{}
		for _, i := range items {
			seen[i.(map[string]any)["type"].(string)] = true
		}
		for _, kind := range want {
			if !seen[kind] {
				return false
			}
		}
		return true
	})
}

func TestNothingIsRevivedByEnablingAgain(t *testing.T) { // D9, L3
	s := tell(t)
	application, grant := s.granted("Off and on")
	before, err := s.Cast.Issue(s.ctx, "noor", grant, "api_key", "before")
	s.good(err)
	s.eventually("the key works", func() bool { return s.verdict(before.Secret, accounts) == 204 })
	ines, noor := s.Principal("ines"), s.Principal("noor")
	at := "/v1/applications/" + application
	s.wants(s.call(&noor, "POST", "registry", at+"/suspend", map[string]any{"reason": "holiday"}), 200, "")
	s.eventually("a suspended application's key pauses", func() bool { return s.verdict(before.Secret, accounts) != 204 })
	s.wants(s.call(&noor, "POST", "registry", at+"/resume", map[string]any{"reason": "back"}), 200, "")
	s.eventually("and goes on", func() bool { return s.verdict(before.Secret, accounts) == 204 })
	s.wants(s.call(&ines, "POST", "registry", at+"/disable", map[string]any{"reason": "incident"}), 200, "")
	s.eventually("a disabled application's key is refused", func() bool { return s.verdict(before.Secret, accounts) == 401 })
	s.wants(s.call(&ines, "POST", "registry", at+"/enable", map[string]any{"reason": "solved"}), 200, "")
	s.wants(s.call(&noor, "POST", "issuance", "/v1/credentials", map[string]any{"grant_id": grant, "kind": "api_key", "name": "again"}), 409, "")
	after, err := s.Cast.Issue(s.ctx, "noor", s.regranted(application), "api_key", "after")
	s.good(err)
	s.eventually("a new grant's key works", func() bool { return s.verdict(after.Secret, accounts) == 204 })
	if got := s.verdict(before.Secret, accounts); got != 401 {
		t.Fatalf("the key from before is answered %d", got)
	}
}

func TestAnIssueRacingADisableNeverLeavesAKeyThatWorks(t *testing.T) { // D9, D15
	s := tell(t)
	ines, noor := s.Principal("ines"), s.Principal("noor")
	for range 3 {
		application, grant := s.granted("Race")
		s.eventually("issuance knows the grant", func() bool {
			return s.call(&noor, "POST", "issuance", "/v1/credentials", map[string]any{"grant_id": grant, "kind": "api_key", "name": "x", "expires_in_seconds": 1 << 30}).str("code") == "lifetime_too_long"
		})
		disabled := make(chan answer, 1)
		other := *s
		go func() {
			disabled <- other.call(&ines, "POST", "registry", "/v1/applications/"+application+"/disable", map[string]any{"reason": "incident"})
		}()
		issued := s.call(&noor, "POST", "issuance", "/v1/credentials", map[string]any{"grant_id": grant, "kind": "api_key", "name": "racing"})
		s.wants(<-disabled, 200, "")
		if issued.status == 201 {
			s.eventually("the key is refused", func() bool { return s.verdict(issued.str("secret"), accounts) == 401 })
		} else if issued.status != 409 || issued.str("secret") != "" {
			t.Fatalf("the issue lost the race: %d %s", issued.status, issued.text)
		}
	}
}
