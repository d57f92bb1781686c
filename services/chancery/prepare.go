package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

// preparation says where the secrets of a suite of separate processes are put, each where only its user looks.
type preparation struct {
	keys, accounts, keyFile, handOut, postgres, database string
}

func prepareCommand() *cobra.Command {
	var p preparation
	c := &cobra.Command{
		Use: "prepare", Short: "Make the secrets of a suite of separate processes, before any of them starts", Args: wrongInput(cobra.NoArgs),
		Long: "Makes a key for every NATS user, the accounts part of the NATS server's configuration, the key file, and the password of\n" +
			"Postgres' administrator; hands each service its own NATS key. What is there already is kept.",
		Example: "  chancery prepare --keys /all/nats --accounts /nats/accounts.conf --key-file /wrapping/chancery.key --hand-out /services",
		RunE:    func(c *cobra.Command, _ []string) error { return p.run(c.OutOrStdout()) },
	}
	f := c.Flags()
	f.StringVar(&p.keys, "keys", "", "folder of every NATS user's key")
	f.StringVar(&p.accounts, "accounts", "", "file for the accounts part of the NATS server's configuration")
	f.StringVar(&p.keyFile, "key-file", "", "the services' key file")
	f.StringVar(&p.handOut, "hand-out", "", "folder with a folder for each service, where its own NATS key is put")
	f.StringVar(&p.postgres, "postgres", "", "folder for the password of Postgres' administrator; none is made if empty")
	f.StringVar(&p.database, "database", "postgres://postgres@postgres:5432/chancery?sslmode=disable", "the database, for the administrator's address beside the password")
	for _, name := range []string{"keys", "accounts", "key-file", "hand-out"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func (p preparation) run(out io.Writer) error {
	access, users, err := suite.Users(p.keys)
	if err != nil {
		return err
	}
	accounts, err := users.Config(access)
	if err != nil {
		return err
	}
	// The NATS server runs as somebody else; what it reads are public keys alone.
	if err := os.WriteFile(p.accounts, []byte(accounts), 0o644); err != nil {
		return err
	}
	if _, err := secret.EnsureKeyFile(p.keyFile); err != nil {
		return err
	}
	for _, name := range suite.Names() {
		seed, err := os.ReadFile(filepath.Join(p.keys, name+".nk"))
		if err != nil {
			return err
		}
		if err := handOut(p.handOut, name, name+".nk", seed); err != nil {
			return err
		}
	}
	door, err := os.ReadFile(embedded.DoorKey(p.keys))
	if err != nil {
		return err
	}
	if err := handOut(p.handOut, "audit", filepath.Base(embedded.DoorKey(p.keys)), door); err != nil {
		return err
	}
	if p.postgres != "" {
		if err := p.administrator(); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "the secrets are there")
	return nil
}

// administrator makes the password of Postgres' administrator and the address that holds it.
func (p preparation) administrator() error {
	password, err := ensureSeed(filepath.Join(p.postgres, "password"))
	if err != nil {
		return err
	}
	// Postgres reads it as a user of its own; nobody else is given the folder.
	if err := os.Chmod(filepath.Join(p.postgres, "password"), 0o644); err != nil {
		return err
	}
	u, err := url.Parse(p.database)
	if err != nil || u.User == nil {
		return exit{2, errors.New("--database is wrong: it should be postgres://user@host:port/database")}
	}
	u.User = url.UserPassword(u.User.Username(), string(password))
	return os.WriteFile(filepath.Join(p.postgres, "admin_url"), []byte(u.String()+"\n"), 0o600)
}

// handOut writes what one service alone may read.
func handOut(dir, service, name string, content []byte) error {
	own := filepath.Join(dir, service)
	if err := os.MkdirAll(own, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(own, name), content, 0o600)
}
