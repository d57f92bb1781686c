package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/chancery-dev/chancery/services/chancery/internal/client"
)

// Seed makes the demo world through the public API, once: marker is the file that says it is made.
func Seed(ctx context.Context, portal, idp, marker string, say func(string)) error {
	if _, err := os.Stat(marker); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	started := time.Now()
	say("making the demo world through the public API")
	c, err := Sign(ctx, portal, idp)
	if err != nil {
		return err
	}
	if err := c.fill(ctx); err != nil {
		return err
	}
	say(fmt.Sprintf("three organisations, %d people, %d products: made in %.1f s", len(People), len(products), time.Since(started).Seconds()))
	return os.WriteFile(marker, []byte(time.Now().UTC().Format(time.RFC3339)+"\n"), 0o600)
}

// app is one application of the world and what becomes of it.
type app struct {
	name, purpose, environment string
	owner, backup              string
	wants                      []want
	end                        string // suspend, disable or offboard; empty leaves it active
}

// want is one request: reviewers approve it in order, by seat and person.
type want struct {
	product       string
	scopes        []string
	days          int
	justification string
	reviews       [][2]string
	key           string // name of the credential that is issued; empty issues none
	then          string // rotate or revoke
}

var apps = []app{
	{"Ledger Sync", "Books the bank's entries into our ledger each night", "sandbox", "noor", "sam",
		[]want{{"ledger", []string{"accounts:read", "entries:read"}, 30, "Nightly reconciliation", [][2]string{{"product_reviewer", "mara"}}, "nightly job", ""}}, ""},
	{"Treasury Board", "Shows balances and rates to our treasury", "production", "sam", "noor",
		[]want{{"ledger", []string{"accounts:read"}, 90, "Balances each morning", [][2]string{{"organization_admin", "lucia"}, {"product_reviewer", "mara"}}, "board", "rotate"},
			{"rates", []string{"rates:read"}, 90, "Rates beside the balances", [][2]string{{"organization_admin", "lucia"}, {"product_reviewer", "mara"}}, "", ""}}, ""},
	{"Invoice Matcher", "Matches incoming payments to invoices", "production", "noor", "sam",
		[]want{{"statements", []string{"statements:read"}, 60, "Statements at the end of the month", nil, "", ""}}, ""},
	{"Expense Bot", "Answers questions about expenses", "sandbox", "sam", "noor",
		[]want{{"rates", []string{"rates:read"}, 30, "Rates for foreign expenses", nil, "bot", ""}}, "suspend"},
	{"Old Importer", "The importer before Ledger Sync", "sandbox", "noor", "sam",
		[]want{{"ledger", []string{"accounts:read"}, 30, "Import of entries of the past", [][2]string{{"product_reviewer", "mara"}}, "importer", ""}}, "disable"},
	{"Card Desk", "Lets support block a customer's card", "sandbox", "kenji", "ruth",
		[]want{{"cards", []string{"cards:read", "cards:write"}, 30, "Blocking cards on the phone", nil, "", ""}}, ""},
	{"Checkout", "Pays merchants", "sandbox", "ruth", "kenji",
		[]want{{"ledger", []string{"payments:read"}, 30, "Show a merchant its payments", nil, "", ""}}, ""},
	{"Rate Widget", "Rates on our home page", "sandbox", "ruth", "kenji",
		[]want{{"rates", []string{"rates:read"}, 30, "Shown to everybody", nil, "widget", "revoke"}}, ""},
}

