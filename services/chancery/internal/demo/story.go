package demo

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/services/chancery/internal/client"
	"github.com/chancery-dev/chancery/services/chancery/internal/upstream"
	"github.com/chancery-dev/chancery/services/chancery/internal/world"
)

// chapter is what earlier steps leave to later ones.
type chapter struct {
	product, version, basePath  string
	scope, foreign              string // the scope that is granted, and one that is not
	allowed, forbidden          operation
	application, request, grant string
	digest                      string
	key                         world.Key
}

type operation struct {
	ID, Method, Path string
	Scopes           []string
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// target is a path that the operation answers.
func (o operation) target(base string) string { return base + parameter.ReplaceAllString(o.Path, "x1") }

func (o operation) String() string { return fmt.Sprintf("%-4s %s", o.Method, o.Path) }

// position finds the position in EVENTS of the newest fact of a type about a subject, once it is recorded.
func (s *story) position(ctx context.Context, kind, subject string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var found struct {
			Items []struct{ Sequence uint64 }
		}
		if err := s.cast.People["anika"].Get(ctx, "audit", "/v1/records?limit=1&type="+kind+"&subject="+subject, &found); err != nil {
			return 0, err
		}
		if len(found.Items) > 0 {
			return found.Items[0].Sequence, nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return 0, fmt.Errorf("no record of %s about %s", kind, subject)
		}
	}
}

// happened prints a fact with its place in the log.
func (s *story) happened(ctx context.Context, step int, name, kind, subject, format string, args ...any) error {
	at, err := s.position(ctx, kind, subject)
	if err != nil {
		return err
	}
	if step > 0 {
		s.step(step, name, "%s", fact(kind, at, format, args...))
	} else {
		s.line(name, "%s", fact(kind, at, format, args...))
	}
	return s.check(kind+" is in the log", true, at > 0)
}

func (s *story) publish(ctx context.Context) error {
	t := &s.told
	var err error
	t.product, t.version, err = s.cast.PublishContract(ctx, "demo", strings.TrimSuffix(s.o.Name, ".yaml"), "partner", s.document())
	if err != nil {
		return err
	}
	var version struct {
		BasePath   string `json:"base_path"`
		Operations []operation
		Scopes     []struct{ Name string }
	}
	if err := s.cast.People["tomas"].Get(ctx, "registry", "/v1/versions/"+t.version, &version); err != nil {
		return err
	}
	t.basePath = version.BasePath
	api := upstream.New(s.contract, t.basePath)
	s.upstream.Store(&api)
	if err := t.choose(version.Operations); err != nil {
		return err
	}
	s.step(1, "publish", "%s: %s, %s", s.o.Name, plural(len(version.Operations), "operation"), plural(len(version.Scopes), "scope"))
	return s.happened(ctx, 0, "", "registry.version.Published", t.version, "by the product owner")
}

// choose finds an operation that one scope opens and one that it does not.
func (t *chapter) choose(all []operation) error {
	for _, o := range all {
		if len(o.Scopes) == 1 && (t.scope == "" || o.Method == "GET" && t.allowed.Method != "GET") {
			t.scope, t.allowed = o.Scopes[0], o
		}
	}
	if t.scope == "" {
		return errors.New("the contract has no operation that exactly one scope opens")
	}
	for _, o := range all {
		if len(o.Scopes) > 0 && !slices.Contains(o.Scopes, t.scope) && (t.foreign == "" || o.Method != "GET" && t.forbidden.Method == "GET") {
			t.foreign, t.forbidden = o.Scopes[0], o
		}
	}
	return nil
}

func (s *story) register(ctx context.Context) (err error) {
	if s.told.application, err = s.cast.Register(ctx, "noor", "sam", "Ledger Sync", "Books the bank's entries into our ledger each night", "sandbox"); err != nil {
		return err
	}
	return s.happened(ctx, 2, "register", "registry.application.Registered", s.told.application, "%q of Northwind, two owners", "Ledger Sync")
}

