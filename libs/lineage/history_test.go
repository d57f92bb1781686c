package lineage_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/libs/lineage/internal/truth"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// history is what is drawn: an opening, a swarm of few kinds of operation, and words that choose among them.
type history struct {
	opening int
	swarm   []string
	words   []uint64
}

var (
	openings = []string{"bare", "disabled and enabled, then a credential", "a person's session and a credential", "two applications and a token",
		"a person left and came back", "a policy is late"}
	// groups are kinds of operation that make sense together.
	groups = [][]string{{"register"}, {"disable", "enable"}, {"offboard"}, {"suspend application", "resume application"},
		{"sessions ended"}, {"sessions compromised"}, {"session ended"}, {"deprovision", "provision"}, {"lock", "unlock"}, {"sign in"},
		{"suspend organization", "resume organization"}, {"close organization"}, {"verify organization"},
		{"submit"}, {"review"}, {"approve"}, {"withdraw"}, {"revoke grant"}, {"renew grant"}, {"narrow grant"},
		{"issue"}, {"rotate"}, {"emergency rotation"}, {"retire"}, {"leak"}, {"revoke credential"}, {"create key"}, {"compromise key"},
		{"token"}, {"exchange"}, {"revoke token"}, {"policies"}, {"replay"}, {"tick"}, {"land"}, {"catch up"}}
)

func histories() *rapid.Generator[history] {
	kinds := rapid.Permutation(groups)
	words := rapid.SliceOfN(rapid.Uint64(), 3, 16)
	opening := rapid.IntRange(0, len(openings)-1)
	return rapid.Custom(func(t *rapid.T) history {
		h := history{opening: opening.Draw(t, "opening"), words: words.Draw(t, "words")}
		for _, g := range kinds.Draw(t, "kinds")[:3+mix(h.words[0], 1)%5] {
			h.swarm = append(h.swarm, g...)
		}
		return h
	})
}

