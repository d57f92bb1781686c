package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/libs/embedded"
)

// finding is one thing that a machine has or lacks.
type finding struct {
	what, found, remedy string
	// needed says that nothing runs without it.
	good, needed bool
}

func doctorCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "doctor", Short: "Say whether this machine has what `chancery up` needs", Args: wrongInput(cobra.NoArgs),
		Example: "  chancery doctor\n  chancery doctor --data /srv/chancery",
		RunE: func(c *cobra.Command, _ []string) error {
			return examine(c.Context(), c.OutOrStdout(), dir)
		},
	}
	c.Flags().StringVar(&dir, "data", ".data", "folder of everything that is kept")
	return c
}

func examine(ctx context.Context, out io.Writer, dir string) error {
	findings := []finding{postgresFound(ctx), diskFound(dir), nginxFound()}
	for name, address := range map[string]string{"portal": "127.0.0.1:8080", "idp": "127.0.0.1:8090", "gateway": "127.0.0.1:8070"} {
		findings = append(findings, portFound(name, address))
	}
	lacking := 0
	for _, f := range findings {
		mark := "ok"
		if !f.good {
			mark = "note"
			if f.needed {
				mark, lacking = "LACKS", lacking+1
			}
		}
		fmt.Fprintf(out, "%-6s %-12s %s\n", mark, f.what, f.found)
		if !f.good {
			fmt.Fprintf(out, "%20s%s\n", "", f.remedy)
		}
	}
	if lacking > 0 {
		return fmt.Errorf("%d of what is needed is lacking", lacking)
	}
	return nil
}

func postgresFound(ctx context.Context) finding {
	f := finding{what: "PostgreSQL", needed: true, remedy: "make setup installs it; PG_BIN names the folder of its programs if it lies elsewhere"}
	all, err := embedded.FindPostgres(ctx)
	if err != nil {
		f.found = err.Error()
		return f
	}
	f.good, f.found = true, all[0].Version+" in "+all[0].Dir
	return f
}

func diskFound(dir string) finding {
	f := finding{what: "disk", needed: true, remedy: "free some space, or choose another folder with --data"}
	place, err := filepath.Abs(dir)
	for err == nil {
		if _, missing := os.Stat(place); missing == nil || place == filepath.Dir(place) {
			break
		}
		place = filepath.Dir(place)
	}
	var disk syscall.Statfs_t
	if err == nil {
		err = syscall.Statfs(place, &disk)
	}
	if err != nil {
		f.found = err.Error()
		return f
	}
	free := disk.Bavail * uint64(disk.Bsize) >> 20
	f.good, f.found = free >= 1024, fmt.Sprintf("%d MiB free at %s", free, place)
	return f
}

func nginxFound() finding {
	path, err := exec.LookPath("nginx")
	return finding{what: "nginx", good: err == nil, found: map[bool]string{true: path, false: "not found"}[err == nil], remedy: "`chancery demo` then calls through another gateway"}
}

func portFound(name, address string) finding {
	f := finding{what: name, found: address + " is free", remedy: "choose another with --" + name}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		f.found = err.Error()
		return f
	}
	f.good = listener.Close() == nil
	return f
}
