package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

func rebuildCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "rebuild SERVICE.VIEW", Short: "Empty a view, to be made anew from the log", Args: wrongInput(cobra.ExactArgs(1)),
		Long: "Empties the view. The instances that run notice within a second and replay it, answering 503 view_behind meanwhile; if none\n" +
			"runs, the next one does. `chancery fsck` names the views.",
		Example: "  chancery rebuild issuance.credentials --data .data\n  docker compose exec issuance chancery rebuild issuance.credentials",
		RunE: func(c *cobra.Command, args []string) error {
			name, view, ok := strings.Cut(args[0], ".")
			if !ok {
				return exit{2, errors.New("a view is named SERVICE.VIEW, such as issuance.credentials")}
			}
			return inspect(c.Context(), dir, []string{name}, func(i *service.Inspection) error {
				if err := suite.Rebuild(c.Context(), i, view); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s is empty and will be made anew\n", args[0])
				return nil
			})
		},
	}
	c.Flags().StringVar(&dir, "data", "", "folder of the suite")
	return c
}
