package imports

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/services/chancery/internal/client"
)

// Caller calls the API as the person who imports.
type Caller interface {
	Get(ctx context.Context, service, path string, out any) error
	Command(ctx context.Context, service, path, key string, in, out any) (uint64, error)
}

// Step is what happened, or would, to one thing of the file.
type Step struct {
	Line    int    `json:"line"`
	What    string `json:"what"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail,omitempty"`
}

// Outcomes of steps.
const (
	Would   = "would"   // of a dry run
	Done    = "done"    // now or at an earlier run
	Waits   = "waits"   // for people to approve; run the import again then
	Refused = "refused" // by a rule, which the detail names
)

// space makes the names of commands out of what things are called where they come from.
var space = uuid.MustParse("2a0f6a0e-52d5-5f0f-b4c5-52e4a0d0a7b1")

// importer is one run.
type importer struct {
	Plan
	Caller
	organization string
	dry          bool
	steps        []Step

	people, products, applications map[string]string
}

// Run takes the plan over as far as it goes now: registers what is not registered, asks for access that was not asked for,
// and hands in the secrets of what was approved. Running it again goes on from there and does nothing twice.
func (p Plan) Run(ctx context.Context, as Caller, dry bool) ([]Step, error) {
	var me struct {
		Organization struct {
			ID string `json:"id"`
		} `json:"organization"`
	}
	if err := as.Get(ctx, "identity", "/v1/me", &me); err != nil {
		return nil, err
	}
	i := &importer{Plan: p, Caller: as, organization: me.Organization.ID, dry: dry, applications: map[string]string{}}
	if err := i.look(ctx); err != nil {
		return nil, err
	}
	for _, w := range p.Problems {
		i.tell(w.Line, "line", Refused, w.What)
	}
	for _, a := range p.Applications {
		if err := i.register(ctx, a); err != nil {
			return i.steps, err
		}
	}
	ready := map[string][]Key{}
	for _, k := range p.Keys {
		grant, err := i.access(ctx, k)
		if err != nil {
			return i.steps, err
		}
		if grant != "" {
			ready[grant] = append(ready[grant], k)
		}
	}
	return i.steps, i.hand(ctx, ready)
}

func (i *importer) tell(line int, what, outcome, detail string) {
	i.steps = append(i.steps, Step{line, what, outcome, detail})
}

// name makes a command of this import recognisable.
func (i *importer) name(parts ...string) string {
	return uuid.NewSHA1(space, []byte(i.organization+"\x00"+i.Source+"\x00"+strings.Join(parts, "\x00"))).String()
}

// page reads a whole list.
func page[T any](ctx context.Context, c Caller, service, path string, each func(T)) error {
	for after := ""; ; {
		var list struct {
			Items []T    `json:"items"`
			Next  string `json:"next"`
		}
		if err := c.Get(ctx, service, path+"&limit=200&after="+url.QueryEscape(after), &list); err != nil {
			return err
		}
		for _, item := range list.Items {
			each(item)
		}
		if after = list.Next; after == "" {
			return nil
		}
	}
}

// look reads who and what there is.
func (i *importer) look(ctx context.Context) error {
	i.people, i.products = map[string]string{}, map[string]string{}
	type person struct{ ID, Email string }
	if err := page(ctx, i, "identity", "/v1/people?organization_id="+i.organization, func(p person) { i.people[strings.ToLower(p.Email)] = p.ID }); err != nil {
		return err
	}
	type product struct{ ID, Slug string }
	if err := page(ctx, i, "registry", "/v1/products?", func(p product) { i.products[p.Slug] = p.ID }); err != nil {
		return err
	}
	type application struct{ ID, Name, State string }
	return page(ctx, i, "registry", "/v1/applications?", func(a application) {
		if a.State != "offboarded" {
			i.applications[a.Name] = a.ID
		}
	})
}

func (i *importer) register(ctx context.Context, a Application) error {
	what := "application " + a.Name
	owner, backup := i.people[strings.ToLower(a.Owner)], i.people[strings.ToLower(a.Backup)]
	switch {
	case i.applications[a.Name] != "":
		i.tell(a.Line, what, Done, i.applications[a.Name])
		return nil
	case owner == "":
		i.tell(a.Line, what, Refused, a.Owner+" is nobody of the organisation")
		return nil
	case backup == "":
		i.tell(a.Line, what, Refused, a.Backup+" is nobody of the organisation")
		return nil
	case i.dry:
		i.applications[a.Name] = "(new)"
		i.tell(a.Line, what, Would, fmt.Sprintf("register for %s, owners %s and %s", a.Environment, a.Owner, a.Backup))
		return nil
	}
	var made struct{ ID string }
	_, err := i.Command(ctx, "registry", "/v1/applications", i.name("application", a.Name), map[string]any{
		"name": a.Name, "purpose": a.Purpose, "environment": a.Environment, "owner_id": owner, "backup_owner_id": backup,
	}, &made)
	if err = i.refused(a.Line, what, err); err == nil && made.ID != "" {
		i.applications[a.Name] = made.ID
		i.tell(a.Line, what, Done, made.ID)
	}
	return err
}

