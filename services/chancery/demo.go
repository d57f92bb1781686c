package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/chancery/internal/demo"
	"github.com/chancery-dev/chancery/services/chancery/internal/world"
	"github.com/chancery-dev/chancery/services/registry"
)

func demoCommand() *cobra.Command {
	var contract string
	c := &cobra.Command{
		Use: "demo", Short: "Tell one credential's whole life on a fresh suite, each line an assertion", Args: cobra.NoArgs,
		Example: "  chancery demo\n  chancery demo --contract openapi.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			o := demo.Options{Version: version, Name: "ledger.yaml", Type: "application/yaml"}
			var err error
			if contract == "" {
				o.Contract, err = world.Contracts.ReadFile("contracts/ledger.yaml")
			} else {
				o.Name = filepath.Base(contract)
				if strings.HasSuffix(contract, ".json") {
					o.Type = "application/json"
				}
				o.Contract, err = os.ReadFile(contract)
			}
			if err != nil {
				return exit{2, err}
			}
			if err := registry.CheckContract(o.Name, o.Contract); err != nil {
				return exit{2, err}
			}
			return demo.Run(c.Context(), c.OutOrStdout(), o)
		},
	}
	c.Flags().StringVar(&contract, "contract", "", "an OpenAPI 3.0 or 3.1 document to tell the story with")
	return c
}
