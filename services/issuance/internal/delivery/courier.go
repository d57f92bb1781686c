package delivery

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

const (
	vaultKind = "delivery"
	// refusedFor and unreachableFor are how long after its making a secret is still tried.
	refusedFor     = time.Hour
	unreachableFor = 24 * time.Hour
	slowest        = time.Minute
	// orphaned is how long a sealed secret may wait for the fact that names it.
	orphaned = 10 * time.Minute
)

// errOver says that a secret need not be delivered any more.
var errOver = errors.New("the generation is over")

// Vault keeps a secret sealed until it is delivered.
type Vault interface {
	Put(ctx context.Context, kind, id string, secret []byte) error
	Get(ctx context.Context, kind, id string) ([]byte, error)
	List(ctx context.Context, kind string) ([]string, error)
	Erase(ctx context.Context, kind string, ids ...string) error
}

// Courier delivers what is on its way, from when the fact of it is folded until it lies in its store or cannot. A secret rests
// sealed in the vault from before that fact on, and is erased after: a process that dies anywhere between loses nothing
// and shows nothing.
type Courier struct {
	Stores      Stores
	Vault       Vault
	Rows        view.Rows
	Credentials eventlog.Repository[credential.State]
	Now         func() time.Time
	Logger      *slog.Logger
	// Every is how often it looks; 0 is a second.
	Every time.Duration

	again map[string]attempt
	// waiting is since when each sealed secret has had no fact.
	waiting map[string]time.Time
}

type attempt struct {
	wait time.Duration
	next time.Time
}

// Seal keeps a secret until it is delivered; fingerprint names it.
func (c *Courier) Seal(ctx context.Context, fingerprint []byte, secret string) error {
	return c.Vault.Put(ctx, vaultKind, hex.EncodeToString(fingerprint), []byte(secret))
}

// Run delivers until ctx ends.
func (c *Courier) Run(ctx context.Context) error {
	c.again, c.waiting = map[string]attempt{}, map[string]time.Time{}
	every := c.Every
	if every == 0 {
		every = time.Second
	}
	ctx = eventlog.WithMeta(ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: "issuance.courier", Kind: "service"}})
	for tick := time.NewTicker(every); ; {
		if err := c.round(ctx); err != nil && ctx.Err() == nil {
			c.Logger.ErrorContext(ctx, "deliveries", "error", err)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// round tries everything that is on its way, then erases what need not be kept.
func (c *Courier) round(ctx context.Context) error {
	under, err := c.Rows.UnderWay(ctx)
	if err != nil {
		return err
	}
	for _, g := range under {
		if a := c.again[g.Key()]; !c.Now().Before(a.next) {
			c.try(ctx, g, a)
		}
	}
	return c.sweep(ctx)
}

func (c *Courier) try(ctx context.Context, g view.Generation, a attempt) {
	err := c.deliver(ctx, g)
	if err == nil || errors.Is(err, errOver) {
		delete(c.again, g.Key())
		return
	}
	age, reason := c.Now().Sub(g.CreatedAt), ""
	switch {
	case errors.Is(err, eventlog.ErrNoSecret):
		reason = "expired"
	case errors.Is(err, ErrDiffers) && age > refusedFor:
		reason = "differs"
	case (errors.Is(err, ErrRefused) || errors.Is(err, ErrPlace)) && age > refusedFor:
		reason = "refused"
	case age > unreachableFor, !c.Now().Before(g.ExpiresAt):
		reason = "unreachable"
	}
	c.Logger.WarnContext(ctx, "a secret is not delivered", "credential", g.CredentialID, "generation", g.Number, "to", g.DeliveredTo, "error", err, "given_up", reason != "")
	if reason != "" {
		if _, err := c.Credentials.Handle(ctx, g.CredentialID, credential.GiveUp{Generation: g.Number, Reason: reason}); err == nil {
			delete(c.again, g.Key())
			return
		}
	}
	a.wait = min(max(2*a.wait, time.Second), slowest)
	a.next = c.Now().Add(a.wait)
	c.again[g.Key()] = a
}

func (c *Courier) deliver(ctx context.Context, g view.Generation) error {
	store, path, err := c.Stores.find(g.DeliveredTo)
	if err != nil {
		return err
	}
	s, _, err := c.Credentials.Load(ctx, g.CredentialID)
	if err != nil {
		return err
	}
	own, found := s.Generation(g.Number)
	if !found || own.Delivered || own.Ended || s.Dead {
		return errOver
	}
	secret, err := c.Vault.Get(ctx, vaultKind, hex.EncodeToString(own.Fingerprint))
	if err != nil {
		return err
	}
	defer clear(secret)
	still := func(ctx context.Context) error {
		now, _, err := c.Credentials.LoadLeader(ctx, g.CredentialID)
		if err != nil {
			return err
		}
		if own, _ := now.Generation(g.Number); own.Delivered || own.Ended || now.Dead || now.Newest() != g.Number && now.Replaced(g.Number) {
			return errOver
		}
		return nil
	}
	if err := store.Put(ctx, path, string(secret), still); err != nil {
		return err
	}
	_, err = c.Credentials.Handle(ctx, g.CredentialID, credential.Deliver{Generation: g.Number})
	return err
}

// sweep erases sealed secrets that were delivered, or that nothing will deliver.
func (c *Courier) sweep(ctx context.Context) error {
	sealed, err := c.Vault.List(ctx, vaultKind)
	if err != nil || len(sealed) == 0 {
		return err
	}
	wanted, err := c.Rows.Sealed(ctx)
	if err != nil {
		return err
	}
	var over []string
	for _, id := range sealed {
		switch delivered, known := wanted[id]; {
		case known && !delivered:
			delete(c.waiting, id)
		case known:
			over = append(over, id)
		case c.waiting[id].IsZero():
			c.waiting[id] = c.Now()
		case c.Now().Sub(c.waiting[id]) > orphaned:
			over = append(over, id)
		}
	}
	if len(over) == 0 {
		return nil
	}
	if err := c.Vault.Erase(ctx, vaultKind, over...); err != nil {
		return err
	}
	for _, id := range over {
		delete(c.waiting, id)
	}
	return nil
}
