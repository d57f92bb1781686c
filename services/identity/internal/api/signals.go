package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
	"github.com/chancery-dev/chancery/services/identity/internal/person"
	"github.com/chancery-dev/chancery/services/identity/internal/signon"
)

// Events of a provider that have an effect here; what else comes is taken and changes nothing.
const (
	sessionRevoked       = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	credentialChange     = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
	accountDisabled      = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	accountEnabled       = "https://schemas.openid.net/secevent/risc/event-type/account-enabled"
	accountPurged        = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
	credentialCompromise = "https://schemas.openid.net/secevent/risc/event-type/credential-compromise"
)

// effect is what an event of a provider does to the person it is about, or nil.
func effect(s signon.Signal) aggregate.Command[person.State] {
	reason := "the identity provider says: " + s.Type[strings.LastIndexByte(s.Type, '/')+1:]
	switch s.Type {
	case sessionRevoked, credentialChange:
		return person.SignOutUpstream{Reason: reason, TokenID: s.ID}
	case credentialCompromise:
		return person.EndSessions{Reason: reason, Compromised: true}
	case accountDisabled:
		return person.Lock{Reason: reason}
	case accountEnabled:
		return person.Unlock{Reason: reason}
	case accountPurged:
		return person.Deprovision{Reason: reason, Origin: "signal"}
	}
	return nil
}

func (a *API) signals(e *endpoint.API) {
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "POST", Path: "/auth/signals/{organization}", Summary: "Take a security event token of the organisation's provider, RFC 8935",
		Tag: "shared signals", MaxBody: signon.SignalBytes, Accept: []string{"application/secevent+jwt"}, Timeout: 20 * time.Second,
		Limits: endpoint.Limits{Address: endpoint.Rate{Count: 1200, Per: time.Minute}}}, http.HandlerFunc(a.signal), nil)
}

// signal is RFC 8935 §2: 202 once the effect is in the log, 400 with a reason for what will never be taken.
func (a *API) signal(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, signon.SignalBytes))
	if err == nil {
		err = a.Hear(r.Context(), r.PathValue("organization"), strings.TrimSpace(string(raw)))
	}
	code, _ := refusalOf(err)
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case code != "":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Language", "en")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"err": code, "description": strings.TrimPrefix(err.Error(), code+": ")})
	default:
		a.Logger.ErrorContext(r.Context(), "a security event token could not be taken", "error", err)
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

var signalCommands = uuid.MustParse("a1b65e0e-4f0d-5f8c-9d7c-6f2c8d0b6a55")

// Hear takes one token of an organisation's provider: verified, then acted on once, then remembered. Taken again it changes
// nothing, also when this process ended between two of these steps.
func (a *API) Hear(ctx context.Context, organizationID, compact string) error {
	if uuid.Validate(organizationID) != nil {
		return signon.ErrSignalIssuer
	}
	org, _, err := a.Organizations.Load(ctx, organizationID)
	if err != nil {
		return err
	}
	if org.SingleSignOn.Issuer == "" || org.Closed {
		return signon.ErrSignalIssuer
	}
	audiences := []string{org.SingleSignOn.ClientID, a.PublicURL, a.PublicURL + "/auth/signals/" + organizationID}
	s, err := a.Providers.Signal(ctx, org.SingleSignOn.Issuer, compact, audiences)
	if err != nil {
		return err
	}
	if known, err := a.Sessions.Heard(ctx, organizationID, s.ID); err != nil || known {
		return err
	}
	if cmd := effect(s); cmd != nil {
		of, err := a.signalled(ctx, organizationID, org, s.Of, 2)
		if err != nil {
			return err
		}
		if of != "" {
			m := eventlog.MetaFrom(ctx)
			m.CommandID = uuid.NewSHA1(signalCommands, []byte(organizationID+"\x00"+s.ID)).String()
			m.Actor, m.Source = &eventv1.Actor{Id: "identity.signals", Kind: "service"}, nil
			_, err := a.People.Handle(eventlog.WithMeta(ctx, m), of, cmd)
			// Who has left, or is unknown, has nothing that could end.
			if err != nil && !slices.ContainsFunc([]error{person.ErrUnknown, person.ErrGone, person.ErrErased}, func(e error) bool { return errors.Is(err, e) }) {
				return err
			}
		}
	}
	return a.Sessions.Hear(ctx, organizationID, s.ID, s.Type, a.Clock(), signon.SignalAge)
}

// signalled is the person of the organisation whom a provider means, or nobody.
func (a *API) signalled(ctx context.Context, organizationID string, org organization.State, of signon.Identifier, left int) (string, error) {
	if left < 0 {
		return "", nil
	}
	switch of.Format {
	case "iss_sub":
		if of.Issuer != org.SingleSignOn.Issuer {
			return "", nil
		}
		sum := a.Fingerprints.Of("link\x00" + organizationID + "\x00" + of.Issuer + "\x00" + of.Subject)
		id, err := a.Vault.Get(ctx, links, hex.EncodeToString(sum[:]))
		if errors.Is(err, eventlog.ErrNoSecret) {
			return "", nil
		}
		return string(id), err
	case "email":
		return a.Rows.ByEmail(ctx, organizationID, strings.ToLower(of.Email))
	case "complex":
		if of.User != nil {
			return a.signalled(ctx, organizationID, org, *of.User, left-1)
		}
	case "aliases":
		for _, one := range of.Identifiers[:min(len(of.Identifiers), 10)] {
			if id, err := a.signalled(ctx, organizationID, org, one, left-1); err != nil || id != "" {
				return id, err
			}
		}
	}
	return "", nil
}
