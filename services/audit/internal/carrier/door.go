package carrier

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
)

// requests is where the server asks about users it does not know (auth callout).
const requests = "$SYS.REQ.USER.AUTH"

// atOnce bounds how many questions are answered at a time.
const atOnce = 16

// Door answers the server's question who a subscriber's user is, and closes the connections of those whose subscription
// is no longer live. Every instance of audit has one; the server asks any of them.
type Door struct {
	NATS    *nats.Conn
	Issuer  Issuer
	Lineage *lineage.Fold
	// Tail is the last position of EVENTS, from the leader: who asks is answered by everything that was decided before.
	Tail   func(context.Context) (uint64, error)
	Clock  func() time.Time
	Logger *slog.Logger

	mu    sync.Mutex
	users map[string]user
	open  map[connection]string
}

// user is a subscription by the public key of its user.
type user struct {
	id      string
	expires time.Time
}

// connection is one a subscriber has.
type connection struct {
	server string
	id     uint64
}

// Fold learns the users of subscriptions.
func (d *Door) Fold(_ context.Context, batch []eventlog.Recorded) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users == nil {
		d.users, d.open = map[string]user{}, map[connection]string{}
	}
	for _, r := range batch {
		for _, fact := range r.Facts {
			d.learn(r.Envelope.GetSubject().GetId(), fact)
		}
	}
	return nil
}

func (d *Door) learn(id string, fact aggregate.Event) {
	f, ok := fact.(*auditv1.SubscriptionCreated)
	if !ok {
		return
	}
	// A key belongs to the first subscription that named it, for ever: whoever names it again opens nothing by it (D4).
	if _, taken := d.users[f.UserNkey]; !taken {
		d.users[f.UserNkey] = user{id, f.ExpiresAt.AsTime()}
	}
}

// Taken says whether a subscription, ended ones included, has named a key already.
func (d *Door) Taken(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, taken := d.users[key]
	return taken
}

// Run answers until ctx ends.
func (d *Door) Run(ctx context.Context) error {
	answering := make(chan struct{}, atOnce)
	sub, err := d.NATS.QueueSubscribe(requests, "audit", func(m *nats.Msg) {
		select {
		case answering <- struct{}{}:
		case <-ctx.Done():
			return
		}
		go func() {
			defer func() { <-answering }()
			if err := d.answer(ctx, m); err != nil && ctx.Err() == nil {
				d.Logger.WarnContext(ctx, "a subscriber was not answered", "error", err)
			}
		}()
	})
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	for {
		position := d.Lineage.Position()
		d.close(ctx)
		bounded, cancel := context.WithTimeout(ctx, time.Second)
		err := d.Lineage.WaitFor(bounded, position+1)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_ = err // a second without a fact: what expired meanwhile is looked at too
	}
}

var errUnknown = errors.New("no live subscription has this user")

func (d *Door) answer(ctx context.Context, m *nats.Msg) error {
	asked, err := jwt.DecodeAuthorizationRequestClaims(string(m.Data))
	if err != nil {
		return err
	}
	// Less than the server waits for an answer.
	bounded, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	tail, err := d.Tail(bounded)
	if err == nil {
		err = d.Lineage.WaitFor(bounded, tail)
	}
	if err != nil {
		return err
	}
	response := jwt.NewAuthorizationResponseClaims(asked.UserNkey)
	response.Audience = asked.Server.ID
	if id, expires, err := d.admit(asked); err != nil {
		response.Error = err.Error()
	} else if response.Jwt, err = claims(id, asked.UserNkey, expires).Encode(d.Issuer.key); err != nil {
		return err
	}
	answer, err := response.Encode(d.Issuer.key)
	if err != nil {
		return err
	}
	return m.Respond([]byte(answer))
}

// admit names the live subscription whose user signed the server's nonce.
func (d *Door) admit(asked *jwt.AuthorizationRequestClaims) (string, time.Time, error) {
	public := asked.ConnectOptions.Nkey
	if !signed(public, asked.ClientInformation.Nonce, asked.ConnectOptions.SignedNonce) {
		return "", time.Time{}, errUnknown
	}
	d.mu.Lock()
	u, ok := d.users[public]
	if ok {
		// Noted before it is judged: an ending that comes in between closes it.
		d.open[connection{asked.Server.ID, asked.ClientInformation.ID}] = u.id
	}
	d.mu.Unlock()
	if !ok || d.live(u.id) != nil {
		return "", time.Time{}, errUnknown
	}
	return u.id, u.expires, nil
}

func signed(public, nonce, signature string) bool {
	key, err := nkeys.FromPublicKey(public)
	if err != nil || nonce == "" || !nkeys.IsValidPublicUserKey(public) {
		return false
	}
	for _, coding := range []*base64.Encoding{base64.RawURLEncoding, base64.StdEncoding} {
		if raw, err := coding.DecodeString(signature); err == nil && key.Verify([]byte(nonce), raw) == nil {
			return true
		}
	}
	return false
}

func (d *Door) live(id string) error {
	return d.Lineage.Live(lineage.Ref{Kind: "subscription", ID: id}, d.Clock())
}

// close ends the connections of subscriptions that are no longer live.
func (d *Door) close(ctx context.Context) {
	d.mu.Lock()
	var dead []connection
	for c, id := range d.open {
		if d.live(id) != nil {
			dead = append(dead, c)
			delete(d.open, c)
		}
	}
	d.mu.Unlock()
	bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, c := range dead {
		body, err := json.Marshal(map[string]uint64{"cid": c.id})
		if err == nil {
			// The server passes over what nobody waits for an answer to; that the connection is gone already is an answer too.
			_, err = d.NATS.RequestWithContext(bounded, fmt.Sprintf("$SYS.REQ.SERVER.%s.KICK", c.server), body)
		}
		if err != nil {
			d.Logger.WarnContext(ctx, "a subscriber's connection was not closed", "error", err)
		}
	}
}
