package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func authorizersCommand() *cobra.Command {
	c := &cobra.Command{Use: "authorizers", Short: "List authorizers, and sign off those that are gone", Args: wrongInput(cobra.NoArgs)}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(authorizersListCommand(), authorizersSignOffCommand())
	return c
}

func authorizersListCommand() *cobra.Command {
	var at caller
	c := &cobra.Command{
		Use: "list", Short: "List authorizers and how far each has applied the log", Args: wrongInput(cobra.NoArgs),
		Example: "  chancery authorizers list --as ines@meridian.example",
		RunE: func(c *cobra.Command, _ []string) error {
			who, err := at.signIn(c.Context())
			if err != nil {
				return err
			}
			var answer struct {
				Items []struct {
					ID          string     `json:"id"`
					Environment string     `json:"environment,omitempty"`
					State       string     `json:"state"`
					JoinedAt    time.Time  `json:"joined_at"`
					KeyID       string     `json:"key_id"`
					Position    uint64     `json:"position"`
					LastHeardAt *time.Time `json:"last_heard_at,omitempty"`
					EndedAt     *time.Time `json:"ended_at,omitempty"`
					EndedBy     string     `json:"ended_by,omitempty"`
					Reason      string     `json:"reason,omitempty"`
				} `json:"items"`
			}
			if err := who.Get(c.Context(), "issuance", "/v1/authorizers", &answer); err != nil {
				return err
			}
			if at.json() {
				out := json.NewEncoder(c.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(answer)
			}
			t := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(t, "NAME\tSTATE\tPOSITION\tLAST HEARD OF\tJOINED\tENDED BY")
			for _, a := range answer.Items {
				heard := "never"
				if a.LastHeardAt != nil {
					heard = a.LastHeardAt.Format(time.RFC3339)
				}
				fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", a.ID, a.State, a.Position, heard, a.JoinedAt.Format(time.RFC3339), a.EndedBy)
			}
			return t.Flush()
		},
	}
	at.flags(c)
	return c
}

func authorizersSignOffCommand() *cobra.Command {
	var at caller
	var reason string
	c := &cobra.Command{
		Use: "sign-off NAME --reason REASON", Short: "Vouch that an authorizer judges no more calls", Args: wrongInput(cobra.ExactArgs(1)),
		Long: "Receipts name an authorizer until it left by itself or somebody signed it off. Sign off only what you know to be gone: one that\n" +
			"runs on, cut off, goes on admitting public products for as long as its configuration says.",
		Example: "  chancery authorizers sign-off edge-3 --reason \"the machine was given back\" --as ines@meridian.example",
		RunE: func(c *cobra.Command, args []string) error {
			who, err := at.signIn(c.Context())
			if err != nil {
				return err
			}
			if err := who.Post(c.Context(), "issuance", "/v1/authorizers/"+url.PathEscape(args[0])+"/sign-off", map[string]any{"reason": reason}, nil); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is signed off\n", args[0])
			return nil
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why it is gone")
	if err := c.MarkFlagRequired("reason"); err != nil {
		panic(err)
	}
	at.flags(c)
	return c
}
