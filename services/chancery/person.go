package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/chancery/internal/client"
)

// signing is who a command acts as, and where.
type signing struct{ portal, as string }

func (s *signing) flags(c *cobra.Command) {
	c.PersistentFlags().StringVar(&s.portal, "portal", "http://127.0.0.1:8080", "address of the portal")
	c.PersistentFlags().StringVar(&s.as, "as", "", "address of the person to sign in as by the development provider, in place of who did chancery login")
}

func (s *signing) in(ctx context.Context) (*client.Person, error) {
	if s.as == "" {
		l, err := signedIn()
		if err == nil && l.Portal == strings.TrimSuffix(s.portal, "/") {
			return client.As(l.Portal, l), nil
		}
		if err == nil {
			err = fmt.Errorf("the login is for %s: chancery login --portal %s", l.Portal, s.portal)
		}
		return nil, err
	}
	return client.SignIn(ctx, s.portal, s.as)
}
