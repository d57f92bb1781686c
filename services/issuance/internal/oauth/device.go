package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/issuance/internal/page"
	"github.com/chancery-dev/chancery/services/issuance/internal/underway"
)

type deviceResponse struct {
	DeviceCode      string `json:"device_code"`
	UserCode        string `json:"user_code"`
	VerificationURI string `json:"verification_uri"`
	ExpiresIn       int64  `json:"expires_in"`
	Interval        int64  `json:"interval"`
}

// DevicePath is where a person types the code a device shows. There is no link that carries the code: whoever could send one
// could have people connect a device that is not theirs (RFC 8628 §5.4).
const DevicePath = "/device"

// Device is RFC 8628 §3.1.
func (s *Server) Device(w http.ResponseWriter, r *http.Request) {
	q, err := s.calling(w, r, "resource")
	var d deviceResponse
	if err == nil {
		d, err = s.await(q)
	}
	if err != nil {
		s.fail(w, r, q.client, err)
		return
	}
	answer(w, http.StatusOK, d)
}

func (s *Server) await(q *tokenRequest) (d deviceResponse, err error) {
	if !q.client.may(deviceCode) {
		return d, unauthorizedClient("the client may not connect devices")
	}
	call := endpoint.CallOf(q.http.Context())
	in := underway.Request{ClientID: q.client.id, MaxAge: -1, StartedAt: s.Now(), From: call.Address, Agent: printable(call.UserAgent)}
	if err := s.scoped(q.client, q.form, &in); err != nil {
		return d, err
	}
	if err := s.bind(q); err != nil && !errors.Is(err, errUnbound) {
		return d, err
	}
	if q.binding != nil {
		in.KeyThumbprint = q.binding.JKT
	}
	d = deviceResponse{VerificationURI: s.Issuer + DevicePath, ExpiresIn: int64(underway.DeviceFor.Seconds()), Interval: int64(underway.Pause.Seconds())}
	d.DeviceCode, d.UserCode, err = s.Underway.Await(q.http.Context(), in, s.Now())
	return d, err
}

// DevicePage asks a person for the code their device shows.
func (s *Server) DevicePage(w http.ResponseWriter, r *http.Request) {
	page.Render(w, r, http.StatusOK, page.Device{})
}

// DeviceTyped finds what a device asks for and puts it to the person.
func (s *Server) DeviceTyped(w http.ResponseWriter, r *http.Request) {
	typed := r.PostFormValue("user_code")
	code, ok := underway.UserCode(typed)
	in, err := underway.Request{}, underway.ErrUnknown
	if ok {
		in, err = s.Underway.Typed(r.Context(), code, s.Now())
	}
	handle := ""
	if err == nil {
		in.StartedAt = s.Now()
		handle, err = s.Underway.Open(r.Context(), in, s.Now())
	}
	switch {
	case errors.Is(err, underway.ErrUnknown):
		page.Render(w, r, http.StatusUnprocessableEntity, page.Device{Typed: typed, Problem: "No device waits with this code. Check the letters, or start again on the device."})
	case err != nil:
		s.RefusedPage(w, r, err)
	default:
		page.Headers(w.Header())
		http.Redirect(w, r, ConsentPath+"?"+url.Values{"request": {handle}}.Encode(), http.StatusSeeOther)
	}
}

func (s *Server) decideDevice(w http.ResponseWriter, r *http.Request, q question, p principal.Principal, allowed bool) {
	state := underway.Denied
	if allowed {
		state = underway.Allowed
	}
	switch err := s.Underway.Decide(r.Context(), q.in.Device, state, s.decision(r.Context(), p), s.Now()); {
	case errors.Is(err, underway.ErrUnknown):
		s.cannot(w, r, q, errOver)
	case err != nil:
		s.cannot(w, r, q, err)
	default:
		page.Render(w, r, http.StatusOK, page.Done{Allowed: allowed})
	}
}

// redeemDevice is RFC 8628 §3.4.
func (s *Server) redeemDevice(ctx context.Context, q *tokenRequest) (tokenResponse, error) {
	if err := s.openly(ctx, q); err != nil {
		return tokenResponse{}, err
	}
	c, state, pause, err := s.Underway.Poll(ctx, q.form.Get("device_code"), q.client.id, s.Now())
	switch {
	case errors.Is(err, underway.ErrUnknown):
		return tokenResponse{}, invalidGrant("the device code is not known")
	case errors.Is(err, underway.ErrHasty):
		return tokenResponse{}, refuse(http.StatusBadRequest, "slow_down", "ask every "+strconv.Itoa(int(pause.Seconds()))+" seconds")
	case err != nil:
		return tokenResponse{}, err
	case state != underway.Allowed && !s.Now().Before(c.ExpiresAt):
		return tokenResponse{}, refuse(http.StatusBadRequest, "expired_token", "start again")
	case state == underway.Waiting:
		return tokenResponse{}, refuse(http.StatusBadRequest, "authorization_pending", "the person has not decided yet")
	case state == underway.Denied:
		return tokenResponse{}, refuse(http.StatusBadRequest, "access_denied", "the person did not allow it")
	}
	return s.give(ctx, q, c, deviceCode)
}
