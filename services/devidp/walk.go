package devidp

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Walk goes to start as a browser would and signs in as the person whenever the provider asks: it picks them, enters the
// code, touches the key. It answers the first response that is not a page of the provider; the client keeps the cookies.
func Walk(c *http.Client, start, email string) (*http.Response, error) {
	response, err := c.Get(start)
	for step := 0; err == nil && step < 6; step++ {
		form, ok := ask(response)
		if !ok {
			return response, nil
		}
		form.values.Set("person", email)
		response, err = c.PostForm(form.action, form.values)
	}
	if err == nil {
		err = fmt.Errorf("signing in as %s does not end", email)
	}
	return nil, err
}

type filled struct {
	action string
	values url.Values
}

var (
	action  = regexp.MustCompile(`<form method="post" action="([^"]+/(?:sign-in|second-factor))">`)
	pending = regexp.MustCompile(`name="request" value="([^"]+)"`)
	shown   = regexp.MustCompile(`<output class="code">(\d{6})</output>`)
)

// ask reads the form of a page of the provider, or leaves any other response untouched.
func ask(r *http.Response) (filled, bool) {
	path := r.Request.URL.Path
	if r.StatusCode != http.StatusOK || !strings.HasSuffix(path, "/sign-in") && !strings.HasSuffix(path, "/second-factor") {
		return filled{}, false
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	r.Body.Close()
	r.Body = io.NopCloser(strings.NewReader(string(b)))
	to, id := action.FindSubmatch(b), pending.FindSubmatch(b)
	if err != nil || to == nil || id == nil {
		return filled{}, false
	}
	at, err := r.Request.URL.Parse(string(to[1]))
	if err != nil {
		return filled{}, false
	}
	f := filled{action: at.String(), values: url.Values{"request": {string(id[1])}}}
	if code := shown.FindSubmatch(b); code != nil {
		f.values.Set("code", string(code[1]))
	}
	return f, true
}
