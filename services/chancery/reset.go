package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/embedded"
)

// kept is what a suite of one machine keeps below its folder, beside the database.
var kept = []string{"nats", "keys", "seeded"}

func resetCommand() *cobra.Command {
	dir := ".data"
	c := &cobra.Command{
		Use: "reset", Short: "Forget everything that `chancery up` has kept in a folder", Args: cobra.NoArgs,
		Long: "Forget everything that `chancery up` has kept in a folder: the log, the keys and the database, wherever it lies.\n" +
			"Refused while a suite runs on it. What else the folder holds is left alone.",
		RunE: func(c *cobra.Command, _ []string) error { return reset(c.OutOrStdout(), dir) },
	}
	c.Flags().StringVar(&dir, "data", dir, "folder of everything that is kept")
	return c
}

func reset(out io.Writer, dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(out, "%s holds nothing\n", dir)
		return nil
	}
	// First what is locked for as long as a suite runs; it may lie elsewhere and be linked.
	if err := embedded.Remove(filepath.Join(dir, "pg")); err != nil {
		return err
	}
	for _, name := range kept {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if rest, err := os.ReadDir(dir); err == nil && len(rest) == 0 {
		if err := os.Remove(dir); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s is empty\n", dir)
	return nil
}
