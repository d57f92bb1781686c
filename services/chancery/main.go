// Command chancery is the whole suite in one program: `chancery up` runs everything on one machine, `chancery serve` one
// service, and the rest are the tools of whoever operates or checks it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Set by the linker.
var (
	version = "0.1.0"
	commit  = "unknown"
)

// exit is an error with an exit code of its own.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string { return e.err.Error() }
func (e exit) Unwrap() error { return e.err }

// wrongInput makes what a check of arguments refuses end with exit code 2.
func wrongInput(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return exit{2, fmt.Errorf("%w (see %s --help)", err, c.CommandPath())}
		}
		return nil
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{
		Use: "chancery", Short: "The security control plane behind an API developer portal", Version: version + " (" + commit + ")",
		SilenceUsage: true, SilenceErrors: true,
		Long: "Chancery governs every external API credential: registered to named owners, approved by policy, issued short-lived,\n" +
			"revoked everywhere at once, and recorded in a log that anyone can verify.\n\nExit codes: 0 done, 1 failed, 2 wrong input.",
	}
	root.Args = wrongInput(cobra.NoArgs)
	root.AddCommand(leakCommand(), importCommand())
	root.AddCommand(receiptCommand(), authorizersCommand())
	root.AddCommand(wrappingKeyCommand(), credentialCommand(), agentCommand())
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit{2, err} })
	root.AddCommand(
		loginCommand(),
		logoutCommand(),
		whoamiCommand(),
		upCommand(),
		resetCommand(),
		demoCommand(),
		serveCommand(),
		prepareCommand(),
		provisionCommand(),
		healthcheckCommand(),
		configCommand(),
		verifyCommand(),
		feedCommand(),
		fsckCommand(),
		rebuildCommand(),
		doctorCommand(),
		killCommand(),
		signalsCommand(),
		signingKeyCommand(),
		whyCommand(),
		inventoryCommand(),
	)
	root.AddCommand(grantsCommand())
	root.AddCommand(sampleAPICommand(), conformanceCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		code := 1
		var e exit
		if errors.As(err, &e) {
			code = e.code
		}
		if !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "chancery:", err)
		}
		stop()
		os.Exit(code)
	}
}
