// Package signal says which security event each fact is to the world outside: one table, CAEP 1.0 and RISC 1.0.
package signal

import (
	"google.golang.org/protobuf/proto"

	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// The types of event that are sent.
const (
	SessionRevoked       = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	CredentialChange     = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
	TokenClaimsChange    = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
	AccountDisabled      = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	AccountEnabled       = "https://schemas.openid.net/secevent/risc/event-type/account-enabled"
	AccountPurged        = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
	CredentialCompromise = "https://schemas.openid.net/secevent/risc/event-type/credential-compromise"
	Verification         = "https://schemas.openid.net/secevent/ssf/event-type/verification"
)

// Types are those a receiver may ask for.
var Types = []string{SessionRevoked, CredentialChange, TokenClaimsChange, AccountDisabled, AccountEnabled, AccountPurged, CredentialCompromise}

// Event is one security event before it is addressed to anybody.
type Event struct {
	Type string
	// Of is what it is about, Session the one session of it that is meant, if one is.
	Of, Session Subject
	// Everybody says that it concerns every organisation.
	Everybody bool
	// Members are those of the event beside when and by whom.
	Members map[string]any
}

// Subject is what an event is about: a person, client, application, organisation, session or token, and its id.
type Subject struct{ Kind, ID string }

// rule makes the event of one fact; nil of a fact that only records what another fact has ended, which told of it.
type rule func(e *eventv1.Envelope, fact proto.Message) *Event

// silent is the rule of a fact that ends nothing anybody outside holds, and says why.
type silent string

// table is every fact that ends something, and those that give it back.
var table = map[proto.Message]any{
	&identityv1.PersonLocked{}:                    about(AccountDisabled, nil),
	&identityv1.PersonUnlocked{}:                  about(AccountEnabled, nil),
	&identityv1.PersonSessionEnded{}:              rule(oneSession),
	&identityv1.PersonSessionsEnded{}:             about(SessionRevoked, nil),
	&identityv1.PersonSignedOutUpstream{}:         about(SessionRevoked, nil),
	&identityv1.PersonSessionsCompromised{}:       about(SessionRevoked, nil),
	&identityv1.PersonDeprovisioned{}:             about(AccountDisabled, nil),
	&identityv1.PersonErased{}:                    about(AccountPurged, nil),
	&identityv1.OrganizationClosed{}:              about(AccountPurged, nil),
	&registryv1.ApplicationDisabled{}:             about(AccountDisabled, nil),
	&registryv1.ApplicationEnabled{}:              about(AccountEnabled, nil),
	&registryv1.ApplicationOffboarded{}:           about(AccountPurged, nil),
	&approvalv1.RequestDenied{}:                   silent("nothing was given yet"),
	&approvalv1.RequestWithdrawn{}:                silent("nothing was given yet"),
	&approvalv1.RequestExpired{}:                  silent("nothing was given yet"),
	&approvalv1.GrantRevoked{}:                    rule(grantRevoked),
	&approvalv1.GrantExpired{}:                    about(TokenClaimsChange, map[string]any{"claims": map[string]any{"scope": ""}}),
	&issuancev1.CredentialRevoked{}:               rule(revoked),
	&issuancev1.CredentialExpired{}:               about(CredentialChange, change("api-key", "delete")),
	&issuancev1.CredentialRetired{}:               rule(retired),
	&issuancev1.CredentialLeakReported{}:          about(CredentialCompromise, map[string]any{"credential_type": "api-key"}),
	&issuancev1.LeakReceived{}:                    silent("it names secrets of several organisations; each credential's own CredentialLeakReported tells those it concerns"),
	&issuancev1.ConsentRevoked{}:                  rule(consentRevoked),
	&issuancev1.ConsentExpired{}:                  about(CredentialChange, change("refresh-token", "delete")),
	&issuancev1.ConsentReuseDetected{}:            about(CredentialCompromise, map[string]any{"credential_type": "refresh-token"}),
	&issuancev1.TokenRevoked{}:                    about(SessionRevoked, nil),
	&issuancev1.SigningKeyCompromised{}:           rule(keyCompromised),
	&issuancev1.CredentialDeliveryFailed{}:        about(CredentialChange, change("api-key", "delete")),
	&issuancev1.CertificateAuthorityCompromised{}: rule(authorityCompromised),
	&registryv1.ProductRetired{}:                  silent("nothing descends from a product; its grants end by facts of their own"),
	&registryv1.VersionRetired{}:                  silent("nothing descends from a version"),
	&issuancev1.SignalStreamEnded{}:               silent("the receiver is told by the stream's own status"),
	&auditv1.SubscriptionEnded{}:                  about(CredentialChange, change("nats-user", "revoke")),
}

var rules, silences = byName()

func byName() (map[string]rule, map[string]string) {
	r, s := map[string]rule{}, map[string]string{}
	for fact, is := range table {
		name := string(proto.MessageName(fact))
		switch is := is.(type) {
		case rule:
			r[name] = is
		case silent:
			s[name] = string(is)
		}
	}
	return r, s
}

// Mapped says whether the table names a fact at all.
func Mapped(name string) bool { return rules[name] != nil || silences[name] != "" }

// Of is the event of a fact, or nil if it makes none.
func Of(e *eventv1.Envelope, fact proto.Message) *Event {
	if fact == nil {
		return nil
	}
	if r := rules[string(proto.MessageName(fact))]; r != nil {
		return r(e, fact)
	}
	return nil
}

func subject(e *eventv1.Envelope) Subject {
	return Subject{e.GetSubject().GetKind(), e.GetSubject().GetId()}
}

func about(kind string, members map[string]any) rule {
	return func(e *eventv1.Envelope, _ proto.Message) *Event {
		return &Event{Type: kind, Of: subject(e), Members: members}
	}
}

func change(credential, what string) map[string]any {
	return map[string]any{"credential_type": credential, "change_type": what}
}

func oneSession(e *eventv1.Envelope, fact proto.Message) *Event {
	return &Event{Type: SessionRevoked, Of: subject(e), Session: Subject{"session", fact.(*identityv1.PersonSessionEnded).SessionId}}
}

// followed are the reasons under which a policy records what another fact has ended.
var followed = map[string]bool{
	"grant_ended": true, "application_ended": true, "organization_ended": true, "request_ended": true, "person_ended": true, "session_ended": true,
	"session_compromised": true, "credential_ended": true, "person_left": true, "signed_out_upstream": true,
}

// recorded are the words with which approval records what an application's or organisation's end has ended.
var recorded = map[string]bool{
	"the application was disabled": true, "the application was offboarded": true, "the organisation was closed": true, "the application ended": true,
}

func grantRevoked(e *eventv1.Envelope, fact proto.Message) *Event {
	if e.GetActor().GetKind() == "service" && recorded[fact.(*approvalv1.GrantRevoked).Reason] {
		return nil
	}
	return about(TokenClaimsChange, map[string]any{"claims": map[string]any{"scope": ""}})(e, fact)
}

func revoked(e *eventv1.Envelope, fact proto.Message) *Event {
	if followed[fact.(*issuancev1.CredentialRevoked).Reason] {
		return nil
	}
	return about(CredentialChange, change("api-key", "revoke"))(e, fact)
}

func retired(e *eventv1.Envelope, fact proto.Message) *Event {
	if followed[fact.(*issuancev1.CredentialRetired).Reason] {
		return nil
	}
	return about(CredentialChange, change("api-key", "update"))(e, fact)
}

func consentRevoked(e *eventv1.Envelope, fact proto.Message) *Event {
	if r := fact.(*issuancev1.ConsentRevoked).Reason; followed[r] || r == "policy" && e.GetActor().GetKind() == "service" {
		return nil
	}
	return about(CredentialChange, change("refresh-token", "revoke"))(e, fact)
}

func keyCompromised(e *eventv1.Envelope, fact proto.Message) *Event {
	return &Event{Type: CredentialCompromise, Of: subject(e), Everybody: true, Members: map[string]any{"credential_type": "signing-key"}}
}

func authorityCompromised(e *eventv1.Envelope, fact proto.Message) *Event {
	return &Event{Type: CredentialCompromise, Of: subject(e), Everybody: true, Members: map[string]any{"credential_type": "x509"}}
}
