package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/chancery/internal/client"
)

// caller is who a command calls the API as, and how it prints the answer.
type caller struct{ portal, as, output string }

func (a *caller) flags(c *cobra.Command) {
	c.Flags().StringVar(&a.portal, "portal", "http://127.0.0.1:8080", "address of the portal")
	c.Flags().StringVar(&a.as, "as", "", "e-mail address to sign in with, at the development provider")
	c.Flags().StringVarP(&a.output, "output", "o", "table", "json or table")
	if err := c.MarkFlagRequired("as"); err != nil {
		panic(err)
	}
}

func (a *caller) json() bool { return a.output == "json" }

func (a *caller) signIn(ctx context.Context) (*client.Person, error) {
	if a.output != "json" && a.output != "table" {
		return nil, exit{2, fmt.Errorf("-o is %q: it should be json or table", a.output)}
	}
	if a.as == "" {
		return nil, exit{2, errors.New("--as names nobody")}
	}
	return client.SignIn(ctx, a.portal, a.as)
}
