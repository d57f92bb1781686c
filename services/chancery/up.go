package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
	"github.com/chancery-dev/chancery/services/chancery/internal/world"
)

func upCommand() *cobra.Command {
	var o suite.Options
	var bare bool
	c := &cobra.Command{
		Use: "up", Short: "Run the whole suite on this machine, with a demo world at the first start", Args: cobra.NoArgs,
		Example: "  chancery up\n  chancery up --portal 127.0.0.1:9000 --data /srv/chancery",
		RunE: func(c *cobra.Command, _ []string) error {
			o.Version = version
			o.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			return up(c.Context(), c.OutOrStdout(), o, bare)
		},
	}
	c.Flags().StringVar(&o.Dir, "data", ".data", "folder of everything that is kept")
	c.Flags().StringVar(&o.Portal, "portal", "127.0.0.1:8080", "where the portal listens")
	c.Flags().StringVar(&o.IdP, "idp", "127.0.0.1:8090", "where the development identity provider listens")
	c.Flags().StringVar(&o.Gateway, "gateway", "127.0.0.1:8070", "where the authorizer listens")
	c.Flags().BoolVar(&bare, "bare", false, "do not make the demo world")
	return c
}

func up(ctx context.Context, out io.Writer, o suite.Options, bare bool) (err error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	o.Dir = dir
	started := time.Now()
	fmt.Fprintf(out, "chancery %s: starting in %s\n", version, dir)
	s, err := suite.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop(context.WithoutCancel(ctx))) }()
	fmt.Fprintf(out, "seven services, NATS %s, PostgreSQL %s: ready in %.1f s\n", s.NATSVersion, s.PostgresVersion, time.Since(started).Seconds())
	if !bare {
		if err := world.Seed(ctx, s.Portal, s.IdP, filepath.Join(dir, "seeded"), func(line string) { fmt.Fprintln(out, line) }); err != nil {
			return fmt.Errorf("the demo world: %w", err)
		}
	}
	fmt.Fprintf(out, "\n  portal    %s\n  people    %s/personas  (who may sign in, and what to try first)\n  gateway   %s\n\n", s.Portal, s.Portal, s.Gateway)
	for _, p := range world.People {
		fmt.Fprintf(out, "  %-28s %-20s %s\n", p.Email, world.RolesOf(p), p.Task)
	}
	fmt.Fprintln(out, "\nStop with Ctrl-C; everything is kept. `make reset` clears it.")
	<-ctx.Done()
	fmt.Fprintln(out, "stopping")
	return nil
}
