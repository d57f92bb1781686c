package lineage_test

import (
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/lineage/internal/truth"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// step does one operation to something picked by the dice; what there is not is passed over.
func (w *world) step(d *dice, op string) {
	later, life := d.n(3) == 0, int64(20+d.n(200))
	do := func(c *decision) {
		if d.n(4) == 0 {
			c.shown = max(c.shown, uint64(len(w.log))) // the caller was told of its last command
		}
		c.after = 1 + d.n(4)
		w.do(c, later)
	}
	person, _ := pick(d, w.people)
	org, _ := pick(d, w.orgs)
	session := ""
	if d.n(2) == 0 {
		session, _ = pick(d, w.sessions)
	}
	pause := func(service int, kind, id string, fact proto.Message, verb truth.Verb) {
		do(w.simple(service, kind, id, fact, truth.Change{Verb: verb, Of: id}))
	}
	switch op {
	case "sessions ended":
		do(w.simple(identity, "person", person, &identityv1.PersonSessionsEnded{}, truth.Change{Verb: truth.End, Of: person, Reaches: []string{"session"}}))
	case "sessions compromised":
		do(w.simple(identity, "person", person, &identityv1.PersonSessionsCompromised{},
			truth.Change{Verb: truth.End, Of: person, Reaches: []string{"session"}, Made: true}))
	case "session ended":
		if s, ok := pick(d, w.sessions); ok {
			do(w.sessionEnded(s))
		}
	case "deprovision":
		do(w.end(identity, "person", person, &identityv1.PersonDeprovisioned{}, false))
	case "provision":
		do(w.reopen(identity, "person", person, &identityv1.PersonProvisioned{OrganizationId: w.orgs[0]}))
	case "lock":
		do(w.simple(identity, "person", person, &identityv1.PersonLocked{}, truth.Change{Verb: truth.Pause, Of: person},
			truth.Change{Verb: truth.End, Of: person, Reaches: []string{"session"}}))
	case "unlock":
		pause(identity, "person", person, &identityv1.PersonUnlocked{}, truth.Resume)
	case "sign in":
		w.signIn(person, life, uint64(len(w.log)*d.n(2)))
	case "suspend organization":
		pause(identity, "organization", org, &identityv1.OrganizationSuspended{}, truth.Pause)
	case "resume organization":
		pause(identity, "organization", org, &identityv1.OrganizationResumed{}, truth.Resume)
	case "close organization":
		do(w.end(identity, "organization", org, &identityv1.OrganizationClosed{}, true))
	case "verify organization":
		do(w.simple(identity, "organization", org, &identityv1.OrganizationVerified{}))
	case "register":
		do(w.register(org))
	case "create key":
		do(w.createKey())
	case "compromise key":
		if k, ok := pick(d, w.keys); ok {
			do(w.end(issuance, "signing_key", k, &issuancev1.SigningKeyCompromised{KeyId: k}, true))
		}
	case "token":
		w.stepToken(d, person, session, life)
	case "exchange":
		t, ok := pick(d, w.tokens)
		g, okG := pick(d, w.gens)
		k, okK := pick(d, w.keys)
		if ok && okG && okK {
			w.exchange(t, g, k, life)
		}
	case "revoke token":
		if t, ok := pick(d, w.tokens); ok {
			do(w.end(issuance, "token", t, &issuancev1.TokenRevoked{}, true))
		}
	case "policies":
		w.catchUp(w.services[approval], w.services[approval].position()+d.n(6))
		w.catchUp(w.services[issuance], w.services[issuance].position()+d.n(6))
		w.answer(approval)
		w.answer(issuance)
	case "replay":
		s := w.services[approval+d.n(2)]
		s.answered = 0
	case "tick":
		w.clock += int64(1 + d.n(80))
	case "land":
		if len(w.queue) > 0 {
			w.landOne(d.n(len(w.queue)))
		}
	case "catch up":
		w.catchUp(w.services[d.n(services)], d.n(len(w.log)+1))
	default:
		w.stepApplication(d, op, session, life, do, pause)
	}
}

func (w *world) stepToken(d *dice, person, session string, life int64) {
	g, ok := pick(d, w.gens)
	k, okK := pick(d, w.keys)
	if !ok || !okK {
		return
	}
	if session != "" {
		person = w.personOf[session]
	}
	if d.n(3) == 0 {
		person = ""
	}
	w.token(g, k, person, session, life)
}

func (w *world) stepApplication(d *dice, op, session string, life int64, do func(*decision), pause func(int, string, string, proto.Message, truth.Verb)) {
	a, okA := pick(d, w.apps)
	r, okR := pick(d, w.requests)
	g, okG := pick(d, w.grants)
	c, okC := pick(d, w.creds)
	switch {
	case op == "disable" && okA:
		do(w.end(registry, "application", a.id, &registryv1.ApplicationDisabled{}, false))
	case op == "enable" && okA:
		do(w.reopen(registry, "application", a.id, &registryv1.ApplicationEnabled{}))
	case op == "offboard" && okA:
		do(w.end(registry, "application", a.id, &registryv1.ApplicationOffboarded{}, true))
	case op == "suspend application" && okA:
		pause(registry, "application", a.id, &registryv1.ApplicationSuspended{}, truth.Pause)
	case op == "resume application" && okA:
		pause(registry, "application", a.id, &registryv1.ApplicationResumed{}, truth.Resume)
	case op == "submit" && okA:
		do(w.submit(a, session, 0, w.id()))
	case op == "approve" && okR:
		do(w.approve(r))
	case op == "review" && okR:
		do(w.simple(approval, "request", r.id, &approvalv1.RequestReviewed{}))
	case op == "withdraw" && okR:
		do(w.withdraw(r))
	case op == "revoke grant" && okG:
		do(w.end(approval, "grant", g.id, &approvalv1.GrantRevoked{}, true))
	case op == "renew grant" && okG:
		do(w.renew(g, w.clock+2*life))
	case op == "narrow grant" && okG:
		do(w.simple(approval, "grant", g.id, &approvalv1.GrantNarrowed{}))
	case op == "issue" && okG:
		do(w.issue(g, session, w.clock+life))
	case op == "rotate" && okC:
		do(w.rotate(c, session, w.clock+2*life, w.clock+life/4, false))
	case op == "emergency rotation" && okC:
		do(w.rotate(c, session, w.clock+2*life, w.clock+life/4, true))
	case op == "retire" && okC:
		do(w.retire(c, 1+uint32(d.n(int(c.newest)))))
	case op == "leak" && okC:
		do(w.leak(c, 1+uint32(d.n(int(c.newest)))))
	case op == "revoke credential" && okC:
		do(w.end(issuance, "credential", c.id, &issuancev1.CredentialRevoked{}, true))
	}
}