func (s *story) request(ctx context.Context) (err error) {
	t := &s.told
	t.request, t.digest, err = s.cast.Request(ctx, "noor", t.application, t.product, []string{t.scope}, 30, "nightly reconciliation")
	if err != nil {
		return err
	}
	if err := s.happened(ctx, 3, "request", "approval.request.Submitted", t.request, "%s for 30 days, %q", t.scope, "nightly reconciliation"); err != nil {
		return err
	}
	refused := s.cast.Review(ctx, "noor", "product_reviewer", t.request, t.digest)
	var p *client.Problem
	if !errors.As(refused, &p) {
		return s.check("the requester reviews it herself", "a refusal", refused)
	}
	s.line("refused", "%s", call("the requester reviews it herself", p.Status, "%s: %s", p.Code, p.Detail))
	return errors.Join(s.check("the requester's own review", "403 separation_of_duties", fmt.Sprint(p.Status, " ", p.Code)))
}

func (s *story) review(ctx context.Context) error {
	t := &s.told
	if err := s.cast.Review(ctx, "mara", "product_reviewer", t.request, t.digest); err != nil {
		return err
	}
	return s.happened(ctx, 4, "review", "approval.request.Approved", t.request, "by the product reviewer, of content %s", cut(t.digest, 6))
}

func (s *story) grant(ctx context.Context) (err error) {
	t := &s.told
	if t.grant, err = s.cast.Grant(ctx, "noor", t.application, t.request); err != nil {
		return err
	}
	return s.happened(ctx, 5, "grant", "approval.grant.Activated", t.grant, "until %s UTC", time.Now().UTC().Add(30*24*time.Hour).Format("2006-01-02 15:04"))
}

func (s *story) issue(ctx context.Context) (err error) {
	t := &s.told
	if t.key, err = s.cast.Issue(ctx, "noor", t.grant, "api_key", "nightly job"); err != nil {
		return err
	}
	if err := s.happened(ctx, 6, "issue", "issuance.credential.Issued", t.key.ID, "%s…  shown once, ends in %.0f h", t.key.Hint, time.Until(t.key.ExpiresAt).Hours()); err != nil {
		return err
	}
	var read struct{ State string }
	if err := s.cast.People["noor"].Get(ctx, "issuance", "/v1/credentials/"+t.key.ID, &read); err != nil {
		return err
	}
	at := s.front.url + t.allowed.target(t.basePath)
	ok, err := s.call.do(ctx, t.allowed.Method, at, t.key.Secret)
	if err != nil {
		return err
	}
	added, err := s.added(ctx, at)
	if err != nil {
		return err
	}
	s.line("call", "%s", call(t.allowed.String()+" through "+s.front.word, ok.status, "%s ms more than the API alone", ms(added)))
	if err := s.check("a call within the grant", true, ok.status >= 200 && ok.status < 300); err != nil {
		return err
	}
	if t.foreign != "" {
		no, err := s.call.do(ctx, t.forbidden.Method, s.front.url+t.forbidden.target(t.basePath), t.key.Secret)
		if err != nil {
			return err
		}
		s.line("call", "%s", call(t.forbidden.String()+" through "+s.front.word, no.status, "%s: %s", no.code, no.detail))
		if err := s.check("a call beyond the grant", "403 scope_missing", fmt.Sprint(no.status, " ", no.code)); err != nil {
			return err
		}
	}
	return s.strangers(ctx, at)
}

// added is by how much the way through the gateway is longer, at the median.
func (s *story) added(ctx context.Context, at string) (time.Duration, error) {
	t := &s.told
	var through, alone []time.Duration
	for i := range 400 {
		url, times := at, &through
		if i%2 == 1 {
			url, times = s.api+t.allowed.target(t.basePath), &alone
		}
		started := time.Now()
		if _, err := s.call.do(ctx, t.allowed.Method, url, t.key.Secret); err != nil {
			return 0, err
		}
		*times = append(*times, time.Since(started))
	}
	return quantile(through, .5) - quantile(alone, .5), nil
}

// strangers shows that a key of nobody and a key for something else are answered alike.
func (s *story) strangers(ctx context.Context, at string) error {
	unknown, err := s.call.do(ctx, s.told.allowed.Method, at, "chy_test_"+strings.Repeat("0", 49))
	if err != nil {
		return err
	}
	foreign, err := s.foreignKey(ctx)
	if err != nil {
		return err
	}
	other, err := s.call.do(ctx, s.told.allowed.Method, at, foreign)
	if err != nil {
		return err
	}
	s.line("call", "%s", call("a key that was revoked elsewhere", other.status, "the same answer as an unknown key"))
	return s.check("a dead key and an unknown one are answered alike", unknown, other)
}
