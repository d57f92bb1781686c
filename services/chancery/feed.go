package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/audit/verify"
)

func feedCommand() *cobra.Command {
	c := &cobra.Command{Use: "feed", Short: "Tools for readers of the lifecycle feed", Args: wrongInput(cobra.NoArgs)}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(feedVerifyCommand())
	return c
}

func feedVerifyCommand() *cobra.Command {
	var check, key string
	c := &cobra.Command{
		Use: "verify FILE --check CHECK", Short: "Say which events a subscriber lacks", Args: wrongInput(cobra.ExactArgs(1)),
		Long: "Compares the events a subscriber kept, one a line in any order, repeats included, with audit's signed word on which ones it\n" +
			"was to be given: the answer of GET /v1/subscriptions/ID/check. What is missing is named.",
		Example: "  chancery feed verify events.ndjson --check check.json",
		RunE: func(c *cobra.Command, args []string) error {
			raw, err := os.ReadFile(check)
			if err != nil {
				return exit{2, err}
			}
			var wanted verify.Check
			if err := json.Unmarshal(raw, &wanted); err != nil {
				return exit{2, fmt.Errorf("%s is no check: %w", check, err)}
			}
			events, err := os.Open(args[0])
			if err != nil {
				return exit{2, err}
			}
			defer events.Close()
			r, err := verify.Feed(events, wanted, key)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d events of %d from %d to %d, %d came again, signature good\n", r.Events-len(r.Surplus), wanted.Count, wanted.From, wanted.To, r.Repeated)
			return r.Err()
		},
	}
	c.Flags().StringVar(&check, "check", "", "file with the check")
	c.Flags().StringVar(&key, "key", "", "the log's verifier key, in place of the one the check names")
	if err := c.MarkFlagRequired("check"); err != nil {
		panic(err)
	}
	return c
}