func (c *Cast) fill(ctx context.Context) error {
	ids := map[string]string{}
	for _, p := range products {
		id, _, err := c.Publish(ctx, p.slug)
		if err != nil {
			return err
		}
		ids[p.slug] = id
	}
	for _, a := range apps {
		if err := c.application(ctx, a, ids); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	return nil
}

func (c *Cast) application(ctx context.Context, a app, products map[string]string) error {
	owner := c.People[a.owner]
	id, err := c.Register(ctx, a.owner, a.backup, a.name, a.purpose, a.environment)
	if err != nil {
		return err
	}
	for _, w := range a.wants {
		request, digest, err := c.Request(ctx, a.owner, id, products[w.product], w.scopes, w.days, w.justification)
		if err != nil {
			return fmt.Errorf("request %s: %w", w.product, err)
		}
		for _, r := range w.reviews {
			if err := c.Review(ctx, r[1], r[0], request, digest); err != nil {
				return fmt.Errorf("review of %s by %s: %w", w.product, r[1], err)
			}
		}
		if w.key == "" {
			continue
		}
		grant, err := c.Grant(ctx, a.owner, id, request)
		if err != nil {
			return err
		}
		key, err := c.Issue(ctx, a.owner, grant, "api_key", w.key)
		if err != nil {
			return fmt.Errorf("issue: %w", err)
		}
		switch w.then {
		case "rotate":
			err = owner.Post(ctx, "issuance", "/v1/credentials/"+key.ID+"/rotate", map[string]any{"overlap_seconds": 86400, "reason": "scheduled"}, nil)
		case "revoke":
			err = owner.Post(ctx, "issuance", "/v1/credentials/"+key.ID+"/revoke", map[string]any{"reason": "suspected_leak", "comment": "seen in a page's source"}, nil)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", w.then, err)
		}
	}
	if a.end != "" {
		return owner.Post(ctx, "registry", "/v1/applications/"+id+"/"+a.end, map[string]any{"reason": "no longer needed"}, nil)
	}
	return nil
}

// Register registers an application with two owners.
func (c *Cast) Register(ctx context.Context, owner, backup, name, purpose, environment string) (string, error) {
	var made struct{ ID string }
	err := c.People[owner].Post(ctx, "registry", "/v1/applications", map[string]any{
		"name": name, "purpose": purpose, "environment": environment, "backup_owner_id": c.IDs[backup],
	}, &made)
	return made.ID, err
}

// Request asks for scopes and answers the request's id and the digest of its content.
func (c *Cast) Request(ctx context.Context, who, application, product string, scopes []string, days int, justification string) (id, digest string, err error) {
	var made struct {
		ID            string
		ContentDigest string `json:"content_digest"`
	}
	err = c.People[who].Post(ctx, "approval", "/v1/requests", map[string]any{
		"application_id": application, "product_id": product, "scopes": scopes, "duration_days": days, "justification": justification,
	}, &made)
	return made.ID, made.ContentDigest, err
}

// Review approves the content with this digest in a seat.
func (c *Cast) Review(ctx context.Context, who, seat, request, digest string) error {
	return c.People[who].Post(ctx, "approval", "/v1/requests/"+request+"/reviews", map[string]any{
		"seat": seat, "verdict": "approve", "content_digest": digest, "comment": "what is asked for fits the purpose",
	}, nil)
}

// Grant waits until the grant that came of a request is active, and answers its id.
func (c *Cast) Grant(ctx context.Context, who, application, request string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var grants struct {
			Items []struct {
				ID        string
				State     string
				RequestID string `json:"request_id"`
			}
		}
		if err := c.People[who].Get(ctx, "approval", "/v1/grants?application_id="+application, &grants); err != nil {
			return "", err
		}
		for _, g := range grants.Items {
			if g.RequestID == request && g.State == "active" {
				return g.ID, nil
			}
		}
		if err := pause(ctx); err != nil {
			return "", errors.New("no grant came of the request")
		}
	}
}

// Key is a credential as it was handed out.
type Key struct {
	ID         string
	Generation int
	Hint       string
	Secret     string
	ExpiresAt  time.Time `json:"expires_at"`
	Position   uint64
}

// Issue issues a credential under a grant, waiting until issuance has taken note of the grant.
func (c *Cast) Issue(ctx context.Context, who, grant, kind, name string) (key Key, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err = c.People[who].Post(ctx, "issuance", "/v1/credentials", map[string]any{
			"grant_id": grant, "kind": kind, "name": name, "expires_in_seconds": 86400,
		}, &key)
		if client.CodeOf(err) != "not_found" {
			return key, err
		}
		if pause(ctx) != nil {
			return key, err
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-time.After(20 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
