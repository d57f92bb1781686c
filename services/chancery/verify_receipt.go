package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/receipt"
)

func verifyReceiptCommand() *cobra.Command {
	var keys string
	c := &cobra.Command{
		Use: "receipt FILE --keys FILE", Short: "Check a revocation's signed receipt offline", Args: wrongInput(cobra.ExactArgs(1)),
		Long: "Checks the issuer's signature and that every authorizer the receipt says has confirmed signed so itself, at or beyond the\n" +
			"ending. FILE is the answer of GET /v1/receipts/POSITION or its signed part alone, - for standard input. --keys is the issuer's\n" +
			"key set, as its /oauth2/jwks answered, or that address. Exits 1 when an authorizer has not confirmed.",
		Example: "  chancery verify receipt receipt.json --keys jwks.json",
		RunE: func(c *cobra.Command, args []string) error {
			raw, err := readInput(c.InOrStdin(), args[0])
			if err != nil {
				return exit{2, err}
			}
			set, err := keySet(keys)
			if err != nil {
				return exit{2, err}
			}
			r, err := receipt.Verify(signedPart(raw), set)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s of %s %s by %s %s at position %d, %s; signatures good\n", strings.Join(r.Cause.Types, ", "), r.Cause.SubjectKind, r.Cause.SubjectID,
				r.Cause.ActorKind, r.Cause.ActorID, r.Position, r.Cause.At.Format(time.RFC3339Nano))
			return tellReceipt(c.OutOrStdout(), r)
		},
	}
	c.Flags().StringVar(&keys, "keys", "", "the issuer's JWKS: a file or an address")
	if err := c.MarkFlagRequired("keys"); err != nil {
		panic(err)
	}
	return c
}

// tellReceipt prints one line an authorizer, and fails when one has not confirmed.
func tellReceipt(out io.Writer, r receipt.Receipt) error {
	for _, a := range r.Confirmed {
		fmt.Fprintf(out, "confirmed      %s at %s, position %d\n", a.Authorizer, a.At.Format(time.RFC3339Nano), a.Position)
	}
	for _, a := range r.NotConfirmed {
		fmt.Fprintf(out, "NOT CONFIRMED  %s, last heard of at %s, position %d\n", a.Authorizer, a.LastHeardAt.Format(time.RFC3339), a.Position)
	}
	for _, a := range r.SignedOff {
		fmt.Fprintf(out, "signed off     %s by %s at %s: %s\n", a.Authorizer, a.By, a.At.Format(time.RFC3339), a.Reason)
	}
	if !r.Complete {
		return fmt.Errorf("%d of %d authorizers have not confirmed", len(r.NotConfirmed), len(r.Confirmed)+len(r.NotConfirmed))
	}
	return nil
}

func readInput(in io.Reader, name string) ([]byte, error) {
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	return io.ReadAll(io.LimitReader(in, 2*receipt.MaxBytes))
}

// signedPart is the compact form, alone or out of an answer.
func signedPart(raw []byte) string {
	var answer struct{ Signed, Receipt string }
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		var any map[string]json.RawMessage
		if json.Unmarshal(raw, &any) == nil {
			_ = json.Unmarshal(any["signed"], &answer.Signed)
			_ = json.Unmarshal(any["receipt"], &answer.Receipt) // of a revocation's answer
		}
		if answer.Signed != "" {
			return answer.Signed
		}
		return answer.Receipt
	}
	return strings.TrimSpace(string(raw))
}

func keySet(from string) (set jose.JSONWebKeySet, err error) {
	var raw []byte
	if strings.HasPrefix(from, "https://") || strings.HasPrefix(from, "http://") {
		client := http.Client{Timeout: 10 * time.Second}
		response, err := client.Get(from)
		if err != nil {
			return set, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return set, fmt.Errorf("%s answers %s", from, response.Status)
		}
		if raw, err = io.ReadAll(io.LimitReader(response.Body, 1<<20)); err != nil {
			return set, err
		}
	} else if raw, err = os.ReadFile(from); err != nil {
		return set, err
	}
	if err := json.Unmarshal(raw, &set); err != nil || len(set.Keys) == 0 {
		return set, errors.Join(fmt.Errorf("%s is no JWKS", from), err)
	}
	return set, nil
}
