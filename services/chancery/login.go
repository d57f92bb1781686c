package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/services/chancery/internal/client"
	"github.com/chancery-dev/chancery/services/chancery/internal/login"
)

func loginCommand() *cobra.Command {
	var portal string
	var browser bool
	c := &cobra.Command{
		Use: "login", Short: "Sign in at a portal", Args: wrongInput(cobra.NoArgs),
		Long: "You sign in with your organisation's account in a browser, on this machine or another, and let the command line act as you may\n" +
			"for twelve hours. What asks for a second factor asks for one not older than five minutes: sign in again before it.\n" +
			"The tokens are kept in a file that only you can read, and work with a key in that file alone.",
		Example: "  chancery login --portal https://portal.example\n  chancery login --browser",
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := login.Path()
			if err != nil {
				return err
			}
			l, err := login.New(portal, path)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), 15*time.Minute)
			defer cancel()
			if browser {
				err = l.ByBrowser(ctx, func(address string) {
					fmt.Fprintf(c.ErrOrStderr(), "Open this address in a browser on this machine:\n\n  %s\n\n", address)
				})
			} else {
				err = l.ByDevice(ctx, func(d login.Device) {
					fmt.Fprintf(c.ErrOrStderr(), "Open %s in a browser and type this code:\n\n  %s\n\n", d.VerificationURI, d.UserCode)
				})
			}
			if err != nil {
				return err
			}
			return whoami(ctx, c, l, "table")
		},
	}
	c.Flags().StringVar(&portal, "portal", "http://127.0.0.1:8080", "address of the portal")
	c.Flags().BoolVar(&browser, "browser", false, "use a browser on this machine instead of a code")
	return c
}

func logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "End what the command line may do as you", Args: wrongInput(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := signedIn()
			if err != nil {
				return err
			}
			if err := l.End(c.Context()); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "signed out of %s\n", l.Portal)
			return nil
		},
	}
}

func whoamiCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "whoami", Short: "Say who is signed in, where and with which roles", Args: wrongInput(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := signedIn()
			if err != nil {
				return err
			}
			return whoami(c.Context(), c, l, format)
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return c
}

func signedIn() (*login.Login, error) {
	path, err := login.Path()
	if err != nil {
		return nil, err
	}
	return login.Load(path)
}

func whoami(ctx context.Context, c *cobra.Command, l *login.Login, format string) error {
	p := client.As(l.Portal, l)
	if format == "json" {
		raw, err := p.Raw(ctx, "identity", "/v1/me")
		if err == nil {
			fmt.Fprintln(c.OutOrStdout(), string(raw))
		}
		return err
	}
	var me struct {
		Person       struct{ Name, Email string }
		Organization struct{ Name string }
		Roles        []string
	}
	if err := p.Get(ctx, "identity", "/v1/me", &me); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s <%s> of %s at %s, %v\n", me.Person.Name, me.Person.Email, me.Organization.Name, l.Portal, me.Roles)
	return nil
}
