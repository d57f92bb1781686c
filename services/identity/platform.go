package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/identity/internal/api"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
	"github.com/chancery-dev/chancery/services/identity/internal/session"
	"github.com/chancery-dev/chancery/services/identity/internal/view"
)

// platform is the platform's own organisation as the configuration tells it. The configuration counts until its first
// administrator has signed in; from then on the log does.
type platform struct {
	config
	organizations eventlog.Repository[organization.State]
	vault         *eventlog.Vault
	clock         func() time.Time
}

func (p platform) ensure(ctx context.Context) error {
	m := eventlog.MetaFrom(ctx)
	m.Actor = &eventv1.Actor{Id: "platform", Kind: "system"}
	ctx = eventlog.WithMeta(ctx, m)
	s, _, err := p.organizations.LoadLeader(ctx, organization.ProviderID)
	if err != nil || s.Administered && !p.Recover {
		return err
	}
	if s.Kind == "" {
		if p.PlatformName == "" {
			return errors.New("CHANCERY_PLATFORM_NAME is not set: at the first start it should be the name of the platform's own organisation")
		}
		_, err := p.organizations.Handle(ctx, organization.ProviderID, organization.Register{ID: organization.ProviderID, Name: p.PlatformName, Kind: organization.Provider, Now: p.clock()})
		if err != nil && !errors.Is(err, organization.ErrRegistered) {
			return fmt.Errorf("CHANCERY_PLATFORM_NAME: %w", err)
		}
	}
	return p.signOn(ctx, s.SingleSignOn)
}

func (p platform) signOn(ctx context.Context, now organization.SingleSignOn) error {
	if p.PlatformIssuer == "" && now.Issuer != "" {
		return nil
	}
	next := organization.SingleSignOn{Issuer: p.PlatformIssuer, ClientID: p.PlatformClientID, Domains: p.PlatformDomains, GroupRoles: p.PlatformGroups}
	if !p.PlatformSecret.IsZero() {
		next.SecretID = now.SecretID
		if kept, err := p.vault.Get(ctx, api.ClientSecrets, now.SecretID); now.SecretID == "" || err != nil || string(kept) != p.PlatformSecret.Reveal() {
			next.SecretID = uuid.NewString()
			if err := p.vault.Put(ctx, api.ClientSecrets, next.SecretID, []byte(p.PlatformSecret.Reveal())); err != nil {
				return err
			}
		}
	}
	if _, err := p.organizations.Handle(ctx, organization.ProviderID, organization.ConfigureSingleSignOn{SingleSignOn: next}); err != nil {
		return fmt.Errorf("CHANCERY_PLATFORM_ISSUER, _CLIENT_ID, _DOMAINS and _GROUPS say how the platform's own people sign in: %w", err)
	}
	return nil
}

// opening opens the profiles that identity sealed.
func opening(v *eventlog.Vault) view.Open {
	opener := eventlog.NewOpener(v)
	return func(ctx context.Context, r eventlog.Recorded) (eventlog.Recorded, error) {
		opened, _, err := opener.Open(ctx, r)
		return opened, err
	}
}

// eraser takes out what identity can read of a person; what others sealed is theirs to erase.
type eraser struct {
	vault    *eventlog.Vault
	sessions session.Store
}

func (e eraser) erase(ctx context.Context, personID string) error {
	if err := e.sessions.Forget(ctx, personID); err != nil {
		return err
	}
	if err := api.Unlink(ctx, e.vault, personID); err != nil {
		return err
	}
	_, err := e.vault.ErasePeople(ctx, personID)
	return err
}
