package devidp

import (
	"crypto/subtle"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

//go:embed pages.html style.css
var assets embed.FS

var pages = template.Must(template.ParseFS(assets, "pages.html"))

// sessions are the browsers signed in at one issuer.
type sessions struct {
	mu   sync.Mutex
	open map[string]session
}

type session struct {
	subject string
	at      time.Time
	amr     []string
}

type view struct {
	Issuer  *Organization
	Request string
	Person  Person
	Hinted  *Person // whom the client named
	Code    string
	Client  string
	Factor  bool
	Wrong   bool
	Message string
	All     []*Organization
}

func style(w http.ResponseWriter, _ *http.Request) {
	b, _ := assets.ReadFile("style.css")
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(b)
}

func (p *Provider) list(w http.ResponseWriter, _ *http.Request) {
	v := view{}
	for _, slug := range p.order {
		v.All = append(v.All, &p.issuers[slug].storage.organization)
	}
	show(w, http.StatusOK, "list", "", v)
}

// show renders a page; to is where its form may end up, since a browser applies form-action to redirects too.
func show(w http.ResponseWriter, status int, page, to string, v view) {
	action := "'self'"
	if u, err := url.Parse(to); err == nil && u.Host != "" {
		action += " " + u.Scheme + "://" + u.Host
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action "+action+"; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	pages.ExecuteTemplate(w, page, v)
}

func (i *issuer) view(q request) view {
	v := view{Issuer: &i.storage.organization, Request: q.id, Factor: q.wantsFactor(), Person: i.storage.people[q.subject]}
	if u, err := url.Parse(q.asked.RedirectURI); err == nil {
		v.Client = u.Host
	}
	if p, ok := i.storage.people[Subject(v.Issuer.Slug, q.asked.LoginHint)]; ok {
		v.Hinted = &p
	}
	return v
}

// load answers the sign-in a form or link names, or shows that it is over.
func (i *issuer) load(w http.ResponseWriter, r *http.Request) (request, bool) {
	q, err := i.storage.find(r.FormValue("request"))
	if err != nil {
		show(w, http.StatusBadRequest, "over", "", view{Issuer: &i.storage.organization})
		return q, false
	}
	return q, true
}

func (i *issuer) signInPage(w http.ResponseWriter, r *http.Request) {
	q, ok := i.load(w, r)
	if !ok {
		return
	}
	s, known := i.session(r)
	switch {
	case known && q.fresh(s.at) && (!q.wantsFactor() || slices.Contains(s.amr, "mfa")):
		i.finish(w, r, q.id, s)
	case slices.Contains(q.asked.Prompt, oidc.PromptNone):
		op.AuthRequestError(w, r, &q.asked, oidc.ErrLoginRequired(), i.provider)
	case known && q.wantsFactor() && strings.EqualFold(q.asked.LoginHint, i.storage.people[s.subject].Email):
		i.storage.update(q.id, func(q *request) { q.subject, q.at, q.amr = s.subject, time.Now(), []string{"pwd"} })
		i.to(w, r, "second-factor", q.id)
	default:
		show(w, http.StatusOK, "sign-in", q.asked.RedirectURI, i.view(q))
	}
}

func (i *issuer) signIn(w http.ResponseWriter, r *http.Request) {
	q, ok := i.load(w, r)
	if !ok {
		return
	}
	s := session{subject: Subject(i.storage.organization.Slug, r.FormValue("person")), at: time.Now(), amr: []string{"pwd"}}
	if _, ok := i.storage.people[s.subject]; !ok {
		v := i.view(q)
		v.Message = "Nobody here has this address."
		show(w, http.StatusUnprocessableEntity, "sign-in", q.asked.RedirectURI, v)
		return
	}
	if q.wantsFactor() {
		i.storage.update(q.id, func(q *request) { q.subject, q.at, q.amr = s.subject, s.at, s.amr })
		i.to(w, r, "second-factor", q.id)
		return
	}
	i.finish(w, r, q.id, s)
}

func (i *issuer) factorPage(w http.ResponseWriter, r *http.Request) {
	if q, ok := i.load(w, r); ok {
		i.askFactor(w, http.StatusOK, q, false)
	}
}

func (i *issuer) askFactor(w http.ResponseWriter, status int, q request, wrong bool) {
	v := i.view(q)
	v.Wrong = wrong
	if v.Person.Factor == FactorCode {
		v.Code = q.code
	}
	show(w, status, "second-factor", q.asked.RedirectURI, v)
}

func (i *issuer) factor(w http.ResponseWriter, r *http.Request) {
	q, ok := i.load(w, r)
	if !ok {
		return
	}
	method := ""
	switch i.storage.people[q.subject].Factor {
	case FactorKey:
		method = "hwk"
	case FactorCode:
		given := strings.ReplaceAll(strings.TrimSpace(r.FormValue("code")), " ", "")
		if subtle.ConstantTimeCompare([]byte(given), []byte(q.code)) != 1 {
			i.storage.update(q.id, func(q *request) { q.code = digits() })
			q, _ = i.storage.find(q.id)
			i.askFactor(w, http.StatusUnprocessableEntity, q, true)
			return
		}
		method = "otp"
	default:
		i.askFactor(w, http.StatusUnprocessableEntity, q, false)
		return
	}
	i.finish(w, r, q.id, session{subject: q.subject, at: time.Now(), amr: []string{"pwd", method, "mfa"}})
}

func (i *issuer) refuse(w http.ResponseWriter, r *http.Request) {
	if q, ok := i.load(w, r); ok {
		op.AuthRequestError(w, r, &q.asked, oidc.ErrAccessDenied().WithDescription("The person refused to sign in."), i.provider)
	}
}

// finish answers the client with a code for the person of s.
func (i *issuer) finish(w http.ResponseWriter, r *http.Request, id string, s session) {
	i.storage.update(id, func(q *request) { q.subject, q.at, q.amr, q.done = s.subject, s.at, s.amr, true })
	i.remember(w, s)
	http.Redirect(w, r, i.url+"/authorize/callback?id="+url.QueryEscape(id), http.StatusSeeOther)
}

func (i *issuer) to(w http.ResponseWriter, r *http.Request, page, id string) {
	http.Redirect(w, r, "/"+i.storage.organization.Slug+"/"+page+"?request="+url.QueryEscape(id), http.StatusSeeOther)
}

func (i *issuer) cookie() string { return "devidp_" + i.storage.organization.Slug }

func (i *issuer) remember(w http.ResponseWriter, s session) {
	id := token()
	i.sessions.mu.Lock()
	if i.sessions.open == nil || len(i.sessions.open) >= pendingMax {
		i.sessions.open = map[string]session{}
	}
	i.sessions.open[id] = s
	i.sessions.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: i.cookie(), Value: id, Path: "/" + i.storage.organization.Slug, HttpOnly: true,
		SameSite: http.SameSiteLaxMode})
}

func (i *issuer) session(r *http.Request) (session, bool) {
	c, err := r.Cookie(i.cookie())
	if err != nil {
		return session{}, false
	}
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	s, ok := i.sessions.open[c.Value]
	return s, ok
}
