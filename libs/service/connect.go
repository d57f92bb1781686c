package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver of Postgres
	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// patiently repeats try until it succeeds or the start takes too long; what kept it from succeeding is then named.
func patiently(ctx context.Context, what, remedy string, try func(context.Context) error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := try(ctx)
		if err == nil {
			return nil
		}
		var drift eventlog.Drift
		if errors.As(err, &drift) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("%s: %w (%s)", what, err, remedy)
		}
	}
}

func connectNATS(ctx context.Context, c Config, name string, logger *slog.Logger) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("chancery " + name), nats.CustomInboxPrefix(eventlog.InboxPrefix(name)), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond),
		nats.Timeout(3 * time.Second), nats.DrainTimeout(c.DrainTimeout),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				logger.Warn("NATS connection lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { logger.Info("NATS connection restored", "server", nc.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { logger.Error("NATS", "error", err) }),
	}
	if c.NATSUser != "" {
		options = append(options, nats.UserInfo(c.NATSUser, c.NATSPass.Reveal()))
	}
	if c.NATSCreds != "" {
		options = append(options, nats.UserCredentials(c.NATSCreds))
	}
	if c.NATSNkey != "" {
		key, err := nats.NkeyOptionFromSeed(c.NATSNkey)
		if err != nil {
			return nil, fmt.Errorf("NATS_NKEY: %s holds no NATS user key", c.NATSNkey)
		}
		options = append(options, key)
	}
	var nc *nats.Conn
	err := patiently(ctx, "NATS cannot be reached at "+harmless(c.NATSURL), "NATS_URL says where it is, NATS_NKEY, NATS_CREDS or NATS_USER who connects", func(context.Context) (err error) {
		if c.Host.Connect != nil {
			nc, err = c.Host.Connect(options...)
		} else {
			nc, err = nats.Connect(c.NATSURL, options...)
		}
		return err
	})
	return nc, err
}

// openLog waits for the streams to be provisioned, and refuses them when they are not as they must be.
func openLog(ctx context.Context, d *Deps, fold frontier) (err error) {
	const remedy = "are the streams provisioned?"
	if d.Keys != nil {
		err := patiently(ctx, "the vault cannot be opened", remedy, func(ctx context.Context) (err error) {
			d.Vault, err = eventlog.OpenVault(ctx, d.NATS, eventlog.VaultOptions{Service: d.Name, Keys: d.Keys, Replicas: d.Config.Replicas})
			return err
		})
		if err != nil {
			return err
		}
	}
	return patiently(ctx, "the log cannot be opened", remedy, func(ctx context.Context) (err error) {
		d.Log, err = eventlog.Open(ctx, d.NATS, eventlog.Options{
			Service: d.Name, Frontier: fold, Vault: d.Vault, Clock: d.Clock, Replicas: d.Config.Replicas,
		})
		if err != nil {
			return err
		}
		if d.Blobs, err = eventlog.OpenBlobs(ctx, d.NATS, d.Name); err != nil {
			return err
		}
		d.Pulse, err = eventlog.OpenPulse(ctx, d.NATS, d.Name)
		return err
	})
}

func connectPostgres(ctx context.Context, c Config, name string) (*sqlx.DB, error) {
	address := c.DatabaseURL.Reveal()
	if !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
		return nil, wrong(c.Variables, "DatabaseURL")
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, wrong(c.Variables, "DatabaseURL") // the parser's own words quote the password
	}
	query := u.Query()
	if !query.Has("application_name") {
		query.Set("application_name", "chancery "+name)
	}
	u.RawQuery = query.Encode()
	db, err := sqlx.Open("postgres", u.String())
	if err != nil {
		return nil, wrong(c.Variables, "DatabaseURL")
	}
	db.SetMaxOpenConns(c.DBConns)
	db.SetMaxIdleConns(c.DBConns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	err = patiently(ctx, "Postgres cannot be reached at "+u.Host+u.Path+" as "+u.User.Username(), "DATABASE_URL says where it is and who connects", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		return db.PingContext(ctx)
	})
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// harmless is an address list without the secrets an address may hold.
func harmless(addresses string) string {
	list := strings.Split(addresses, ",")
	for i, a := range list {
		u, err := url.Parse(strings.TrimSpace(a))
		if err != nil {
			list[i] = "(unreadable address)"
			continue
		}
		u.User = nil
		list[i] = u.String()
	}
	return strings.Join(list, ",")
}
