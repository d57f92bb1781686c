package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func signingKeyCommand() *cobra.Command {
	var who signing
	c := &cobra.Command{Use: "signing-key", Short: "See, turn over and end the keys that access tokens are signed with", Args: wrongInput(cobra.NoArgs)}
	who.flags(c)
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(signingKeyListCommand(&who), signingKeyRotateCommand(&who), signingKeyCompromiseCommand(&who))
	return c
}

func signingKeyListCommand(who *signing) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "list", Short: "List the keys and what each is good for", Args: wrongInput(cobra.NoArgs),
		Long: "A key is next (published, to sign after the active one), active (it signs), verifying (what it signed is good), expired or\ncompromised.",
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := who.in(c.Context())
			if err != nil {
				return err
			}
			var keys struct {
				Items []struct {
					ID       string    `json:"id"`
					State    string    `json:"state"`
					NotAfter time.Time `json:"not_after"`
				} `json:"items"`
			}
			if err := p.Get(c.Context(), "issuance", "/v1/signing-keys", &keys); err != nil {
				return err
			}
			if format == "json" {
				return json.NewEncoder(c.OutOrStdout()).Encode(keys)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "KEY\tSTATE\tGOOD UNTIL")
			for _, k := range keys.Items {
				fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.State, k.NotAfter.Format(time.RFC3339))
			}
			return w.Flush()
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "json or table")
	return c
}

func signingKeyRotateCommand(who *signing) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "rotate", Short: "Let the next key sign; what the one before signed stays good", Args: wrongInput(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := who.in(c.Context())
			if err != nil {
				return err
			}
			var turned struct {
				ID       string `json:"id"`
				Previous string `json:"previous,omitempty"`
				Position uint64 `json:"position"`
			}
			if err := p.Post(c.Context(), "issuance", "/v1/signing-keys/rotate", nil, &turned); err != nil {
				return err
			}
			if format == "json" {
				return json.NewEncoder(c.OutOrStdout()).Encode(turned)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s signs in place of %s, from position %d on\n", turned.ID, turned.Previous, turned.Position)
			return err
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "json or table")
	return c
}

func signingKeyCompromiseCommand(who *signing) *cobra.Command {
	var format, reason string
	c := &cobra.Command{
		Use: "compromise KEY --reason WHY", Short: "End a key and every token it signed; another one signs from here on", Args: wrongInput(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if reason == "" {
				return exit{2, fmt.Errorf("say why with --reason")}
			}
			p, err := who.in(c.Context())
			if err != nil {
				return err
			}
			var ended struct {
				ID        string   `json:"id"`
				Position  uint64   `json:"position"`
				Confirmed []string `json:"confirmed"`
				Pending   []string `json:"pending"`
			}
			if err := p.Post(c.Context(), "issuance", "/v1/signing-keys/"+url.PathEscape(args[0])+"/compromise", map[string]any{"reason": reason}, &ended); err != nil {
				return err
			}
			if format == "json" {
				return json.NewEncoder(c.OutOrStdout()).Encode(ended)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s and everything it signed ended at position %d, felt by %d authorizers, not yet by %d\n", ended.ID, ended.Position, len(ended.Confirmed), len(ended.Pending))
			return err
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	c.Flags().StringVarP(&format, "output", "o", "table", "json or table")
	return c
}
