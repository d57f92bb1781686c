package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/issuance/renewal"
)

func agentCommand() *cobra.Command {
	c := &cobra.Command{Use: "agent", Short: "What runs beside a machine that has a credential", Args: wrongInput(cobra.NoArgs)}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	renew := &cobra.Command{
		Use: "renew ID --file FILE", Short: "Keep a secret file fresh", Args: wrongInput(cobra.ExactArgs(1)),
		Long: "Renews at two thirds of the secret's life and replaces the file as a whole, so that whoever reads it anew for each use\n" +
			"always has a secret that works. Ends with an error when the credential is over.",
		Example: "  chancery agent renew ID --file /run/secrets/ledger.key --portal https://portal.example",
	}
	k := keeping(renew)
	renew.RunE = func(c *cobra.Command, args []string) error {
		k.ID = args[0]
		err := k.Keep(c.Context(), func(r renewal.Renewed, err error) {
			if err != nil {
				fmt.Fprintln(c.ErrOrStderr(), "not renewed:", err)
				return
			}
			fmt.Fprintf(c.OutOrStdout(), "generation %d, good until %s, to be renewed from %s\n", r.Generation, r.ExpiresAt.Format(time.RFC3339), r.From.Format(time.RFC3339))
		})
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}
	c.AddCommand(renew)
	return c
}

func credentialRenewCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "renew ID --file FILE", Short: "Renew a secret by itself, once", Args: wrongInput(cobra.ExactArgs(1)),
		Long: "The secret in the file asks for its own successor, which takes its place in the file. Nobody signs in.",
	}
	k := keeping(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		k.ID = args[0]
		r, err := k.Renew(c.Context())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "generation %d, good until %s\n", r.Generation, r.ExpiresAt.Format(time.RFC3339))
		return err
	}
	return c
}

// keeping is a keeper set up by flags.
func keeping(c *cobra.Command) *renewal.Keeper {
	k := &renewal.Keeper{HTTP: &http.Client{Timeout: 30 * time.Second}, Now: time.Now}
	c.Flags().StringVar(&k.File, "file", "", "file with the secret and nothing else, mode 0600")
	c.Flags().StringVar(&k.Kind, "kind", "api_key", "api_key or client_secret")
	if c.Flags().Lookup("portal") == nil {
		c.Flags().StringVar(&k.Server, "portal", "http://127.0.0.1:8080", "public address of the suite")
	}
	require(c, "file")
	return k
}
