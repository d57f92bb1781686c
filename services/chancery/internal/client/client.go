// Package client calls the public API as a person does: signed in through the portal by the organisation's provider.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/services/devidp"
)

// Problem is a refusal, RFC 9457.
type Problem struct {
	Status    int    `json:"status"`
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
	Errors    []struct {
		Field  string `json:"field"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"errors"`
}

// Error is the sentence, and which field it is about.
func (p *Problem) Error() string {
	text := fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail)
	for _, f := range p.Errors {
		text += fmt.Sprintf(" (%s: %s)", f.Field, f.Detail)
	}
	return text
}

// CodeOf is the stable code of a refusal, empty for any other error.
func CodeOf(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// Person is one signed-in person.
type Person struct {
	Email  string
	portal string
	http   *http.Client
	// Position is the newest position an answer named.
	Position uint64
}

// SignIn signs a person of the organisation in at the portal, through its development provider.
func SignIn(ctx context.Context, portal, email string) (*Person, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	p := &Person{Email: email, portal: portal, http: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
	return p, p.walk(ctx, "/auth/start?email="+url.QueryEscape(email)+"&return_to=/")
}

// As is whoever a transport speaks for, such as somebody signed in to the command line.
func As(portal string, transport http.RoundTripper) *Person {
	return &Person{portal: strings.TrimSuffix(portal, "/"), http: &http.Client{Transport: transport, Timeout: 30 * time.Second}}
}

// errNotHere says that a program cannot touch the person's second factor.
var errNotHere = errors.New("this wants a second factor not older than five minutes: chancery login, then try again")

// StepUp proves the person's second factor again.
func (p *Person) StepUp(ctx context.Context) error {
	if p.Email == "" {
		return errNotHere
	}
	return p.walk(ctx, "/auth/step-up?return_to=/")
}

func (p *Person) walk(_ context.Context, path string) error {
	response, err := devidp.Walk(p.http, p.portal+path, p.Email)
	if err != nil {
		return fmt.Errorf("sign-in of %s: %w", p.Email, err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if response.StatusCode >= 400 || strings.HasPrefix(response.Request.URL.Path, "/auth/") {
		return fmt.Errorf("sign-in of %s ended at %s with %s: %.300s", p.Email, response.Request.URL.Path, response.Status, text)
	}
	return nil
}

// Document is a body that is sent as it is.
type Document struct {
	Type string
	Body []byte
}

// Do calls one operation of a service, proving a second factor when it is asked for, and decodes the answer into out.
func (p *Person) Do(ctx context.Context, method, service, path string, in, out any) error {
	err := p.once(ctx, method, service, path, in, out)
	if CodeOf(err) != "step_up_required" {
		return err
	}
	if err := p.StepUp(ctx); err != nil {
		return err
	}
	return p.once(ctx, method, service, path, in, out)
}

// Get reads.
func (p *Person) Get(ctx context.Context, service, path string, out any) error {
	return p.Do(ctx, http.MethodGet, service, path, nil, out)
}

// Raw reads a body that is no JSON document.
func (p *Person) Raw(ctx context.Context, service, path string) (raw []byte, err error) {
	err = p.Do(ctx, http.MethodGet, service, path, nil, &raw)
	return raw, err
}

// Post commands.
func (p *Person) Post(ctx context.Context, service, path string, in, out any) error {
	return p.Do(ctx, http.MethodPost, service, path, in, out)
}

// Command commands under an Idempotency-Key, so that it may be sent again, and answers the position of what was decided.
func (p *Person) Command(ctx context.Context, service, path, key string, in, out any) (uint64, error) {
	at, err := p.send(ctx, http.MethodPost, service, path, key, in, out)
	if CodeOf(err) != "step_up_required" {
		return at, err
	}
	if err := p.StepUp(ctx); err != nil {
		return 0, err
	}
	return p.send(ctx, http.MethodPost, service, path, key, in, out)
}

func (p *Person) once(ctx context.Context, method, service, path string, in, out any) error {
	_, err := p.send(ctx, method, service, path, "", in, out)
	return err
}

func (p *Person) send(ctx context.Context, method, service, path, key string, in, out any) (at uint64, err error) {
	var body io.Reader = http.NoBody
	kind := "application/json"
	switch in := in.(type) {
	case nil:
	case Document:
		body, kind = bytes.NewReader(in.Body), in.Type
	default:
		raw, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, p.portal+"/api/"+service+path, body)
	if err != nil {
		return 0, err
	}
	if in != nil {
		r.Header.Set("Content-Type", kind)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := p.http.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if at, err = strconv.ParseUint(response.Header.Get("Chancery-Position"), 10, 64); err == nil {
		p.Position = max(p.Position, at)
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return 0, err
	}
	if response.StatusCode >= 400 {
		refusal := &Problem{Status: response.StatusCode, Detail: strings.TrimSpace(string(raw[:min(len(raw), 300)]))}
		_ = json.Unmarshal(raw, refusal)
		return 0, refusal
	}
	if into, ok := out.(*[]byte); ok {
		*into = raw
		return at, nil
	}
	if out == nil || len(raw) == 0 {
		return at, nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return at, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return at, nil
}
