package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/chancery/internal/client"
)

func leakCommand() *cobra.Command {
	c := &cobra.Command{Use: "leak", Short: "Report leaked secrets and see what became of them", Args: wrongInput(cobra.NoArgs)}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(leakReportCommand(), leakShowCommand())
	return c
}

// maxLeakReport is what the doors take at most.
const maxLeakReport = 16 << 20

func leakReportCommand() *cobra.Command {
	var at caller
	var format string
	c := &cobra.Command{
		Use: "report FILE|-", Short: "End the secrets that a scanner's report or any text holds", Args: wrongInput(cobra.ExactArgs(1)),
		Long: "Sends in what a scanner found. The format is told from the content: the JSON of gitleaks, SARIF, the JSON lines of trufflehog,\n" +
			"or any other text, in which the keys are found by the published rule and sent as an anonymous batch. Without --as everything is\n" +
			"sent so: whoever holds a secret may end it. Of the text nothing else is sent.",
		Example: "  gitleaks git --config deploy/detectors/gitleaks.toml --report-path - --report-format json | chancery leak report - --as noor@northwind.example\n" +
			"  grep -r chy_live_ . | chancery leak report -",
		RunE: func(c *cobra.Command, args []string) error {
			body, err := readReport(c.InOrStdin(), args[0])
			if err != nil {
				return exit{2, err}
			}
			if format == "" {
				format = formatOf(body)
			}
			if at.as == "" || format == "text" {
				return at.anonymous(c, body)
			}
			who, err := at.signIn(c.Context())
			if err != nil {
				return err
			}
			var answer struct {
				ID       string `json:"id"`
				Received int    `json:"received"`
			}
			if err := who.Post(c.Context(), "issuance", "/v1/leaks/reports?format="+url.QueryEscape(format), client.Document{Type: "application/json", Body: body}, &answer); err != nil {
				return err
			}
			return at.reported(c.OutOrStdout(), answer.ID, answer.Received)
		},
	}
	c.Flags().StringVar(&at.portal, "portal", "http://127.0.0.1:8080", "address of the portal")
	c.Flags().StringVar(&at.as, "as", "", "e-mail address to sign in with; nobody if absent")
	c.Flags().StringVar(&format, "format", "", "gitleaks, sarif, trufflehog or text; told from the content if absent")
	c.Flags().StringVarP(&at.output, "output", "o", "table", "json or table")
	return c
}

func readReport(in io.Reader, name string) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	body, err := io.ReadAll(io.LimitReader(in, maxLeakReport+1))
	if err == nil && len(body) > maxLeakReport {
		err = errors.New("the report is larger than 16 MiB; split it")
	}
	return body, err
}

// formatOf tells a report's format from its content.
func formatOf(body []byte) string {
	body = bytes.TrimSpace(body)
	var sarif struct {
		Version string            `json:"version"`
		Runs    []json.RawMessage `json:"runs"`
	}
	var gitleaks []struct{ RuleID, Secret string }
	first, _, _ := bytes.Cut(body, []byte("\n"))
	var line map[string]json.RawMessage
	switch {
	case json.Unmarshal(body, &sarif) == nil && sarif.Version != "" && sarif.Runs != nil:
		return "sarif"
	case json.Unmarshal(body, &gitleaks) == nil:
		return "gitleaks"
	case json.Unmarshal(first, &line) == nil && bytes.Contains(body, []byte(`"DetectorName"`)):
		return "trufflehog"
	}
	return "text"
}

// anonymous sends the keys a text holds, and nothing else of it.
func (a *caller) anonymous(c *cobra.Command, body []byte) error {
	var keys []string
	seen := map[string]bool{}
	for _, k := range secret.Find(string(body)) {
		if !seen[k.Reveal()] {
			seen[k.Reveal()] = true
			keys = append(keys, k.Reveal())
		}
	}
	if len(keys) == 0 {
		return exit{2, errors.New("there is no key in it: none that the published rule finds")}
	}
	raw, err := json.Marshal(map[string]any{"secrets": keys})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(c.Context(), http.MethodPost, a.portal+"/api/issuance/v1/leaks", bytes.NewReader(raw))
	if err != nil {
		return exit{2, err}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := (&http.Client{Timeout: 2 * time.Minute}).Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusAccepted {
		refusal := &client.Problem{Status: response.StatusCode}
		_ = json.Unmarshal(text, refusal)
		return refusal
	}
	var answer struct {
		ID       string `json:"id"`
		Received int    `json:"received"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	return a.reported(c.OutOrStdout(), answer.ID, answer.Received)
}

func (a *caller) reported(w io.Writer, id string, received int) error {
	if a.json() {
		return json.NewEncoder(w).Encode(map[string]any{"id": id, "received": received})
	}
	_, err := fmt.Fprintf(w, "report %s: %d findings looked at; what of them is ours has ended or is about to\n", id, received)
	return err
}

// leakShown is what is told of a report.
type leakShown struct {
	ID            string   `json:"id"`
	Source        string   `json:"source"`
	State         string   `json:"state"`
	SecondsToDead float64  `json:"seconds_to_dead"`
	Confirmed     []string `json:"confirmed"`
	Pending       []string `json:"pending"`
	Secrets       []struct {
		CredentialID string `json:"credential_id"`
		Generation   uint32 `json:"generation"`
		Hint         string `json:"hint"`
		Outcome      string `json:"outcome"`
		Radius       struct {
			Requests uint64     `json:"requests"`
			FirstAt  *time.Time `json:"first_at"`
			LastAt   *time.Time `json:"last_at"`
		} `json:"blast_radius"`
	} `json:"secrets"`
	Next string `json:"next,omitempty"`
}

func leakShowCommand() *cobra.Command {
	var at caller
	c := &cobra.Command{
		Use: "show ID", Short: "Show a leak report, its blast radius and how fast it was dead", Args: wrongInput(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			who, err := at.signIn(c.Context())
			if err != nil {
				return err
			}
			if at.json() {
				raw, err := who.Raw(c.Context(), "issuance", "/v1/leaks/"+url.PathEscape(args[0]))
				if err == nil {
					_, err = fmt.Fprintln(c.OutOrStdout(), string(bytes.TrimSpace(raw)))
				}
				return err
			}
			var l leakShown
			if err := who.Get(c.Context(), "issuance", "/v1/leaks/"+url.PathEscape(args[0]), &l); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s from %s: %s; dead after %.3f s on %d authorizers, %d had not said so\n\n", l.ID, l.Source, l.State, l.SecondsToDead, len(l.Confirmed), len(l.Pending))
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "CREDENTIAL\tGENERATION\tSECRET\tOUTCOME\tCALLS SINCE EXPOSURE\tLAST")
			for _, s := range l.Secrets {
				last := "never"
				if s.Radius.LastAt != nil {
					last = s.Radius.LastAt.Format(time.RFC3339)
				}
				fmt.Fprintf(w, "%s\t%d\t%s…\t%s\t%d\t%s\n", s.CredentialID, s.Generation, s.Hint, s.Outcome, s.Radius.Requests, last)
			}
			if l.Next != "" {
				fmt.Fprintln(w, "…\t\t\t\t\t")
			}
			return w.Flush()
		},
	}
	at.flags(c)
	return c
}
