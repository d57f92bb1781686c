package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func grantsCommand() *cobra.Command {
	var who signing
	c := &cobra.Command{
		Use: "grants", Short: "Compare what grants give with what is used of them", Args: wrongInput(cobra.NoArgs),
		Example: "  chancery grants usage GRANT\n  chancery grants shrink\n  chancery grants shrink GRANT --accept\n  chancery grants shrink GRANT --undo --reason \"month's end\"",
	}
	who.flags(c)
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(grantsUsageCommand(&who), grantsShrinkCommand(&who))
	return c
}

func grantsUsageCommand(who *signing) *cobra.Command {
	var format string
	c := &cobra.Command{Use: "usage GRANT", Short: "Say which scopes of a grant were used, and when", Args: wrongInput(cobra.ExactArgs(1))}
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx := c.Context()
		p, err := who.in(ctx)
		if err != nil {
			return err
		}
		var raw []byte
		if err := p.Get(ctx, "approval", "/v1/grants/"+url.PathEscape(args[0])+"/usage", &raw); err != nil {
			return err
		}
		if format == "json" {
			_, err := fmt.Fprintln(c.OutOrStdout(), string(raw))
			return err
		}
		var u struct {
			Scopes []struct {
				Scope string
				Used  *struct {
					Calls      uint64
					LastUsedAt time.Time `json:"last_used_at"`
				}
			}
			Proposal *struct {
				Unused []string  `json:"unused_scopes"`
				Until  time.Time `json:"shadow_until"`
			}
		}
		if err := json.Unmarshal(raw, &u); err != nil {
			return err
		}
		t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "SCOPE\tCALLS\tLAST USED")
		for _, s := range u.Scopes {
			if s.Used == nil {
				fmt.Fprintf(t, "%s\t0\tnever\n", s.Scope)
				continue
			}
			fmt.Fprintf(t, "%s\t%d\t%s\n", s.Scope, s.Used.Calls, s.Used.LastUsedAt.Format(time.RFC3339))
		}
		if u.Proposal != nil {
			fmt.Fprintf(t, "proposed to go until %s: %s\n", u.Proposal.Until.Format(time.RFC3339), strings.Join(u.Proposal.Unused, " "))
		}
		return t.Flush()
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return c
}

func grantsShrinkCommand(who *signing) *cobra.Command {
	var accept, dismiss, undo bool
	var reason, format string
	c := &cobra.Command{Use: "shrink [GRANT]", Short: "List proposals to narrow grants, and answer one", Args: wrongInput(cobra.MaximumNArgs(1))}
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx := c.Context()
		if len(args) == 1 {
			step, body := "", map[string]any{"reason": reason}
			switch {
			case accept && !dismiss && !undo:
				step, body = "accept", map[string]any{}
			case dismiss && !accept && !undo:
				step = "dismiss"
			case undo && !accept && !dismiss:
				step = "undo"
			default:
				return exit{2, fmt.Errorf("say one of --accept, --dismiss and --undo")}
			}
			if step != "accept" && reason == "" {
				return exit{2, fmt.Errorf("say why with --reason")}
			}
			p, err := who.in(ctx)
			if err != nil {
				return err
			}
			at, err := p.Command(ctx, "approval", "/v1/grants/"+url.PathEscape(args[0])+"/shrink/"+step, "", body, nil)
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "done at position %d\n", at)
			}
			return err
		}
		p, err := who.in(ctx)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		if format != "json" {
			fmt.Fprintln(t, "GRANT\tAPPLICATION\tUNUSED\tUNTIL")
		}
		for after := ""; ; {
			var page struct {
				Items []json.RawMessage
				Next  string
			}
			if err := p.Get(ctx, "approval", "/v1/shrink-proposals?limit=100&after="+url.QueryEscape(after), &page); err != nil {
				return err
			}
			for _, raw := range page.Items {
				if format == "json" {
					fmt.Fprintln(c.OutOrStdout(), string(raw))
					continue
				}
				var g struct {
					ID          string
					Application string    `json:"application_name"`
					Unused      []string  `json:"unused_scopes"`
					Until       time.Time `json:"shadow_until"`
				}
				if err := json.Unmarshal(raw, &g); err != nil {
					return err
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", g.ID, g.Application, strings.Join(g.Unused, " "), g.Until.Format(time.RFC3339))
			}
			if after = page.Next; after == "" {
				return t.Flush()
			}
		}
	}
	c.Flags().BoolVar(&accept, "accept", false, "narrow the grant to what is used")
	c.Flags().BoolVar(&dismiss, "dismiss", false, "leave the grant as it is")
	c.Flags().BoolVar(&undo, "undo", false, "take back that it was narrowed")
	c.Flags().StringVar(&reason, "reason", "", "why, for --dismiss and --undo")
	c.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return c
}
