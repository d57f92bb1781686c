package bff

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/chancery-dev/chancery/services/portal/internal/browser"
)

// door passes the sign-in pages on to identity. Where one of them ends in a session, identity hands over a code, which never
// reaches the browser: the portal fetches the session by it and gives the browser a cookie.
func (b *BFF) door(w http.ResponseWriter, r *http.Request) {
	b.pass(w, r, "identity", passage{path: r.URL.Path, cookies: true, handoff: func(code string, h http.Header) error {
		return b.admit(r.Context(), code, b.secretOf(r), h)
	}})
}

type fetched struct {
	ID             string     `json:"id"`
	PersonID       string     `json:"person_id"`
	OrganizationID string     `json:"organization_id"`
	ACR            string     `json:"acr"`
	AMR            []string   `json:"amr"`
	AuthTime       *time.Time `json:"auth_time"`
	Seen           uint64     `json:"seen"`
	ExpiresAt      time.Time  `json:"expires_at"`
}

// admit fetches a session by its code and gives the browser a new cookie for it: one that was there before, perhaps put there
// by somebody else, stands for nothing any more.
func (b *BFF) admit(ctx context.Context, code, before string, h http.Header) error {
	f, err := b.fetch(ctx, code)
	if err != nil {
		return err
	}
	s := browser.Session{ID: f.ID, PersonID: f.PersonID, OrganizationID: f.OrganizationID, ACR: f.ACR, AMR: f.AMR, AuthTime: f.AuthTime,
		Seen: f.Seen, Position: f.Seen, ExpiresAt: f.ExpiresAt, UsedAt: b.Clock()}
	if was, err := b.Sessions.Find(ctx, before, b.Clock()); err == nil && was.ID == s.ID {
		s.Position = max(s.Position, was.Position)
	}
	if err := b.stands(ctx, s); err != nil {
		return err
	}
	secret, err := b.Sessions.Open(ctx, s, before)
	if err != nil {
		return err
	}
	b.setCookie(headerOnly(h), secret)
	return nil
}

func (b *BFF) fetch(ctx context.Context, code string) (f fetched, err error) {
	token, err := b.Signer.Sign(b.itself(), "identity")
	if err != nil {
		return f, err
	}
	body, err := json.Marshal(map[string]string{"code": code})
	if err != nil {
		return f, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.Services["identity"].JoinPath("/internal/sessions/redeem").String(), bytes.NewReader(body))
	if err != nil {
		return f, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := b.client.Do(r)
	if err != nil {
		return f, errAway.Because(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return f, errAway.Because(fmt.Errorf("identity answered %s to a code", response.Status))
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, response.Body, 64<<10)).Decode(&f); err != nil {
		return f, err
	}
	if f.ID == "" || f.PersonID == "" || f.ExpiresAt.IsZero() {
		return f, errors.New("identity handed over no session")
	}
	return f, nil
}

// stepUp sends the person of this session to confirm it; without a session there is nothing to confirm.
func (b *BFF) stepUp(w http.ResponseWriter, r *http.Request) {
	s, err := b.session(r.Context(), r)
	if errors.Is(err, errNoSession) {
		http.Redirect(w, r, "/auth/sign-in?return_to="+url.QueryEscape(r.FormValue("return_to")), http.StatusSeeOther)
		return
	}
	p := passage{path: r.URL.Path, cookies: true, session: &s}
	if err == nil {
		p.token, err = b.Signer.Sign(b.person(s), "identity")
	}
	if err != nil {
		b.refuse(w, r, err)
		return
	}
	b.pass(w, r, "identity", p)
}

// signOut ends the session at identity, and here even if identity does not answer.
func (b *BFF) signOut(w http.ResponseWriter, r *http.Request) {
	s, err := b.session(r.Context(), r)
	b.setCookie(w, "")
	if errors.Is(err, errNoSession) {
		http.Redirect(w, r, "/auth/signed-out", http.StatusSeeOther)
		return
	}
	p := passage{path: r.URL.Path, cookies: true, session: &s}
	if err == nil {
		p.token, err = b.Signer.Sign(b.person(s), "identity")
	}
	if err == nil {
		err = b.Sessions.Close(r.Context(), s.Cookie)
	}
	if err != nil {
		b.refuse(w, r, err)
		return
	}
	b.pass(w, r, "identity", p)
}

// headerOnly lets http.SetCookie write into a response that is under way.
type headerOnly http.Header

func (h headerOnly) Header() http.Header         { return http.Header(h) }
func (h headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (h headerOnly) WriteHeader(int)             {}
