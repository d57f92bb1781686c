package credential_test

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

// life is one credential under random commands, and what must hold of it whatever they are.
type life struct {
	kind    string
	state   credential.State
	now     time.Time
	allow   credential.Allowance
	made    byte
	retired map[uint32]bool
	dead    bool
	stored  [][]byte // every key and fingerprint ever accepted
}

func (l *life) material(t *rapid.T) credential.Secret {
	var n byte
	if l.made > 0 && rapid.IntRange(0, 4).Draw(t, "reuse") == 0 {
		n = byte(rapid.IntRange(1, int(l.made)).Draw(t, "which"))
	} else {
		l.made++
		n = l.made
	}
	switch l.kind {
	case credential.ClientKey:
		return jwk(n)
	case credential.ClientCertificate:
		return certificate(n)
	}
	return credential.Secret{Hint: "h", Fingerprint: bytes.Repeat([]byte{n}, 32)}
}

func (l *life) decide(t *rapid.T, c aggregate.Command[credential.State]) {
	facts, err := c.Decide(l.state)
	if err != nil && len(facts) > 0 {
		t.Fatalf("%T is refused with facts", c)
	}
	if l.dead && len(facts) > 0 {
		t.Fatalf("%T on a dead credential led to %v", c, facts)
	}
	before := l.state
	for _, f := range facts {
		l.follow(t, f)
		l.state = l.state.Evolve(f)
	}
	if !l.state.Issued || len(facts) == 0 {
		return
	}
	live := l.state.Live()
	if len(live) > 2 {
		t.Fatalf("%T left %d live generations", c, len(live))
	}
	for _, g := range live {
		if l.retired[g.Number] {
			t.Fatalf("%T revived generation %d", c, g.Number)
		}
		if g.ExpiresAt.Sub(g.StartsAt) > credential.MaxLifetime(l.state.Class) || g.ExpiresAt.After(l.allow.Until) {
			t.Fatalf("generation %d outlives its class or grant", g.Number)
		}
	}
	if len(l.state.Scopes) > len(before.Scopes) && before.Issued {
		t.Fatalf("%T widened the credential", c)
	}
	if l.state.Newest() < before.Newest() {
		t.Fatal("generations are counted backwards")
	}
}

func (l *life) follow(t *rapid.T, f aggregate.Event) {
	switch f := f.(type) {
	case *issuancev1.CredentialIssued:
		l.take(t, f.Fingerprint, f.Key)
	case *issuancev1.CredentialRotationStarted:
		if !l.now.Before(l.state.ExpiresAt) {
			t.Fatal("a secret whose time is over got a successor")
		}
		l.take(t, f.Fingerprint, f.Key)
	case *issuancev1.CredentialRetired:
		l.retired[f.Generation] = true
	case *issuancev1.CredentialLeakReported:
		for n := uint32(1); n <= f.Generation; n++ {
			l.retired[n] = true
		}
	case *issuancev1.CredentialDeliveryFailed:
		l.retired[f.Generation] = true
	case *issuancev1.CredentialRevoked, *issuancev1.CredentialExpired:
		l.dead = true
	}
}

func (l *life) take(t *rapid.T, fingerprint []byte, key *issuancev1.KeyMaterial) {
	what := append(bytes.Clone(fingerprint), key.GetPublicKeySha256()...)
	for _, s := range l.stored {
		if bytes.Equal(s, what) {
			t.Fatal("a key or secret was registered twice")
		}
	}
	if credential.Shared(l.kind) != (key == nil) {
		t.Fatalf("a %s was given what is not its own", l.kind)
	}
	l.stored = append(l.stored, what)
}

func TestACredentialsLifeHoldsItsRulesWhateverIsAsked(t *testing.T) { // D1, D2, D4, D5
	for range testkit.Size(10, 100) {
		rapid.Check(t, aLife)
	}
}

func aLife(t *rapid.T) {
	kind := rapid.SampledFrom([]string{credential.APIKey, credential.ClientSecret, credential.ClientKey, credential.ClientCertificate}).Draw(t, "kind")
	l := &life{kind: kind, now: now, allow: allow, retired: map[uint32]bool{}}
	l.allow.Until = now.Add(2000 * time.Hour)
	l.allow.Class = rapid.SampledFrom([]string{"public", "partner", "sensitive"}).Draw(t, "class")
	hours := func(name string, most int) time.Duration {
		return time.Duration(rapid.IntRange(-1, most).Draw(t, name)) * time.Hour
	}
	lifetime := func() time.Duration {
		return time.Duration(rapid.SampledFrom([]int{-1, 1, 24, 200, 720, 721, 1999}).Draw(t, "life")) * time.Hour
	}
	generation := func() uint32 { return uint32(rapid.IntRange(0, int(l.state.Newest())+1).Draw(t, "generation")) }
	t.Repeat(map[string]func(*rapid.T){
		"issue": func(t *rapid.T) {
			l.decide(t, credential.Issue{Kind: kind, Name: "n", Now: l.now, ExpiresAt: l.now.Add(lifetime()), Allowance: l.allow, Secret: l.material(t)})
		},
		"rotate": func(t *rapid.T) {
			l.decide(t, credential.Rotate{Now: l.now, ExpiresAt: l.now.Add(lifetime()), Overlap: hours("overlap", 180), Allowance: l.allow, Secret: l.material(t)})
		},
		"renew": func(t *rapid.T) {
			l.decide(t, credential.Renew{Generation: generation(), Now: l.now, Allowance: l.allow, Secret: l.material(t)})
		},
		"retire": func(t *rapid.T) { l.decide(t, credential.Retire{Generation: generation(), Reason: "requested"}) },
		"leak": func(t *rapid.T) {
			if rapid.IntRange(0, 4).Draw(t, "rarely") == 0 {
				l.decide(t, credential.ReportLeak{Generation: generation()})
			}
		},
		"expire": func(t *rapid.T) { l.decide(t, credential.Expire{Generation: generation(), Now: l.now}) },
		"revoke": func(t *rapid.T) {
			if rapid.IntRange(0, 5).Draw(t, "rarely") == 0 {
				l.decide(t, credential.Revoke{Reason: "policy"})
			}
		},
		"narrow": func(t *rapid.T) {
			scopes := rapid.SampledFrom([][]string{nil, {"accounts:read"}, {"payments:write"}}).Draw(t, "scopes")
			l.decide(t, credential.Narrow{Scopes: scopes, ExpiresAt: l.now.Add(hours("end", 900)), Reason: "policy_changed"})
		},
		"deliver": func(t *rapid.T) { l.decide(t, credential.Deliver{Generation: generation()}) },
		"give up": func(t *rapid.T) { l.decide(t, credential.GiveUp{Generation: generation(), Reason: "refused"}) },
		"wait":    func(*rapid.T) { l.now = l.now.Add(max(hours("pause", 20), 0)) },
	})
}
