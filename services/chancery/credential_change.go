package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/secret"
)

// handed is what issuing and turning over answer.
type handed struct {
	ID          string        `json:"id"`
	Generation  uint32        `json:"generation"`
	Hint        string        `json:"hint"`
	Secret      secret.String `json:"secret"`
	Certificate string        `json:"certificate,omitempty"`
	DeliveredTo string        `json:"delivered_to,omitempty"`
	ExpiresAt   time.Time     `json:"expires_at"`
}

// wanted are the flags of what makes a secret.
type wanted struct {
	request, deliver, file string
	expires                time.Duration
}

func (w *wanted) flags(c *cobra.Command) {
	c.Flags().StringVar(&w.request, "certificate-request", "", "file with a PKCS#10 request, for a client_certificate")
	c.Flags().StringVar(&w.deliver, "deliver", "", "STORE:PATH the secret goes to instead of being shown")
	c.Flags().StringVar(&w.file, "secret-file", "", "new file for the secret or certificate, instead of printing it")
	c.Flags().DurationVar(&w.expires, "expires-in", 0, "how long it lives, such as 720h; as long as grant and class allow, at most 30 days, if absent")
}

func (w *wanted) into(body map[string]any) error {
	if w.expires > 0 {
		body["expires_in_seconds"] = int64(w.expires.Seconds())
	}
	if w.request != "" {
		pem, err := os.ReadFile(w.request)
		if err != nil {
			return exit{2, err}
		}
		body["certificate_request"] = string(pem)
	}
	if w.deliver != "" {
		store, path, ok := strings.Cut(w.deliver, ":")
		if !ok {
			return exit{2, errors.New("--deliver is STORE:PATH")}
		}
		body["delivery"] = map[string]string{"store": store, "path": path}
	}
	return nil
}

// show prints what was handed out; a secret only here, this once.
func (w *wanted) show(c *cobra.Command, h handed) error {
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s generation %d %s, good until %s\n", h.ID, h.Generation, h.Hint, h.ExpiresAt.Format(time.RFC3339))
	content := h.Secret.Reveal() + h.Certificate
	switch {
	case h.DeliveredTo != "":
		_, err := fmt.Fprintf(out, "on its way to %s\n", h.DeliveredTo)
		return err
	case content == "":
		return nil
	case w.file == "":
		_, err := fmt.Fprintln(out, strings.TrimSpace(content))
		return err
	}
	f, err := os.OpenFile(w.file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func credentialIssueCommand(who *signing) *cobra.Command {
	var w wanted
	var grant, kind, name string
	var scopes []string
	c := &cobra.Command{
		Use: "issue --grant ID --name NAME", Short: "Issue a credential under a grant", Args: wrongInput(cobra.NoArgs),
		Example: "  chancery credential issue --grant ID --name nightly --secret-file nightly.key\n" +
			"  chancery credential issue --grant ID --name mtls --kind client_certificate --certificate-request client.csr\n" +
			"  chancery credential issue --grant ID --name unseen --deliver team:ledger/key",
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		body := map[string]any{"grant_id": grant, "kind": kind, "name": name}
		if len(scopes) > 0 {
			body["scopes"] = scopes
		}
		if err := w.into(body); err != nil {
			return err
		}
		p, err := who.in(c.Context())
		if err != nil {
			return err
		}
		var h handed
		if err := p.Post(c.Context(), "issuance", "/v1/credentials", body, &h); err != nil {
			return err
		}
		return w.show(c, h)
	}
	w.flags(c)
	c.Flags().StringVar(&grant, "grant", "", "id of the grant")
	c.Flags().StringVar(&name, "name", "", "what it is for")
	c.Flags().StringVar(&kind, "kind", "api_key", "api_key, client_secret or client_certificate")
	c.Flags().StringSliceVar(&scopes, "scope", nil, "fewer scopes than the grant's")
	require(c, "grant", "name")
	return c
}

func credentialRotateCommand(who *signing) *cobra.Command {
	var w wanted
	var overlap time.Duration
	c := &cobra.Command{Use: "rotate ID", Short: "Start a successor beside the live secret", Args: wrongInput(cobra.ExactArgs(1))}
	c.RunE = func(c *cobra.Command, args []string) error {
		body := map[string]any{"overlap_seconds": int64(overlap.Seconds()), "reason": "requested"}
		if err := w.into(body); err != nil {
			return err
		}
		p, err := who.in(c.Context())
		if err != nil {
			return err
		}
		var h handed
		if err := p.Post(c.Context(), "issuance", "/v1/credentials/"+url.PathEscape(args[0])+"/rotate", body, &h); err != nil {
			return err
		}
		return w.show(c, h)
	}
	w.flags(c)
	c.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old secret goes on; 0 ends it at once")
	return c
}

func credentialRetireCommand(who *signing) *cobra.Command {
	var generation uint32
	c := &cobra.Command{Use: "retire ID --generation N", Short: "End an old secret before its overlap does", Args: wrongInput(cobra.ExactArgs(1))}
	c.RunE = func(c *cobra.Command, args []string) error {
		return endIt(c, who, args[0], "retire", map[string]any{"generation": generation})
	}
	c.Flags().Uint32Var(&generation, "generation", 0, "its number")
	require(c, "generation")
	return c
}

func credentialRevokeCommand(who *signing) *cobra.Command {
	var reason, comment string
	c := &cobra.Command{Use: "revoke ID --reason WHY", Short: "End a credential in all its generations", Args: wrongInput(cobra.ExactArgs(1))}
	c.RunE = func(c *cobra.Command, args []string) error {
		body := map[string]any{"reason": reason}
		if comment != "" {
			body["comment"] = comment
		}
		return endIt(c, who, args[0], "revoke", body)
	}
	c.Flags().StringVar(&reason, "reason", "", "suspected_leak, no_longer_needed, policy or owner_left")
	c.Flags().StringVar(&comment, "comment", "", "for the record")
	require(c, "reason")
	return c
}

func endIt(c *cobra.Command, who *signing, id, how string, body map[string]any) error {
	p, err := who.in(c.Context())
	if err != nil {
		return err
	}
	var ended map[string]any
	if err := p.Post(c.Context(), "issuance", "/v1/credentials/"+url.PathEscape(id)+"/"+how, body, &ended); err != nil {
		return err
	}
	return json.NewEncoder(c.OutOrStdout()).Encode(ended)
}

func require(c *cobra.Command, flags ...string) {
	for _, f := range flags {
		if err := c.MarkFlagRequired(f); err != nil {
			panic(err)
		}
	}
}
