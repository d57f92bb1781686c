package lineage_test

import (
	"testing"

	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"

	"github.com/chancery-dev/chancery/libs/lineage/internal/truth"
)

// Cases too rare for chance: each is played as it must be, where the rule agrees with the truth, and with its fault, where
// it must not; a case without a fault is there to be read.
var cases = map[string]struct {
	fault faults
	play  func(w *world)
}{
	"authority is judged again when a decision is taken again": {
		faults{authorityOnce: true}, func(w *world) {
			c, session := w.withCredential(w.signIn(w.people[0], 400, 0))
			w.do(w.rotate(c, session, w.clock+300, w.clock+100, false), true)
			w.do(w.sessionEnded(session), false)
			w.do(w.retire(c, 1), false)
			w.landOne(0)
		},
	},
	"what a request led to dies with the request": {
		faults{requestless: true}, func(w *world) {
			a := w.apps[0]
			w.catchUp(w.services[approval], len(w.log))
			w.do(w.submit(a, "", 0, w.id()), false)
			w.do(w.approve(w.requests[0]), true) // decided while the application is enabled
			w.do(w.end(registry, "application", a.id, &registryv1.ApplicationDisabled{}, false), false)
			w.do(w.reopen(registry, "application", a.id, &registryv1.ApplicationEnabled{}), false)
			w.landOne(0)
			w.policies(false)
		},
	},
	"a renewal counts when the log stored it, not when it was decided": {
		faults{decisionTime: true}, func(w *world) {
			c, _ := w.withCredential("")
			w.do(w.renew(c.grant, w.clock+900), true)
			w.clock += 301
			w.landOne(0)
		},
	},
	"an issue that races a disable dies": {
		faults{}, func(w *world) {
			c, _ := w.withCredential("")
			w.do(w.end(registry, "application", w.apps[0].id, &registryv1.ApplicationDisabled{}, false), false)
			w.do(w.issue(c.grant, "", w.clock+100), true)
			w.do(w.reopen(registry, "application", w.apps[0].id, &registryv1.ApplicationEnabled{}), false)
			w.landOne(0)
		},
	},
	"a returning leaver's earlier tokens stay dead": {
		faults{notEnded: true}, func(w *world) {
			c, _ := w.withCredential("")
			p := w.people[0]
			w.token(c.id+"/1", w.keys[0], p, "", 300)
			w.do(w.end(identity, "person", p, &identityv1.PersonDeprovisioned{}, false), false)
			w.token(c.id+"/1", w.keys[0], p, "", 300) // decided by a fold that has not heard of it
			w.catchUp(w.services[issuance], len(w.log))
			w.token(c.id+"/1", w.keys[0], p, "", 300)
			w.do(w.reopen(identity, "person", p, &identityv1.PersonProvisioned{OrganizationId: w.orgs[0]}), false)
			w.catchUp(w.services[issuance], len(w.log))
			w.token(c.id+"/1", w.keys[0], p, "", 300)
		},
	},
	"compromised sessions take what was made in them, ended ones do not": {
		faults{}, func(w *world) {
			p := w.people[0]
			c, _ := w.withCredential(w.signIn(p, 400, 0))
			w.token(c.id+"/1", w.keys[0], p, "", 300)
			w.do(w.simple(identity, "person", p, &identityv1.PersonSessionsEnded{}, truth.Change{Verb: truth.End, Of: p, Reaches: []string{"session"}}), false)
			later := w.signIn(p, 400, 0)
			w.do(w.simple(identity, "person", p, &identityv1.PersonSessionsCompromised{},
				truth.Change{Verb: truth.End, Of: p, Reaches: []string{"session"}, Made: true}), false)
			w.do(w.rotate(c, later, w.clock+300, w.clock+100, false), false)
		},
	},
}

// withCredential registers, requests, grants and issues one.
func (w *world) withCredential(session string) (*cred, string) {
	w.catchUp(w.services[approval], len(w.log))
	w.do(w.submit(w.apps[0], session, 0, w.id()), false)
	w.do(w.approve(w.requests[0]), false)
	w.policies(false)
	w.do(w.issue(w.grants[0], session, w.clock+200), false)
	return w.creds[0], session
}

func TestFixedCases(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play := func(f faults, make func() judge) (*world, error) {
				w := newWorld(f, make)
				w.provider()
				w.do(w.register(w.orgs[0]), false)
				c.play(w)
				return w, w.agrees()
			}
			if w, err := play(faults{}, newReal); err != nil {
				t.Errorf("the rule: %v\n%s", err, w.story(history{}))
			}
			if w, err := play(faults{}, newFork(faults{})); err != nil {
				t.Errorf("the fork without a fault: %v\n%s", err, w.story(history{}))
			}
			if c.fault == (faults{}) {
				return
			}
			w, err := play(c.fault, newFork(c.fault))
			if err == nil {
				t.Fatalf("the fault was not found\n%s", w.story(history{}))
			}
			t.Logf("found: %v", err)
		})
	}
}
