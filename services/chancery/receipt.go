package main

import (
	"encoding/json"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/receipt"
)

func receiptCommand() *cobra.Command {
	var at caller
	c := &cobra.Command{
		Use: "receipt POSITION", Short: "Show which authorizers refuse what a revocation ended", Args: wrongInput(cobra.ExactArgs(1)),
		Long: "Fetches the newest signed receipt of the ending at a position of the log: when, by whom, and which authorizers have confirmed\n" +
			"it under their own keys. With -o json it is what `chancery verify receipt` reads. Exits 1 when one has not confirmed.",
		Example: "  chancery receipt 4711 --portal http://127.0.0.1:8080 --as noor@northwind.example -o json > receipt.json",
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := strconv.ParseUint(args[0], 10, 63); err != nil {
				return exit{2, err}
			}
			who, err := at.signIn(c.Context())
			if err != nil {
				return err
			}
			var answer struct {
				Receipt receipt.Receipt `json:"receipt"`
				Signed  string          `json:"signed"`
			}
			if err := who.Get(c.Context(), "issuance", "/v1/receipts/"+args[0], &answer); err != nil {
				return err
			}
			if at.json() {
				out := json.NewEncoder(c.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(answer)
			}
			return tellReceipt(c.OutOrStdout(), answer.Receipt)
		},
	}
	at.flags(c)
	return c
}
