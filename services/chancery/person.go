package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/chancery/internal/client"
)

// signing is who a command acts as, and where.
type signing struct{ portal, as string }

func (s *signing) flags(c *cobra.Command) {
	c.PersistentFlags().StringVar(&s.portal, "portal", "http://127.0.0.1:8080", "address of the portal")
	c.PersistentFlags().StringVar(&s.as, "as", "ines@meridian.example", "address of the person to sign in as, by the development provider")
}

func (s *signing) in(ctx context.Context) (*client.Person, error) {
	return client.SignIn(ctx, s.portal, s.as)
}
