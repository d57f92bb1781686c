package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// explanation is the answer of GET /v1/decisions/{id}.
type explanation struct {
	Authorizer  string    `json:"authorizer"`
	Position    uint64    `json:"position"`
	Time        time.Time `json:"time"`
	Environment string    `json:"environment"`
	Verdict     string    `json:"verdict"`
	Reason      string    `json:"reason"`
	Text        string    `json:"text"`
	Bundle      string    `json:"bundle"`
	LeaseAge    float64   `json:"lease_age_seconds"`
	Credential  string    `json:"credential_id"`
	Generation  uint32    `json:"generation"`
	Missing     string    `json:"missing_scope"`
	Operation   *struct {
		ID, Method, Path, Version string
		Scopes                    []string
	} `json:"operation"`
	Derived struct {
		Agrees, Bundle bool
		Reason         string
		Position       uint64
	} `json:"derived"`
	Chain *struct {
		GrantID     string   `json:"grant_id"`
		Scopes      []string `json:"granted_scopes"`
		RequestID   string   `json:"request_id"`
		ReviewerIDs []string `json:"reviewer_ids"`
		Policy      string   `json:"policy"`
		Application string   `json:"application_id"`
		OwnerID     string   `json:"owner_id"`
		BackupID    string   `json:"backup_owner_id"`
		Steps       []struct {
			Kind, ID, Fact string
			Position       uint64
			At             time.Time
		} `json:"steps"`
	} `json:"chain"`
}

func whyCommand() *cobra.Command {
	var who signing
	var format string
	c := &cobra.Command{
		Use: "why DECISION", Short: "Say why an authorizer admitted or denied a call", Args: wrongInput(cobra.ExactArgs(1)),
		Long: "Takes the id that every answer of an authorizer carries in Chancery-Decision, checks that an authorizer of this suite made it,\n" +
			"and reaches the verdict again from the log as it was at that moment. Owners see decisions about their own applications,\n" +
			"auditors all. Exit code 1 says that the log does not bear the decision out.",
		Example: "  chancery why $(curl -si https://api.example/ledger/v1/accounts | awk '/^chancery-decision/ {print $2}')",
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			p, err := who.in(ctx)
			if err != nil {
				return err
			}
			var raw []byte
			if err := p.Get(ctx, "gateway", "/v1/decisions/"+url.PathEscape(strings.TrimSpace(args[0])), &raw); err != nil {
				return err
			}
			var e explanation
			if err := json.Unmarshal(raw, &e); err != nil {
				return err
			}
			if format == "json" {
				_, err = fmt.Fprintln(c.OutOrStdout(), string(raw))
			} else {
				err = e.print(c.OutOrStdout())
			}
			if err == nil && !e.Derived.Agrees {
				err = fmt.Errorf("the log does not bear this decision out: it says %q", e.Derived.Reason)
			}
			return err
		},
	}
	who.flags(c)
	c.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return c
}

func (e explanation) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" && text != "0" && text != "[]" {
			fmt.Fprintf(t, "%s\t%s\n", name, text)
		}
	}
	line("verdict", strings.TrimSpace(e.Verdict+" "+e.Reason))
	line("because", e.Text)
	line("missing scope", e.Missing)
	line("authorizer", fmt.Sprintf("%s, %s, %s", e.Authorizer, e.Environment, e.Time.Format(time.RFC3339Nano)))
	line("rested on", fmt.Sprintf("position %d, contracts %s, %.3f s after it was certain that nothing newer was missing", e.Position, e.Bundle, e.LeaseAge))
	line("credential", e.Credential)
	line("generation", e.Generation)
	if o := e.Operation; o != nil {
		line("operation", fmt.Sprintf("%s %s (%s, version %s), needs %s", o.Method, o.Path, o.ID, o.Version, strings.Join(o.Scopes, " ")))
	}
	if c := e.Chain; c != nil {
		line("application", fmt.Sprintf("%s, owners %s and %s", c.Application, c.OwnerID, c.BackupID))
		line("grant", fmt.Sprintf("%s: %s", c.GrantID, strings.Join(c.Scopes, " ")))
		line("approved", fmt.Sprintf("request %s by %v under %s", c.RequestID, c.ReviewerIDs, c.Policy))
		for _, s := range c.Steps {
			line(fmt.Sprintf("  %d", s.Position), fmt.Sprintf("%s %s %s %s", s.At.Format(time.RFC3339), s.Kind, s.ID, s.Fact))
		}
	}
	line("the log says", fmt.Sprintf("the same: %v (derived again at position %d)", e.Derived.Agrees, e.Derived.Position))
	return t.Flush()
}
