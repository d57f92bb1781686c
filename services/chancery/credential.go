package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func credentialCommand() *cobra.Command {
	var who signing
	c := &cobra.Command{Use: "credential", Short: "See, issue, turn over and end credentials", Args: wrongInput(cobra.NoArgs)}
	who.flags(c)
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(credentialListCommand(&who), credentialShowCommand(&who), credentialIssueCommand(&who), credentialRotateCommand(&who),
		credentialRetireCommand(&who), credentialRevokeCommand(&who), credentialRenewCommand())
	return c
}

// listed is what a list shows of a credential.
type listed struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`
	Name       string     `json:"name"`
	State      string     `json:"state"`
	ExpiresAt  time.Time  `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

func credentialListCommand(who *signing) *cobra.Command {
	var format, application, state string
	c := &cobra.Command{Use: "list", Short: "List the organisation's credentials", Args: wrongInput(cobra.NoArgs)}
	c.RunE = func(c *cobra.Command, _ []string) error {
		p, err := who.in(c.Context())
		if err != nil {
			return err
		}
		query := url.Values{}
		if application != "" {
			query.Set("application_id", application)
		}
		if state != "" {
			query.Set("state", state)
		}
		var page struct {
			Items []listed `json:"items"`
		}
		if err := p.Get(c.Context(), "issuance", "/v1/credentials?"+query.Encode(), &page); err != nil {
			return err
		}
		if format == "json" {
			return json.NewEncoder(c.OutOrStdout()).Encode(page)
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tKIND\tNAME\tSTATE\tEXPIRES\tLAST USED")
		for _, i := range page.Items {
			used := "never"
			if i.LastUsedAt != nil {
				used = i.LastUsedAt.Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Kind, i.Name, i.State, i.ExpiresAt.Format(time.RFC3339), used)
		}
		return w.Flush()
	}
	c.Flags().StringVar(&application, "application", "", "of one application alone")
	c.Flags().StringVar(&state, "state", "", "active, rotating, leaked, revoked or expired ones alone")
	c.Flags().StringVarP(&format, "output", "o", "table", "json or table")
	return c
}

func credentialShowCommand(who *signing) *cobra.Command {
	c := &cobra.Command{Use: "show ID", Short: "Show a credential and its generations, without any secret, as JSON", Args: wrongInput(cobra.ExactArgs(1))}
	c.RunE = func(c *cobra.Command, args []string) error {
		p, err := who.in(c.Context())
		if err != nil {
			return err
		}
		var found map[string]any
		if err := p.Get(c.Context(), "issuance", "/v1/credentials/"+url.PathEscape(args[0]), &found); err != nil {
			return err
		}
		e := json.NewEncoder(c.OutOrStdout())
		e.SetIndent("", "  ")
		return e.Encode(found)
	}
	return c
}
