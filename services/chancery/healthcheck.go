package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func healthcheckCommand() *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{
		Use: "healthcheck [ADDRESS]", Short: "Ask a service whether it is ready", Args: wrongInput(cobra.MaximumNArgs(1)),
		Long:    "Asks the admin port at ADDRESS, which is 127.0.0.1:8081 if none is named, and names what is missing when it is not ready.",
		Example: "  chancery healthcheck\n  chancery healthcheck 127.0.0.1:9081",
		RunE: func(c *cobra.Command, args []string) error {
			address := "127.0.0.1:8081"
			if len(args) == 1 {
				address = strings.TrimPrefix(args[0], "http://")
			}
			if _, _, err := net.SplitHostPort(address); err != nil {
				return exit{2, fmt.Errorf("%s: an address is host:port", address)}
			}
			return healthcheck(c.OutOrStdout(), address, timeout)
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long to wait for the answer")
	return c
}

func healthcheck(out io.Writer, address string, timeout time.Duration) error {
	client := http.Client{Timeout: timeout}
	response, err := client.Get("http://" + address + "/readyz")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var state struct {
		Ready  bool
		Checks map[string]struct {
			OK     bool
			Detail string
		}
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&state); err != nil {
		return fmt.Errorf("%s answers %s, and not as a service does", address, response.Status)
	}
	if state.Ready {
		fmt.Fprintln(out, "ready")
		return nil
	}
	var missing []string
	for name, check := range state.Checks {
		if !check.OK {
			missing = append(missing, name+": "+check.Detail)
		}
	}
	slices.Sort(missing)
	return fmt.Errorf("not ready: %s", strings.Join(append(missing, "it is starting or stopping")[:max(1, len(missing))], "; "))
}
