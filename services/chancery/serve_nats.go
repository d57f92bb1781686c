package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

func serveNATSCommand() *cobra.Command {
	o := embedded.NATSOptions{}
	var node, of int
	var keys, between string
	var routes []string
	c := &cobra.Command{
		Use: "nats", Short: "Run one NATS server with the accounts and users of the suite", Args: wrongInput(cobra.NoArgs),
		Long: "Runs one NATS server. Alone it is node 1 of 1. As one of several it is told which, where it listens for the others, and\nwhere they all do. Messages are on disk before they are acknowledged.",
		Example: "  chancery serve nats --data /srv/nats --keys /srv/keys --address 127.0.0.1:4222\n" +
			"  chancery serve nats --node 2 --of 3 --data /srv/nats2 --keys /srv/keys --address 10.0.0.2:4222 \\\n" +
			"    --between 10.0.0.2:6222 --routes 10.0.0.1:6222,10.0.0.2:6222,10.0.0.3:6222",
		RunE: func(c *cobra.Command, _ []string) error {
			if node < 1 || node > of {
				return exit{2, fmt.Errorf("--node %d is none of 1 to %d", node, of)}
			}
			if of > 1 {
				if between == "" || len(routes) != of {
					return exit{2, fmt.Errorf("a node of %d needs --between, and --routes with %d addresses", of, of)}
				}
				o.Name = fmt.Sprintf("node-%d", node)
				o.Cluster = &embedded.ClusterOptions{Name: "chancery", Address: between, Routes: routes}
			}
			if keys == "" {
				keys = filepath.Join(o.Dir, "keys")
			}
			o.Log = slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			return serveNATS(c.Context(), o, keys)
		},
	}
	f := c.Flags()
	f.IntVar(&node, "node", 1, "which node this is")
	f.IntVar(&of, "of", 1, "how many nodes there are")
	f.StringVar(&o.Dir, "data", "", "folder of the streams")
	f.StringVar(&keys, "keys", "", "folder of the users' keys, made when missing; below --data if empty")
	f.StringVar(&o.Address, "address", "127.0.0.1:4222", "where clients connect")
	f.StringVar(&between, "between", "", "where the other nodes connect")
	f.StringSliceVar(&routes, "routes", nil, "where all nodes listen for each other")
	f.BoolVar(&o.Relaxed, "relaxed", false, "acknowledge before messages are on disk: for tests")
	_ = f.MarkHidden("relaxed")
	_ = c.MarkFlagRequired("data")
	return c
}

func serveNATS(ctx context.Context, o embedded.NATSOptions, keys string) (err error) {
	if o.Access, o.Users, err = suite.Users(keys); err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	n, err := embedded.StartNATS(starting, o)
	if err != nil {
		return err
	}
	defer n.Stop()
	if o.Cluster == nil {
		if err := remember(starting, n, o.Users); err != nil {
			return err
		}
	}
	fmt.Fprintln(os.Stderr, "NATS listens on", n.URL())
	<-ctx.Done()
	return nil
}

// remember makes the stream again that is held in memory alone, which a server without others forgets when it ends.
func remember(ctx context.Context, n *embedded.NATS, users embedded.Users) error {
	nc, err := n.Connect(users.As(eventlog.UserProvision))
	if err != nil {
		return err
	}
	defer nc.Close()
	return eventlog.ProvisionStreams(ctx, nc, eventlog.PulseStream(1))
}