func mix(x, salt uint64) uint64 {
	x += (salt + 1) * 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// dice gives small numbers out of one word.
type dice uint64

func (d *dice) n(sides int) int {
	if sides <= 0 {
		return 0
	}
	*d = dice(mix(uint64(*d), 7))
	return int(uint64(*d) % uint64(sides))
}

func pick[T any](d *dice, of []T) (x T, ok bool) {
	if len(of) == 0 {
		return x, false
	}
	// Newer ones more often: what just happened is what races.
	i := max(d.n(len(of)), d.n(len(of)))
	return of[i], true
}

// play lets the whole history happen and drains what is under way.
func (h history) play(w *world) {
	h.open(w)
	for i, word := range h.words {
		d := dice(mix(word, uint64(i)))
		w.step(&d, h.swarm[d.n(len(h.swarm))])
		if d.n(3) == 0 {
			s := w.services[d.n(services)]
			w.catchUp(s, s.position()+d.n(5))
		}
	}
	for len(w.queue) > 0 {
		w.landOne(0)
	}
	w.policies(false)
}

func (w *world) landOne(i int) {
	p := w.queue[i]
	w.queue = append(w.queue[:i:i], w.queue[i+1:]...)
	w.land(p)
}

func (h history) open(w *world) {
	w.provider()
	org, person := w.orgs[0], w.people[0]
	w.do(w.register(org), false)
	credential := func(a *app, session string) {
		w.do(w.submit(a, session, 0, w.id()), false)
		if len(w.requests) == 0 {
			return
		}
		w.do(w.approve(w.requests[len(w.requests)-1]), false)
		w.catchUp(w.services[approval], len(w.log))
		w.answer(approval)
		w.catchUp(w.services[issuance], len(w.log))
		if len(w.grants) > 0 {
			w.do(w.issue(w.grants[len(w.grants)-1], session, w.clock+200), false)
		}
	}
	switch openings[h.opening] {
	case "disabled and enabled, then a credential":
		a := w.apps[0].id
		w.do(w.end(registry, "application", a, &registryv1.ApplicationDisabled{}, false), false)
		w.do(w.reopen(registry, "application", a, &registryv1.ApplicationEnabled{}), false)
		w.catchUp(w.services[approval], len(w.log))
		credential(w.apps[0], "")
	case "a person's session and a credential":
		w.catchUp(w.services[approval], len(w.log))
		credential(w.apps[0], w.signIn(person, 400, 0))
	case "two applications and a token":
		w.do(w.register(org), false)
		w.catchUp(w.services[approval], len(w.log))
		credential(w.apps[0], "")
		credential(w.apps[1], "")
		if len(w.gens) > 0 {
			w.token(w.gens[0], w.keys[0], "", "", 300)
		}
	case "a policy is late":
		w.do(w.simple(identity, "organization", org, &identityv1.OrganizationVerified{}), false)
		w.do(w.end(registry, "application", w.apps[0].id, &registryv1.ApplicationDisabled{}, false), false)
		w.do(w.reopen(registry, "application", w.apps[0].id, &registryv1.ApplicationEnabled{}), false)
	case "a person left and came back":
		w.signIn(person, 400, 0)
		w.do(w.end(identity, "person", person, &identityv1.PersonDeprovisioned{}, false), false)
		w.do(w.reopen(identity, "person", person, &identityv1.PersonProvisioned{OrganizationId: org}), false)
	}
}

// provider sets up what every history needs: an organisation, a person, a signing key.
func (w *world) provider() {
	org := w.id()
	w.do(&decision{service: identity, kind: "organization", id: org, facts: func(int) (facts, things, changes) {
		return facts{&identityv1.OrganizationRegistered{}}, things{{ID: org, Kind: "organization"}}, nil
	}}, false)
	person := w.id()
	w.do(&decision{service: identity, kind: "person", id: person, facts: func(int) (facts, things, changes) {
		return facts{&identityv1.PersonProvisioned{OrganizationId: org}}, things{{ID: person, Kind: "person", From: []string{org}}},
			changes{{Verb: truth.Reopen, Of: person}}
	}}, false)
	w.do(w.createKey(), false)
	for _, s := range w.services {
		w.catchUp(s, len(w.log))
	}
	w.orgs, w.people = []string{org}, []string{person}
}

// policies of every service run to the head; again from zero if all is said twice.
func (w *world) policies(fromZero bool) {
	for range 3 {
		for i, s := range w.services {
			w.catchUp(s, len(w.log))
			if fromZero {
				s.answered = 0
			}
			w.answer(i)
		}
	}
}

// answer runs a service's policies over what its checkpoint has passed and they have not answered.
func (w *world) answer(i int) {
	s := w.services[i]
	for upTo := s.position(); s.answered < upTo; s.answered++ {
		m := w.log[s.answered]
		switch m.facts[0].(type) {
		case *approvalv1.RequestApproved:
			if i != approval {
				continue
			}
			for _, r := range w.requests {
				if r.id == m.envelope.Subject.Id {
					w.do(w.activate(r, m.position, m.stored+300), false)
				}
			}
		case *identityv1.OrganizationVerified:
			if i != approval {
				continue
			}
			for _, a := range w.apps {
				if a.org == m.envelope.Subject.Id && a.born < m.position {
					w.do(w.submit(a, "", m.position, fmt.Sprintf("2%07x%s", m.position, a.id[8:])), false)
				}
			}
		case *registryv1.ApplicationDisabled:
			if i != issuance {
				continue
			}
			for _, c := range w.creds {
				// Only what the cause ended.
				if c.grant.request.app.id == m.envelope.Subject.Id && c.seen < m.position && !w.ended[c.id] {
					d := w.simple(issuance, "credential", c.id, &issuancev1.CredentialRevoked{}, truth.Change{Verb: truth.End, Of: c.id})
					d.record, d.cause = true, m.position
					d.landed = func(int, int) { w.ended[c.id] = true }
					w.do(d, false)
				}
			}
		}
	}
}

// story tells the history for a person to read.
func (w *world) story(h history) string {
	var b strings.Builder
	fmt.Fprintf(&b, "opening: %s; swarm: %v\n", openings[h.opening], h.swarm)
	for _, m := range w.log {
		fmt.Fprintf(&b, "%3d t+%-4d seen %-3d %s %s", m.position, m.stored-1_800_000_000, m.envelope.Seen, m.envelope.Subject.Kind, m.envelope.Subject.Id[24:])
		for _, f := range m.facts {
			fmt.Fprintf(&b, " %s %v", f.ProtoReflect().Descriptor().Name(), f)
		}
		b.WriteString("\n")
	}
	for id, c := range w.claims {
		fmt.Fprintf(&b, "claim %s %s seen %d from %v %d\n", c.Ref.Kind, id[24:], c.Seen, c.Ancestors, len(c.From))
	}
	return b.String()
}
