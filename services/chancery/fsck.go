package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

func fsckCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "fsck [SERVICE]", Short: "Derive every view anew from the log and compare", ValidArgs: suite.WithDatabase(),
		Long: "Derives every view, the tree of the audit log among them, anew from the log and compares it row by row with the one that is\n" +
			"there; nothing is changed and services may go on meanwhile. With --data it checks the suite of that folder, running split\nor not at all; without it SERVICE as the environment configures it.",
		Example: "  chancery fsck --data .data\n  docker compose exec issuance chancery fsck issuance",
		Args:    wrongInput(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			wrong := 0
			err := inspect(c.Context(), dir, args, func(i *service.Inspection) error {
				differ, err := suite.Check(c.Context(), i, printer(c.OutOrStdout()))
				wrong += differ
				return err
			})
			if err == nil && wrong > 0 {
				err = fmt.Errorf("%d views are not what the log says: chancery rebuild VIEW makes one anew", wrong)
			}
			return err
		},
	}
	c.Flags().StringVar(&dir, "data", "", "folder of the suite")
	return c
}

func printer(out io.Writer) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
}

// inspect looks at the service that is named, or at all of the suite in dir.
func inspect(ctx context.Context, dir string, args []string, look func(*service.Inspection) error) (err error) {
	name := ""
	if len(args) > 0 {
		name = args[0]
		if err := known(nil, args); err != nil {
			return exit{2, err}
		}
	}
	if dir == "" {
		if name == "" {
			return exit{2, errors.New("name a service, or the folder of a suite with --data")}
		}
		config, err := service.LoadConfig(ctx, nil)
		if err != nil {
			return exit{2, err}
		}
		config.Host.Version = version
		return suite.Inspect(ctx, name, config, look)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	stores, err := suite.OpenStores(ctx, suite.Options{
		Dir: dir, Version: version, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close(context.WithoutCancel(ctx))) }()
	return stores.Each(ctx, name, look)
}
