package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func signalsCommand() *cobra.Command {
	var who signing
	c := &cobra.Command{
		Use: "signals", Short: "Streams of security events to receivers (SSF, CAEP, RISC)", Args: wrongInput(cobra.NoArgs),
		Example: "  chancery signals open --push https://receiver.example/events --audience https://receiver.example\n  chancery signals list",
	}
	who.flags(c)
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(signalsListCommand(&who), signalsOpenCommand(&who), signalsVerifyCommand(&who), signalsEndCommand(&who))
	return c
}

func signalsListCommand(who *signing) *cobra.Command {
	var format string
	c := &cobra.Command{Use: "list", Short: "List the organisation's streams", Args: wrongInput(cobra.NoArgs)}
	c.RunE = func(c *cobra.Command, _ []string) error {
		p, err := who.in(c.Context())
		if err != nil {
			return err
		}
		var page struct {
			Items []struct {
				ID, Method, Endpoint, Audience, State string
			} `json:"items"`
		}
		if err := p.Get(c.Context(), "issuance", "/v1/signal-streams?limit=200", &page); err != nil {
			return err
		}
		if format == "json" {
			return json.NewEncoder(c.OutOrStdout()).Encode(page.Items)
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tSTATE\tMETHOD\tAUDIENCE\tENDPOINT")
		for _, s := range page.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.ID, s.State, s.Method, s.Audience, s.Endpoint)
		}
		return w.Flush()
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return c
}

func signalsOpenCommand(who *signing) *cobra.Command {
	var push, audience, header string
	var events []string
	c := &cobra.Command{Use: "open --audience AUDIENCE [--push ADDRESS]", Short: "Open a stream, pushed to an address or else fetched", Args: wrongInput(cobra.NoArgs)}
	c.RunE = func(c *cobra.Command, _ []string) error {
		p, err := who.in(c.Context())
		if err != nil {
			return err
		}
		body := map[string]any{"method": "poll", "audience": audience, "events": events}
		if push != "" {
			body["method"], body["endpoint"] = "push", push
		}
		if header != "" {
			var value string
			if value, err = firstLine(header); err != nil {
				return exit{2, err}
			}
			body["authorization_header"] = value
		}
		var made struct{ ID string }
		if err := p.Post(c.Context(), "issuance", "/v1/signal-streams", body, &made); err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout(), made.ID)
		return nil
	}
	c.Flags().StringVar(&push, "push", "", "https address that takes security event tokens (RFC 8935)")
	c.Flags().StringVar(&audience, "audience", "", "aud of every token")
	c.Flags().StringVar(&header, "authorization-file", "", "file with the Authorization header that every push carries")
	c.Flags().StringSliceVar(&events, "event", nil, "type of event; every one if absent")
	if err := c.MarkFlagRequired("audience"); err != nil {
		panic(err)
	}
	return c
}

func signalsVerifyCommand(who *signing) *cobra.Command {
	return signalsDo(who, "verify ID", "Have a verification event sent", "/verify", func() map[string]any { return map[string]any{} })
}

func signalsEndCommand(who *signing) *cobra.Command {
	reason := "no longer read"
	c := signalsDo(who, "end ID", "End a stream", "/end", func() map[string]any { return map[string]any{"reason": reason} })
	c.Flags().StringVar(&reason, "reason", reason, "why, for the record")
	return c
}

func signalsDo(who *signing, use, short, path string, body func() map[string]any) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: wrongInput(cobra.ExactArgs(1))}
	c.RunE = func(c *cobra.Command, args []string) error {
		p, err := who.in(c.Context())
		if err != nil {
			return err
		}
		return p.Post(c.Context(), "issuance", "/v1/signal-streams/"+url.PathEscape(args[0])+path, body(), nil)
	}
	return c
}