// access finds the grant under which a secret may be taken over, or asks for it by the rules that hold for everybody.
func (i *importer) access(ctx context.Context, k Key) (string, error) {
	what := "secret " + k.SourceID
	application, product := i.applications[k.Application], i.products[k.Product]
	switch {
	case application == "":
		i.tell(k.Line, what, Refused, "its application is not registered")
		return "", nil
	case product == "":
		i.tell(k.Line, what, Refused, "no product within reach has the slug "+k.Product)
		return "", nil
	}
	if application != "(new)" {
		grant := ""
		type granted struct {
			ID        string
			ProductID string `json:"product_id"`
			State     string
			Scopes    []string
		}
		if err := page(ctx, i, "approval", "/v1/grants?application_id="+application, func(g granted) {
			if g.ProductID == product && g.State == "active" && contains(g.Scopes, k.Scopes) {
				grant = g.ID
			}
		}); err != nil || grant != "" {
			return grant, err
		}
	}
	if i.dry {
		i.tell(k.Line, what, Would, fmt.Sprintf("ask for %s of %s; when it is approved, take it over until %s", strings.Join(k.Scopes, " "), k.Product, k.ExpiresAt.Format(time.DateOnly)))
		return "", nil
	}
	days := min(180, max(1, int(time.Until(k.ExpiresAt).Hours()/24)+1))
	var made struct{ ID string }
	_, err := i.Command(ctx, "approval", "/v1/requests", i.name("request", application, product, strings.Join(k.Scopes, " ")), map[string]any{
		"application_id": application, "product_id": product, "scopes": k.Scopes, "duration_days": days,
		"justification": "Taken over from " + i.Source + ": the access it has there today, until its secret is replaced.",
	}, &made)
	if err = i.refused(k.Line, what, err); err == nil && made.ID != "" {
		i.tell(k.Line, what, Waits, "request "+made.ID+" is to be approved; run the import again then")
	}
	return "", err
}

func contains(all, some []string) bool {
	in := map[string]bool{}
	for _, s := range all {
		in[s] = true
	}
	for _, s := range some {
		if !in[s] {
			return false
		}
	}
	return true
}

// batch is how many secrets are handed in at a time.
const batch = 200

// hand hands the secrets in.
func (i *importer) hand(ctx context.Context, ready map[string][]Key) error {
	type key struct {
		SourceID  string    `json:"source_id"`
		GrantID   string    `json:"grant_id"`
		Kind      string    `json:"kind"`
		Name      string    `json:"name"`
		Secret    string    `json:"secret"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	var all []key
	lines := map[string]int{}
	for grant, keys := range ready {
		for _, k := range keys {
			all = append(all, key{k.SourceID, grant, k.Kind, k.Name[:min(len(k.Name), 80)], k.Secret.Reveal(), k.ExpiresAt})
			lines[k.SourceID] = k.Line
		}
	}
	for begin := 0; begin < len(all); begin += batch {
		var answer struct {
			Items []struct {
				SourceID     string `json:"source_id"`
				CredentialID string `json:"credential_id"`
				Outcome      string
				Reason       string
			}
		}
		some := all[begin:min(begin+batch, len(all))]
		if _, err := i.Command(ctx, "issuance", "/v1/imports", uuid.NewString(), map[string]any{"source": i.Source, "dry_run": i.dry, "keys": some}, &answer); err != nil {
			return err
		}
		for _, x := range answer.Items {
			switch x.Outcome {
			case "refused":
				i.tell(lines[x.SourceID], "secret "+x.SourceID, Refused, x.Reason)
			case "would_import":
				i.tell(lines[x.SourceID], "secret "+x.SourceID, Would, "take it over as credential "+x.CredentialID)
			default:
				i.tell(lines[x.SourceID], "secret "+x.SourceID, Done, x.CredentialID)
			}
		}
	}
	return nil
}

// refused turns a refusal by a rule into a step; any other error ends the run.
func (i *importer) refused(line int, what string, err error) error {
	if err == nil {
		return nil
	}
	var p *client.Problem
	if errors.As(err, &p) && p.Status != http.StatusUnauthorized && p.Status != http.StatusTooManyRequests && p.Status < http.StatusInternalServerError {
		i.tell(line, what, Refused, err.Error())
		return nil
	}
	return err
}
