package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/service"
)

func wrappingKeyCommand() *cobra.Command {
	c := &cobra.Command{Use: "wrapping-key", Short: "The keys that wrap what vaults hold", Args: wrongInput(cobra.NoArgs)}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(wrappingKeyRotateCommand())
	return c
}

func wrappingKeyRotateCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "rotate [SERVICE]", Short: "Replace the wrapping key of a service's vault", Args: wrongInput(cobra.MaximumNArgs(1)),
		Long: "Makes a new wrapping key, wraps everything in the vault by it, and only then forgets the old one. It may be stopped and\n" +
			"started again at any point; services may run meanwhile. A sealed key file is sealed again under the newest transit key.",
		Example: "  docker compose exec issuance chancery wrapping-key rotate issuance\n  chancery wrapping-key rotate --data .data",
		RunE: func(c *cobra.Command, args []string) error {
			return inspect(c.Context(), dir, args, func(i *service.Inspection) error {
				d := i.Deps
				if d.Vault == nil {
					return nil
				}
				before := "not known"
				if made := d.Keys.Made(d.Name); !made.IsZero() {
					before = time.Since(made).Round(time.Second).String()
				}
				if err := d.Vault.Rotate(c.Context()); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: the vault is wrapped by a new key; the age of the old one was %s\n", d.Name, before)
				return nil
			})
		},
	}
	c.Flags().StringVar(&dir, "data", "", "folder of the suite")
	return c
}
