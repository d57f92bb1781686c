package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
	"github.com/chancery-dev/chancery/services/chancery/internal/world"
	"github.com/chancery-dev/chancery/services/portal"
)

func serveCommand() *cobra.Command {
	var demoWorld bool
	c := &cobra.Command{
		Use: "serve SERVICE", Short: "Run one service, configured by its environment",
		Long:    "Runs one of " + strings.Join(suite.Names(), ", ") + " until it is interrupted; requests under way are answered first.\n`chancery config print SERVICE` shows which variables it reads.",
		Example: "  NATS_URL=nats://nats:4222 NATS_NKEY=/run/keys/identity.nk DATABASE_URL_FILE=/run/urls/identity chancery serve identity",
		Args:    wrongInput(known), ValidArgs: suite.Names(),
		RunE: func(c *cobra.Command, args []string) error {
			name := args[0]
			config, err := service.LoadConfig(c.Context(), nil)
			if err != nil {
				return exit{2, err}
			}
			config.Host.Version = version
			wire := suite.Wires[name]
			if demoWorld && name == "portal" {
				wire = portal.With(world.Personas())
			}
			return service.Run(c.Context(), name, config, wire)
		},
	}
	c.Flags().BoolVar(&demoWorld, "demo-world", false, "list the people of the demo world at the portal")
	_ = c.Flags().MarkHidden("demo-world")
	c.AddCommand(serveNATSCommand())
	return c
}

// known demands the name of one service.
func known(_ *cobra.Command, args []string) error {
	if len(args) == 1 && suite.Wires[args[0]] != nil {
		return nil
	}
	return fmt.Errorf("name one service: %s", strings.Join(suite.Names(), ", "))
}
