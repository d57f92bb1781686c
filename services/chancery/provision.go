package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

// provisioning is what `chancery provision` is configured with.
type provisioning struct {
	NATSURL  string        `env:"NATS_URL, default=nats://127.0.0.1:4222" doc:"NATS servers, separated by commas" want:"nats://host:port"`
	Keys     string        `env:"CHANCERY_NATS_KEYS, required" doc:"folder of the NATS users' keys" want:"the path of a folder"`
	Replicas int           `env:"CHANCERY_REPLICAS, default=1" doc:"replicas of every stream" want:"1, 3 or 5"`
	Admin    secret.String `env:"DATABASE_ADMIN_URL" doc:"Postgres, as whoever may make roles and schemas; none are made if it is empty" want:"postgres://user:password@host:port/database"`
	URLs     string        `env:"CHANCERY_DATABASE_URLS" doc:"folder in which each service's DATABASE_URL is written" want:"the path of a folder"`
	HandOut  string        `env:"CHANCERY_HAND_OUT" doc:"folder with a folder for each service, where its own database_url is written too" want:"the path of a folder"`
	Timeout  time.Duration `env:"CHANCERY_START_TIMEOUT, default=30s" doc:"how long to wait for NATS and Postgres" want:"a duration such as 30s"`
}

func provisionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "provision", Short: "Make the streams, and the roles and schemas of Postgres, that are missing", Args: wrongInput(cobra.NoArgs),
		Long: "Makes every stream that is missing, each as the user of its account, and refuses a stream that is not as it must be.\n" +
			"With DATABASE_ADMIN_URL it also makes a role and a schema for each service and writes each service's DATABASE_URL\ninto a file of the service's name below CHANCERY_DATABASE_URLS. Doing it again changes nothing.",
		Example: "  NATS_URL=nats://nats:4222 CHANCERY_NATS_KEYS=/run/keys chancery provision\n" +
			"  DATABASE_ADMIN_URL_FILE=/run/admin CHANCERY_DATABASE_URLS=/run/urls CHANCERY_NATS_KEYS=/run/keys chancery provision",
		RunE: func(c *cobra.Command, _ []string) error {
			var p provisioning
			if err := service.Load(c.Context(), service.Environment(), &p); err != nil {
				return exit{2, err}
			}
			if !slices.Contains([]int{1, 3, 5}, p.Replicas) {
				return exit{2, errors.New("CHANCERY_REPLICAS is wrong: it should be 1, 3 or 5")}
			}
			if p.Admin.IsZero() != (p.URLs == "") {
				return exit{2, errors.New("DATABASE_ADMIN_URL and CHANCERY_DATABASE_URLS go together: set both or neither")}
			}
			ctx, cancel := context.WithTimeout(c.Context(), p.Timeout)
			defer cancel()
			return p.run(ctx, c.OutOrStdout())
		},
	}
}

func (p provisioning) run(ctx context.Context, out io.Writer) error {
	_, users, err := suite.Users(p.Keys)
	if err != nil {
		return err
	}
	// The server may still be starting.
	patient := []nats.Option{nats.Timeout(3 * time.Second), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond)}
	err = suite.Provision(ctx, p.Replicas, func(user string) func(...nats.Option) (*nats.Conn, error) {
		return func(options ...nats.Option) (*nats.Conn, error) {
			return nats.Connect(p.NATSURL, append(append(options, patient...), users.As(user))...)
		}
	})
	if err != nil {
		return fmt.Errorf("NATS at %s: %w", p.NATSURL, err)
	}
	fmt.Fprintln(out, "every stream is there, as it must be")
	if p.Admin.IsZero() {
		return nil
	}
	if err := os.MkdirAll(p.URLs, 0o700); err != nil {
		return err
	}
	seed, err := ensureSeed(filepath.Join(p.URLs, "seed"))
	if err != nil {
		return err
	}
	addresses, err := embedded.Roles(ctx, p.Admin.Reveal(), seed, suite.WithDatabase()...)
	if err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	for name, address := range addresses {
		if err := os.WriteFile(filepath.Join(p.URLs, name), []byte(address+"\n"), 0o600); err != nil {
			return err
		}
		if p.HandOut == "" {
			continue
		}
		if err := handOut(p.HandOut, name, "database_url", []byte(address+"\n")); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d roles and schemas are there; their addresses are in %s\n", len(addresses), p.URLs)
	return nil
}

// ensureSeed is what the roles' passwords follow from, made at the first time.
func ensureSeed(path string) ([]byte, error) {
	seed, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return seed, err
	}
	seed = []byte(rand.Text())
	return seed, os.WriteFile(path, seed, 0o600)
}
