package lineage_test

import (
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/lineage/internal/truth"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

type (
	facts   = []proto.Message
	things  = []truth.Thing
	changes = []truth.Change
	live    = func(kind, id string) bool
	claimed = func(string) bool
)

func stamp(t int64) *timestamppb.Timestamp { return timestamppb.New(timeOf(t)) }

// simple is a decision that creates nothing and does one thing to its own aggregate.
func (w *world) simple(service int, kind, id string, fact proto.Message, c ...truth.Change) *decision {
	return &decision{service: service, kind: kind, id: id,
		facts: func(int) (facts, things, changes) { return facts{fact}, nil, c }}
}

func (w *world) register(org string) *decision {
	id := w.id()
	return &decision{service: registry, kind: "application", id: id,
		check: func(live live, _ claimed) bool { return live("organization", org) },
		facts: func(int) (facts, things, changes) {
			return facts{&registryv1.ApplicationRegistered{OrganizationId: org}}, things{{ID: id, Kind: "application", From: []string{org}}}, nil
		},
		landed: func(at, _ int) { w.apps = append(w.apps, &app{id: id, org: org, born: at}) }}
}

// end, and reopen, what may be ended and reopened: an application or a person, or for good an organisation.
func (w *world) end(service int, kind, id string, fact proto.Message, final bool) *decision {
	d := w.simple(service, kind, id, fact, truth.Change{Verb: truth.End, Of: id})
	inner := d.facts
	d.facts = func(p int) (facts, things, changes) {
		if w.gone[id] || w.ended[id] && !final {
			return nil, nil, nil
		}
		return inner(p)
	}
	d.landed = func(int, int) { w.ended[id], w.gone[id] = true, w.gone[id] || final }
	return d
}

func (w *world) reopen(service int, kind, id string, fact proto.Message) *decision {
	d := w.simple(service, kind, id, fact, truth.Change{Verb: truth.Reopen, Of: id})
	inner := d.facts
	d.facts = func(p int) (facts, things, changes) {
		if w.gone[id] || !w.ended[id] {
			return nil, nil, nil
		}
		return inner(p)
	}
	d.landed = func(int, int) { delete(w.ended, id) }
	return d
}

func (w *world) signIn(person string, life int64, shown uint64) string {
	d := &decision{service: identity, kind: "person", id: person, shown: shown,
		check: func(live live, _ claimed) bool { return live("person", person) }}
	id := w.claim(d, "session", life, []lineage.Ref{{Kind: "person", ID: person}})
	if id != "" {
		w.sessions = append(w.sessions, id)
		w.personOf[id] = person
	}
	return id
}

func (w *world) submit(a *app, session string, cause int, id string) *decision {
	r := &request{id: id, app: a}
	d := &decision{service: approval, kind: "request", id: id, session: session, cause: cause,
		facts: func(int) (facts, things, changes) {
			if w.tails["request/"+id] != 0 {
				return nil, nil, nil
			}
			return facts{&approvalv1.RequestSubmitted{ApplicationId: a.id, OrganizationId: a.org}},
				things{{ID: id, Kind: "request", From: []string{a.id}}}, nil
		},
		landed: func(int, int) { w.requests = append(w.requests, r) }}
	if cause == 0 {
		d.check = func(live live, _ claimed) bool { return live("application", a.id) }
	}
	return d
}

func (w *world) approve(r *request) *decision {
	return &decision{service: approval, kind: "request", id: r.id,
		check: func(live live, _ claimed) bool { return live("request", r.id) },
		facts: func(int) (facts, things, changes) {
			if r.decided {
				return nil, nil, nil
			}
			return facts{&approvalv1.RequestApproved{}}, nil, nil
		},
		landed: func(int, int) { r.decided = true }}
}

func (w *world) withdraw(r *request) *decision {
	return &decision{service: approval, kind: "request", id: r.id,
		facts: func(int) (facts, things, changes) {
			if r.decided {
				return nil, nil, nil
			}
			return facts{&approvalv1.RequestWithdrawn{}}, nil, changes{{Verb: truth.End, Of: r.id}}
		},
		landed: func(int, int) { r.decided = true }}
}

func (w *world) activate(r *request, cause int, until int64) *decision {
	id := "11111111" + r.id[8:]
	return &decision{service: approval, kind: "grant", id: id, cause: cause,
		facts: func(int) (facts, things, changes) {
			if w.tails["grant/"+id] != 0 {
				return nil, nil, nil
			}
			return facts{&approvalv1.GrantActivated{RequestId: r.id, ApplicationId: r.app.id, OrganizationId: r.app.org, Until: stamp(until)}},
				things{{ID: id, Kind: "grant", From: []string{r.id}, Until: until}}, nil
		},
		landed: func(int, int) { w.grants = append(w.grants, &grant{id: id, request: r}) }}
}

func (w *world) renew(g *grant, until int64) *decision {
	return &decision{service: approval, kind: "grant", id: g.id,
		check: func(live live, _ claimed) bool { return live("grant", g.id) },
		facts: func(int) (facts, things, changes) {
			return facts{renewed(until)}, nil, changes{{Verb: truth.Renew, Of: g.id, Until: until}}
		}}
}

func (w *world) issue(g *grant, session string, until int64) *decision {
	c := &cred{id: w.id(), grant: g, newest: 1}
	return &decision{service: issuance, kind: "credential", id: c.id, session: session,
		check: func(live live, _ claimed) bool { return live("grant", g.id) },
		facts: func(int) (facts, things, changes) {
			return facts{&issuancev1.CredentialIssued{
					GrantId: g.id, RequestId: g.request.id, ApplicationId: g.request.app.id, OrganizationId: g.request.app.org,
					Generation: 1, ExpiresAt: stamp(until)}},
				things{{ID: c.id, Kind: "credential", From: []string{g.id}}, {ID: c.id + "/1", Kind: "generation", From: []string{c.id}, Until: until}}, nil
		},
		landed: func(_, seen int) {
			c.seen = seen
			w.creds, w.gens = append(w.creds, c), append(w.gens, c.id+"/1")
		}}
}

// rotate adds a generation; in an emergency every earlier one ends in the same message.
func (w *world) rotate(c *cred, session string, until, overlap int64, emergency bool) *decision {
	return &decision{service: issuance, kind: "credential", id: c.id, session: session,
		check: func(live live, _ claimed) bool { return live("credential", c.id) },
		facts: func(int) (f facts, b things, ch changes) {
			next := generation(c.id, c.newest+1)
			if emergency {
				f, ch = append(f, generationsEnded()), append(ch, truth.Change{Verb: truth.End, Of: c.id, Reaches: []string{"generation"}})
			}
			ch = append(ch, truth.Change{Verb: truth.Lapse, Of: generation(c.id, c.newest), Until: overlap, Place: truth.Place{Index: len(f)}})
			b = append(b, truth.Thing{ID: next, Kind: "generation", From: []string{c.id}, Until: until, Place: truth.Place{Index: len(f)}})
			f = append(f, &issuancev1.CredentialRotationStarted{Generation: c.newest + 1, PreviousGeneration: c.newest, ExpiresAt: stamp(until), OverlapEndsAt: stamp(overlap)})
			return f, b, ch
		},
		landed: func(int, int) {
			c.newest++
			w.gens = append(w.gens, generation(c.id, c.newest))
		}}
}

func (w *world) leak(c *cred, upTo uint32) *decision {
	var ch changes
	for n := uint32(1); n <= upTo; n++ {
		ch = append(ch, truth.Change{Verb: truth.End, Of: generation(c.id, n)})
	}
	return w.simple(issuance, "credential", c.id, &issuancev1.CredentialLeakReported{Generation: upTo}, ch...)
}

func (w *world) retire(c *cred, n uint32) *decision {
	return w.simple(issuance, "credential", c.id, &issuancev1.CredentialRetired{Generation: n}, truth.Change{Verb: truth.End, Of: generation(c.id, n)})
}

func (w *world) createKey() *decision {
	id := w.id()
	return &decision{service: issuance, kind: "signing_key", id: id,
		facts: func(int) (facts, things, changes) {
			return facts{&issuancev1.SigningKeyCreated{KeyId: id}}, things{{ID: id, Kind: "signing_key"}}, nil
		},
		landed: func(int, int) { w.keys = append(w.keys, id) }}
}

// token is handed to a client by one of its generations, and acts for a person, in a session, by neither or both.
func (w *world) token(gen, key, person, session string, life int64) string {
	d := &decision{service: issuance, kind: "credential", id: gen[:36], check: func(live live, claim claimed) bool {
		return live("generation", gen) && live("signing_key", key) && (person == "" || live("person", person)) && (session == "" || claim(session))
	}}
	ancestors := []lineage.Ref{{Kind: "generation", ID: gen}, {Kind: "signing_key", ID: key}}
	if person != "" {
		ancestors = append(ancestors, lineage.Ref{Kind: "person", ID: person})
	}
	var from []string
	if session != "" {
		from, d.shown = append(from, session), w.claims[session].Shown()
	}
	return w.keep(w.claim(d, "token", life, ancestors, from...))
}

func (w *world) exchange(token, gen, key string, life int64) string {
	d := &decision{service: issuance, kind: "credential", id: gen[:36], shown: w.claims[token].Shown(), check: func(live live, claim claimed) bool {
		return live("generation", gen) && live("signing_key", key) && claim(token)
	}}
	return w.keep(w.claim(d, "token", life, []lineage.Ref{{Kind: "generation", ID: gen}, {Kind: "signing_key", ID: key}}, token))
}

func (w *world) keep(token string) string {
	if token != "" {
		w.tokens = append(w.tokens, token)
	}
	return token
}

func (w *world) sessionEnded(session string) *decision {
	return w.simple(identity, "person", w.personOf[session], &identityv1.PersonSessionEnded{SessionId: session}, truth.Change{Verb: truth.End, Of: session})
}

func generation(cred string, n uint32) string { return cred + "/" + strconv.Itoa(int(n)) }
