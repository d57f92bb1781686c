package bff

import (
	"context"
	"errors"
	"net/http"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/portal/internal/browser"
)

// cookieName carries the prefix that binds a cookie to this origin wherever browsers come by https (RFC 6265bis §4.1.3.2).
func (b *BFF) cookieName() string {
	if b.Secure {
		return "__Host-chancery"
	}
	return "chancery_session"
}

func (b *BFF) secretOf(r *http.Request) string {
	if c, err := r.Cookie(b.cookieName()); err == nil {
		return c.Value
	}
	return ""
}

func (b *BFF) setCookie(w http.ResponseWriter, secret string) {
	c := &http.Cookie{Name: b.cookieName(), Value: secret, Path: "/", HttpOnly: true, Secure: b.Secure, SameSite: http.SameSiteLaxMode}
	if secret == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// session is the session of a request, asked anew each time whether it stands: a lock, a departure or an ended session cuts
// from the moment its fact is folded here.
func (b *BFF) session(ctx context.Context, r *http.Request) (browser.Session, error) {
	s, err := b.Sessions.Find(ctx, b.secretOf(r), b.Clock())
	if errors.Is(err, browser.ErrNone) {
		return s, errNoSession
	}
	if err != nil {
		return s, err
	}
	return s, b.stands(ctx, s)
}

func (b *BFF) stands(ctx context.Context, s browser.Session) error {
	if err := b.waitFor(ctx, s.Seen); err != nil {
		return err
	}
	err := b.Fold.LiveClaim(lineage.Claim{Ref: lineage.Ref{Kind: "session", ID: s.ID}, Seen: s.Seen, Expires: s.ExpiresAt,
		Ancestors: []lineage.Ref{{Kind: "person", ID: s.PersonID}}}, b.Clock())
	if err == nil {
		return nil
	}
	if dead, ok := lineage.Why(err); ok && dead.Cause == lineage.Paused && dead.By.Kind == "organization" {
		// A suspension is lifted again, and the session with it.
		return errNoSession.Because(err)
	}
	if err := b.Sessions.Close(ctx, s.Cookie); err != nil {
		b.Logger.WarnContext(ctx, "a session that is over was not forgotten", "error", err)
	}
	return errNoSession.Because(err)
}

// person vouches for the person of a session, with the roles they hold now.
func (b *BFF) person(s browser.Session) principal.Principal {
	// Read before the roles: a token never claims to have seen more than it was made of.
	seen := b.Fold.Position()
	p := principal.Principal{
		ID: s.PersonID, Kind: principal.Person, Organization: s.OrganizationID, Roles: b.Roster.Of(s.OrganizationID, s.PersonID),
		Session: s.ID, SessionSeen: s.Seen, ACR: s.ACR, AMR: s.AMR, Seen: seen, Expires: s.ExpiresAt,
	}
	if s.AuthTime != nil {
		p.AuthTime = *s.AuthTime
	}
	return p
}

// itself vouches for the portal.
func (b *BFF) itself() principal.Principal {
	return principal.Principal{ID: "portal", Kind: principal.Service, Seen: b.Fold.Position()}
}

// ends is when a session ends if nobody uses it.
func (b *BFF) ends(s browser.Session) string {
	return s.Ends(b.Sessions.Idle).UTC().Format(http.TimeFormat)
}
