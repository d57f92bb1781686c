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
	var bare, split bool
	c := &cobra.Command{
		Use: "up", Short: "Run the whole suite on this machine, with a demo world at the first start", Args: cobra.NoArgs,
		Example: "  chancery up\n  chancery up --portal 127.0.0.1:9000 --data /srv/chancery\n  chancery up --split --replicas 3",
		RunE: func(c *cobra.Command, _ []string) error {
			o.Version = version
			o.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			start := suite.Start
			switch {
			case o.Replicas != 1 && o.Replicas != 3:
				return exit{2, errors.New("--replicas is 1 or 3")}
			case split:
				start = suite.StartSplit
			case o.Replicas != 1:
				return exit{2, errors.New("--replicas goes with --split")}
			}
			return up(c.Context(), c.OutOrStdout(), o, start, bare)
		},
	}
	c.Flags().StringVar(&o.Dir, "data", ".data", "folder of everything that is kept")
	c.Flags().StringVar(&o.Portal, "portal", "127.0.0.1:8080", "where the portal listens")
	c.Flags().StringVar(&o.IdP, "idp", "127.0.0.1:8090", "where the development identity provider listens")
	c.Flags().StringVar(&o.Gateway, "gateway", "127.0.0.1:8070", "where the authorizer listens")
	c.Flags().BoolVar(&bare, "bare", false, "do not make the demo world")
	c.Flags().BoolVar(&split, "split", false, "run every service, NATS and Postgres as a process of its own")
	c.Flags().IntVar(&o.Replicas, "replicas", 1, "how many NATS servers, with --split")
	return c
}

func up(ctx context.Context, out io.Writer, o suite.Options, start func(context.Context, suite.Options) (*suite.Suite, error), bare bool) (err error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	o.Dir = dir
	started := time.Now()
	fmt.Fprintf(out, "chancery %s: starting in %s\n", version, dir)
	o.Say = func(line string) { fmt.Fprintln(out, line) }
	s, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop(context.WithoutCancel(ctx))) }()
	fmt.Fprintf(out, "seven services, NATS %s, PostgreSQL %s: ready in %.1f s\n", s.NATSVersion, s.PostgresVersion, time.Since(started).Seconds())
	for _, p := range s.Processes() {
		fmt.Fprintf(out, "  %-10s process %d\n", p.Name, p.PID)
	}
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
