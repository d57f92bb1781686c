package consent_test

import (
	"bytes"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
)

var now = time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)

func give(change func(*consent.Give)) consent.Give {
	c := consent.Give{PersonID: "p", CredentialID: "c", ApplicationID: "a", OrganizationID: "o", ProductID: "x", Scopes: []string{"accounts:read"},
		Now: now, ExpiresAt: now.Add(time.Hour), MaxLife: 24 * time.Hour, Fingerprint: []byte{1}, KeyThumbprint: "k", Flow: "authorization_code"}
	if change != nil {
		change(&c)
	}
	return c
}

func given() *issuancev1.ConsentGiven {
	id := "c"
	return &issuancev1.ConsentGiven{PersonId: "p", CredentialId: &id, ApplicationId: "a", OrganizationId: "o", ProductId: "x",
		Scopes: []string{"accounts:read"}, ExpiresAt: timestamppb.New(now.Add(time.Hour)), Fingerprint: []byte{1}, KeyThumbprint: "k", Flow: "authorization_code"}
}

func refresh(number uint32, key string) consent.Refresh {
	return consent.Refresh{Number: number, Fingerprint: []byte{byte(number)}, KeyThumbprint: key, Now: now, Next: []byte{byte(number + 1)}}
}

func TestACodeIsRedeemedOnceAndTwiceEndsTheConsent(t *testing.T) { // D3
	s := testkit.Given[consent.State](t).When(give(nil)).Then(given())
	s.When(give(nil)).Then(&issuancev1.ConsentReuseDetected{})
	s.When(give(nil)).Refused(consent.ErrEnded)
	s.When(refresh(1, "k")).Refused(consent.ErrEnded)
}

func TestGivingIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*consent.Give)
		want   error
	}{
		"for nothing":      {func(c *consent.Give) { c.Scopes = nil }, consent.ErrNoScopes},
		"beyond the class": {func(c *consent.Give) { c.ExpiresAt = now.Add(25 * time.Hour) }, consent.ErrTooLong},
		"for no time":      {func(c *consent.Give) { c.ExpiresAt = now }, consent.ErrTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Given[consent.State](t).When(give(c.change)).Refused(c.want)
		})
	}
}

func TestARefreshTokenWorksOnce(t *testing.T) { // D3
	s := testkit.Given[consent.State](t, given())
	s.When(refresh(1, "k")).Then(&issuancev1.ConsentRefreshed{Number: 2, Fingerprint: []byte{2}})
	s.When(refresh(3, "k")).Refused(consent.ErrToken)
	s.When(refresh(2, "another")).Refused(consent.ErrKey)
	s.When(refresh(2, "")).Refused(consent.ErrKey)
	s.When(consent.Refresh{Number: 2, Fingerprint: []byte{9}, KeyThumbprint: "k", Now: now}).Refused(consent.ErrToken)
	s.When(refresh(1, "another")).Then(&issuancev1.ConsentReuseDetected{Number: 1})
	s.When(refresh(2, "k")).Refused(consent.ErrEnded)
	s.When(consent.Revoke{Reason: "withdrawn"}).Then()
}

func TestAConsentEndsInTimeAndByWord(t *testing.T) {
	late := refresh(1, "k")
	late.Now = now.Add(time.Hour)
	s := testkit.Given[consent.State](t, given())
	s.When(late).Refused(consent.ErrEnded)
	s.When(consent.Expire{Now: now}).Refused(consent.ErrNotDue)
	s.When(consent.Expire{Now: late.Now}).Then(&issuancev1.ConsentExpired{ExpiresAt: timestamppb.New(now.Add(time.Hour))})
	s.When(consent.Expire{Now: late.Now}).Then()
	testkit.Given[consent.State](t, given()).When(consent.Revoke{Reason: "withdrawn"}).Then(&issuancev1.ConsentRevoked{Reason: "withdrawn"}).
		When(refresh(1, "k")).Refused(consent.ErrEnded)
	for _, c := range []aggregate.Command[consent.State]{refresh(1, "k"), consent.Revoke{}, consent.Expire{}} {
		testkit.Given[consent.State](t).When(c).Refused(consent.ErrUnknown)
	}
}

func TestOnlyTheNewestOfAFamilyEverWorks(t *testing.T) { // D3
	rapid.Check(t, func(t *rapid.T) {
		s := aggregate.Fold(consent.State{}, given())
		newest, ended, clock := uint32(1), false, now
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			clock = clock.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "seconds")) * time.Second)
			over := !clock.Before(now.Add(time.Hour))
			var cmd aggregate.Command[consent.State]
			number, key, right, kind := uint32(0), "k", true, rapid.SampledFrom([]string{"refresh", "refresh", "refresh", "refresh", "give", "revoke", "expire"}).Draw(t, "kind")
			switch kind {
			case "refresh":
				number = uint32(rapid.IntRange(max(1, int(newest)-1), int(newest)+1).Draw(t, "number"))
				key, right = rapid.SampledFrom([]string{"k", "k", "k", "other"}).Draw(t, "key"), rapid.IntRange(0, 9).Draw(t, "right") > 0
				c := refresh(number, key)
				if c.Now = clock; !right {
					c.Fingerprint = []byte("wrong")
				}
				cmd = c
			case "give":
				cmd = give(nil)
			case "revoke":
				cmd = consent.Revoke{Reason: "withdrawn"}
			case "expire":
				cmd = consent.Expire{Now: clock}
			}
			facts, err := cmd.Decide(s)
			before := s
			s = aggregate.Fold(s, facts...)
			works := kind == "refresh" && !ended && !over && number == newest && right && key == "k"
			ends := !ended && (kind == "give" || kind == "revoke" || kind == "expire" && over || kind == "refresh" && number < newest)
			switch {
			case works && (err != nil || s.Number != newest+1 || !bytes.Equal(s.Fingerprint, []byte{byte(newest + 1)})):
				t.Fatalf("the newest did not work: %v %+v", err, s)
			case !works && s.Number != before.Number:
				t.Fatalf("%s %d by %q made a successor of %d", kind, number, key, newest)
			case ends != (s.Ended && !before.Ended), ended && len(facts) > 0:
				t.Fatalf("%s %d: ended %v, facts %v", kind, number, s.Ended, facts)
			}
			if works {
				newest++
			}
			ended = ended || ends
		}
	})
}
