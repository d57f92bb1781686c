package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/issuance/endings"
)

// causes are the things that can be ended with all that descends from them, and the operation that does it.
var causes = []struct{ name, kind, service, path, body, short string }{
	{"person", "person", "identity", "/v1/people/%s/deprovision", "", "who left: sessions, consents and all that acts for them"},
	{"sessions", "person", "identity", "/v1/people/%s/end-sessions", "compromised", "a person's stolen sessions and what was made in them"},
	{"application", "application", "registry", "/v1/applications/%s/offboard", "", "an application for good: requests, grants, credentials, tokens"},
	{"organization", "organization", "identity", "/v1/organizations/%s/close", "", "an organisation, such as a vendor, and everything of it"},
	{"grant", "grant", "approval", "/v1/grants/%s/revoke", "", "a grant and the credentials issued under it"},
	{"credential", "credential", "issuance", "/v1/credentials/%s/revoke", "", "a credential: its generations, consents and tokens"},
	{"signing-key", "signing_key", "issuance", "/v1/signing-keys/%s/compromise", "", "a signing key and every token it signed"},
}

func killCommand() *cobra.Command {
	var who signing
	c := &cobra.Command{
		Use: "kill", Short: "End something and all that descends from it", Args: wrongInput(cobra.NoArgs),
		Long: "One command ends every descendant: authorizers refuse them from the one fact on. With --dry-run nothing is ended, and what\n" +
			"would be is shown as a tree. The signed list of what was ended can be kept with --list and checked with kill verify.",
		Example: "  chancery kill organization ID --reason \"contract over\" --dry-run\n  chancery kill organization ID --reason \"contract over\" --list ended.json\n  chancery kill verify ended.json",
	}
	who.flags(c)
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	for i, cause := range causes {
		one := killOneCommand(&who, i)
		if cause.name == "organization" {
			one.Aliases = []string{"vendor"}
		}
		c.AddCommand(one)
	}
	c.AddCommand(killVerifyCommand(&who))
	return c
}

// tree is the answer of GET /v1/descendants.
type tree struct {
	Root  endings.Node   `json:"root"`
	Count int            `json:"count"`
	Kinds map[string]int `json:"kinds"`
	Items []struct {
		endings.Node
		State   string         `json:"state"`
		Parents []endings.Node `json:"parents"`
	} `json:"items"`
}

func killOneCommand(who *signing, i int) *cobra.Command {
	cause := causes[i]
	var reason, keep, format string
	var dry bool
	c := &cobra.Command{Use: cause.name + " ID --reason WHY", Short: "End " + cause.short, Args: wrongInput(cobra.ExactArgs(1))}
	c.RunE = func(c *cobra.Command, args []string) error {
		if !dry && reason == "" {
			return exit{2, fmt.Errorf("say why with --reason")}
		}
		ctx, id := c.Context(), args[0]
		p, err := who.in(ctx)
		if err != nil {
			return err
		}
		if dry {
			var t tree
			query := url.Values{"kind": {cause.kind}, "id": {id}}
			if cause.kind == "person" {
				query.Set("sessions", fmt.Sprint(cause.body == "compromised"))
			}
			if err := p.Get(ctx, "issuance", "/v1/descendants?"+query.Encode(), &t); err != nil {
				return err
			}
			return t.print(c.OutOrStdout(), format)
		}
		body := map[string]any{"reason": reason}
		if cause.body != "" {
			body[cause.body] = true
		}
		if known := []string{"suspected_leak", "no_longer_needed", "policy", "owner_left"}; cause.kind == "credential" && !slices.Contains(known, reason) {
			body = map[string]any{"reason": "policy", "comment": reason}
		}
		at, err := p.Command(ctx, cause.service, fmt.Sprintf(cause.path, url.PathEscape(id)), "", body, nil)
		if err != nil {
			return err
		}
		var raw []byte
		if err := p.Get(ctx, "issuance", fmt.Sprintf("/v1/endings/%d", at), &raw); err != nil {
			return fmt.Errorf("ended at %d, but what it took along could not be listed: %w", at, err)
		}
		if keep != "" {
			if err := os.WriteFile(keep, raw, 0o644); err != nil {
				return err
			}
		}
		if format == "json" {
			_, err := fmt.Fprintln(c.OutOrStdout(), string(raw))
			return err
		}
		var list endings.List
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "%s ended %d things at %d: %s\n", list.Cause.Type, list.Count, at, counts(list.Kinds))
		return nil
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	c.Flags().BoolVar(&dry, "dry-run", false, "end nothing, show what would end")
	c.Flags().StringVar(&keep, "list", "", "file to keep the signed list of what ended in")
	c.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return c
}

func counts(kinds map[string]int) string {
	var all []string
	for k, n := range kinds {
		all = append(all, fmt.Sprintf("%d %s", n, k))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// print draws each thing below the last of its parents that was drawn.
func (t tree) print(w io.Writer, format string) error {
	if format == "json" {
		return json.NewEncoder(w).Encode(t)
	}
	below := map[endings.Node][]int{}
	known := map[endings.Node]bool{}
	for _, m := range t.Items {
		known[m.Node] = true
	}
	var roots []int
	for i, m := range t.Items {
		parent := -1
		for n, p := range m.Parents {
			if known[p] {
				parent = n
			}
		}
		if parent < 0 {
			roots = append(roots, i)
			continue
		}
		below[m.Parents[parent]] = append(below[m.Parents[parent]], i)
	}
	var draw func(i, depth int)
	draw = func(i, depth int) {
		m := t.Items[i]
		fmt.Fprintf(w, "%s%s %s  %s\n", strings.Repeat("  ", depth), m.Kind, m.ID, m.State)
		for _, child := range below[m.Node] {
			draw(child, depth+1)
		}
	}
	for _, i := range roots {
		draw(i, 0)
	}
	_, err := fmt.Fprintf(w, "\n%d would end: %s\n", t.Count, counts(t.Kinds))
	return err
}

func killVerifyCommand(who *signing) *cobra.Command {
	var keys string
	c := &cobra.Command{Use: "verify FILE", Short: "Check a signed list of what one fact ended", Args: wrongInput(cobra.ExactArgs(1))}
	c.RunE = func(c *cobra.Command, args []string) error {
		var list endings.List
		if err := readJSON(args[0], &list); err != nil {
			return exit{2, err}
		}
		var set jose.JSONWebKeySet
		if keys != "" {
			if err := readJSON(keys, &set); err != nil {
				return exit{2, err}
			}
		} else if err := fetchJSON(c.Context(), who.portal+"/oauth2/jwks", &set); err != nil {
			return err
		}
		s, err := endings.Verify(list, set)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "%s, ended by %s at %d, signature of %s good\n", counts(s.Kinds), s.Cause.Type, s.Cause.Position, s.Issuer)
		return nil
	}
	c.Flags().StringVar(&keys, "jwks", "", "file with the issuer's keys, in place of the portal's /oauth2/jwks")
	return c
}
