package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/audit/verify"
)

func verifyCommand() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use: "verify FILE", Short: "Check exported records offline", Args: wrongInput(cobra.ExactArgs(1)),
		Long: "Checks that every record of an export is the one its leaf was made of, that the leaves give the root, and that the log\n" +
			"signed it. Nothing but the file and the log's public key is needed. FILE may be - for standard input.",
		Example: "  chancery verify records.jsonl\n  chancery verify records.jsonl --key chancery.example/audit+1a2b3c4d+AX…",
		RunE: func(c *cobra.Command, args []string) error {
			in := c.InOrStdin()
			if args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return exit{2, err}
				}
				defer file.Close()
				in = file
			}
			return verifyExport(c.OutOrStdout(), in, key)
		},
	}
	c.Flags().StringVar(&key, "key", "", "the log's verifier key, in place of the one the file names")
	c.AddCommand(verifyReceiptCommand())
	return c
}

func verifyExport(out io.Writer, in io.Reader, key string) error {
	r, err := verify.Export(in, key)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d records, leaf %d of %d, root %s, checkpoint signature good\n", r.Records, r.Records-1, r.Records, r.Root)
	if r.Unsigned > 0 {
		fmt.Fprintf(out, "the last %d records are not under a checkpoint yet\n", r.Unsigned)
	}
	if key == "" {
		fmt.Fprintf(out, "the key is the one the file names for %s: compare it with the log's, or pass --key\n", r.Origin)
	}
	return nil
}
