package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func inventoryCommand() *cobra.Command {
	var who signing
	var finding, organization, format string
	var days int
	c := &cobra.Command{
		Use: "inventory", Short: "List live credentials and what is to be said of each", Args: wrongInput(cobra.NoArgs),
		Long: "Findings: orphaned (its application lacks an owner), over_scoped (it was used, but not all of its scopes), unused, never_rotated,\n" +
			"ageing (less than a fifth of its life is left), imported. What was issued or used within --days is neither unused nor due for rotation.",
		Example: "  chancery inventory --finding unused --days 60\n  chancery inventory --organization ID -o json",
	}
	who.flags(c)
	c.Flags().StringVar(&finding, "finding", "", "those alone of which this is true")
	c.Flags().StringVar(&organization, "organization", "", "one organisation alone")
	c.Flags().IntVar(&days, "days", 30, "days without use after which something counts as unused")
	c.Flags().StringVarP(&format, "output", "o", "table", "json or table")
	c.RunE = func(c *cobra.Command, _ []string) error {
		p, err := who.in(c.Context())
		if err != nil {
			return err
		}
		type item struct {
			ID             string     `json:"id"`
			Kind           string     `json:"kind"`
			Name           string     `json:"name"`
			OrganizationID string     `json:"organization_id"`
			ExpiresAt      time.Time  `json:"expires_at"`
			LastUsedAt     *time.Time `json:"last_used_at,omitempty"`
			UnusedScopes   []string   `json:"unused_scopes"`
			Findings       []string   `json:"findings"`
		}
		all := []item{}
		for after := ""; ; {
			query := url.Values{"limit": {"200"}, "days": {strconv.Itoa(days)}}
			for name, value := range map[string]string{"after": after, "finding": finding, "organization_id": organization} {
				if value != "" {
					query.Set(name, value)
				}
			}
			var page struct {
				Items []item `json:"items"`
				Next  string `json:"next"`
			}
			if err := p.Get(c.Context(), "issuance", "/v1/inventory?"+query.Encode(), &page); err != nil {
				return err
			}
			all = append(all, page.Items...)
			if after = page.Next; after == "" {
				break
			}
		}
		if format == "json" {
			return json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{"items": all})
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "CREDENTIAL\tKIND\tNAME\tLAST USED\tEXPIRES\tFINDINGS")
		for _, i := range all {
			used := "never"
			if i.LastUsedAt != nil {
				used = i.LastUsedAt.Format(time.DateTime)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Kind, i.Name, used, i.ExpiresAt.Format(time.DateOnly), strings.Join(i.Findings, ", "))
		}
		return w.Flush()
	}
	return c
}
