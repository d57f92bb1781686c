package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/chancery/internal/imports"
)

func importCommand() *cobra.Command {
	var at caller
	var from, scopes, until string
	var d imports.Defaults
	var dry bool
	c := &cobra.Command{
		Use: "import FILE|- --from csv|kong|keycloak", Short: "Take applications, owners and secrets over from another system", Args: wrongInput(cobra.ExactArgs(1)),
		Long: "Reads a CSV file, Kong's declarative configuration or the export of a Keycloak realm, and takes over what is in it as far as the\n" +
			"rules allow: applications are registered with two owners; access is requested and approved by people as for anybody; the old\n" +
			"secrets of what was approved are kept as keyed hashes until their last day, within grant and class. Nothing is taken over without\n" +
			"an expiry. Run it again after the approvals: it goes on from there and does nothing twice. --dry-run says what would happen.\n\n" +
			"CSV columns: application, purpose, environment, owner, backup_owner, product, scopes, kind, name, secret, expires_at.\n\n" +
			"Exits 1 when something was refused.",
		Example: "  chancery import keys.csv --from csv --dry-run --as noor@northwind.example\n" +
			"  chancery import kong.yaml --from kong --owner noor@northwind.example --backup-owner sam@northwind.example \\\n" +
			"    --scopes accounts:read --until 2027-01-31 --as noor@northwind.example",
		RunE: func(c *cobra.Command, args []string) error {
			body, err := readReport(c.InOrStdin(), args[0])
			if err != nil {
				return exit{2, err}
			}
			d.Scopes, d.Now = strings.Fields(scopes), time.Now()
			if until != "" {
				if d.ExpiresAt, err = time.Parse(time.DateOnly, until); err != nil {
					return exit{2, fmt.Errorf("--until is %q: it should be a date such as 2027-01-31", until)}
				}
			}
			plan, err := imports.Read(from, body, d)
			if err != nil {
				return exit{2, err}
			}
			who, err := at.signIn(c.Context())
			if err != nil {
				return err
			}
			steps, err := plan.Run(c.Context(), who, dry)
			return errors.Join(at.imported(c, steps), err)
		},
	}
	at.flags(c)
	c.Flags().StringVar(&from, "from", "", "csv, kong or keycloak")
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would happen and change nothing")
	c.Flags().StringVar(&d.Owner, "owner", "", "e-mail address of the owner, where the file names none")
	c.Flags().StringVar(&d.Backup, "backup-owner", "", "e-mail address of the backup owner, where the file names none")
	c.Flags().StringVar(&d.Environment, "environment", "sandbox", "sandbox or production, where the file does not say")
	c.Flags().StringVar(&d.Purpose, "purpose", "Taken over from another system", "purpose, where the file names none")
	c.Flags().StringVar(&d.Product, "product", "", "slug of the product, where the file names none")
	c.Flags().StringVar(&scopes, "scopes", "", "scopes, where the file names none")
	c.Flags().StringVar(&until, "until", "", "last day of secrets, where the file names none")
	if err := c.MarkFlagRequired("from"); err != nil {
		panic(err)
	}
	return c
}

func (a *caller) imported(c *cobra.Command, steps []imports.Step) error {
	refused := 0
	for _, s := range steps {
		if s.Outcome == imports.Refused {
			refused++
		}
	}
	if a.json() {
		if err := json.NewEncoder(c.OutOrStdout()).Encode(steps); err != nil {
			return err
		}
	} else {
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "LINE\tWHAT\tOUTCOME\tDETAIL")
		for _, s := range steps {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", s.Line, s.What, s.Outcome, s.Detail)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if refused > 0 {
		return fmt.Errorf("%d of %d were refused", refused, len(steps))
	}
	return nil
}
