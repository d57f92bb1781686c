package main

import (
	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

func configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Look at what a service is configured with", Args: wrongInput(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(&cobra.Command{
		Use: "print SERVICE", Short: "Print what a service would read from this environment, secrets as [redacted]",
		Example: "  chancery config print issuance", Args: wrongInput(known), ValidArgs: suite.Names(),
		RunE: func(c *cobra.Command, args []string) error {
			config, err := service.LoadConfig(c.Context(), nil)
			if err != nil {
				return exit{2, err}
			}
			all := []any{config.Variables}
			if variables := suite.Variables[args[0]]; variables != nil {
				own := variables()
				if err := service.Load(c.Context(), config.Lookup, own); err != nil {
					return exit{2, err}
				}
				all = append(all, own)
			}
			service.PrintConfig(c.OutOrStdout(), all...)
			return nil
		},
	})
	return c
}
