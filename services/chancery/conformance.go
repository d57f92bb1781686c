package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/chancery/internal/conformance"
)

func conformanceCommand() *cobra.Command {
	var dir string
	var lifetime time.Duration
	c := &cobra.Command{
		Use: "conformance", Short: "Run a suite with clients of every kind for programs of others to be tried against", Args: wrongInput(cobra.NoArgs),
		Long: "Starts the suite behind TLS, two audiences each with a protected sample API, and clients of every kind, and says what to point a\n" +
			"client at. The same stands in conformance.json in the folder. See docs/conformance.md.",
		Example: "  chancery conformance --data conformance --token-lifetime 30s",
		RunE: func(c *cobra.Command, _ []string) error {
			at, err := filepath.Abs(dir)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			return conformance.Run(c.Context(), conformance.Options{Dir: at, Lifetime: lifetime, Version: version,
				Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}, func(t conformance.Target) error {
				fmt.Fprintf(out, "issuer    %s  (metadata at /.well-known/oauth-authorization-server)\nca        %s\nmtls      %s/oauth2/…\ngateway   %s\ntokens    %d s\nperson    %s\nregister  %s\npush      %s\n\n",
					t.Issuer, t.CA, t.MutualTLS, t.Gateway, t.TokenLifetime, t.Person, t.Initial, t.Push)
				for _, r := range t.Resources {
					fmt.Fprintf(out, "resource  %s  %s  GET %s, POST %s\n", r.URL, r.Audience, r.Read, r.Write)
				}
				fmt.Fprintln(out)
				for _, k := range t.Clients {
					fmt.Fprintf(out, "%-22s %-18s %s  %s\n", k.Name, k.Kind, k.ID, k.Secret)
				}
				_, err := fmt.Fprintf(out, "\nKeys and grant types: %s. Stop with Ctrl-C.\n", filepath.Join(at, "conformance.json"))
				return err
			})
		},
	}
	c.Flags().StringVar(&dir, "data", ".data/conformance", "folder of everything that is kept")
	c.Flags().DurationVar(&lifetime, "token-lifetime", time.Minute, "how long access tokens live, from 10s to 1h")
	return c
}
