// Command bench measures what docs/performance.md reports: every figure beside a baseline of the same run, interleaved.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
)

// row is one line of the table. Ratio is figure to baseline; Target says what it should be.
type row struct {
	id, what, figure, baseline, ratio, target string
	met                                       bool
}

type measurement struct {
	id  string
	run func(ctx context.Context, b *bench) ([]row, error)
}

// bench is what measurements share.
type bench struct {
	dir     string
	quick   bool
	running *scene
}

func (b *bench) n(full int) int {
	if b.quick {
		return max(full/20, 100)
	}
	return full
}

var measurements = []measurement{
	{"P5", tokens},
	{"P6", credentials},
	{"P1", verifying}, // and P7
	{"P2", overGRPC},
	{"P3", verifyingTokens},
	{"P4", throughNginx},
	{"P8", killing},
	{"P9", projecting},
	{"P14", loading},
}

func main() {
	quick := flag.Bool("quick", false, "a twentieth of the samples")
	only := flag.String("only", "", "comma-separated ids, such as P1,P14")
	profile := flag.String("profile", "", "write a CPU profile of this process here")
	serving := flag.String("serve", "", "serve what is measured, with files in this folder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	if *serving != "" {
		if err := serve(ctx, *serving); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, *quick, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, quick bool, only string) error {
	dir, err := os.MkdirTemp("", "chancery-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // Postgres may run as another account
		return err
	}
	b := &bench{dir: dir, quick: quick}
	defer func() { _ = b.end(context.WithoutCancel(ctx)) }()
	fmt.Printf("%s, %d cores, %s\n\n", runtime.Version(), runtime.NumCPU(), time.Now().UTC().Format("2006-01-02 15:04 UTC"))
	fmt.Println("| # | what | figure | baseline in the same run | ratio | target | met |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, m := range measurements {
		if only != "" && !contains(strings.Split(only, ","), m.id) {
			continue
		}
		rows, err := m.run(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", m.id, err)
		}
		for _, r := range rows {
			met := "yes"
			if !r.met {
				met = "no"
			}
			fmt.Printf("| %s | %s | %s | %s | %s | %s | %s |\n", r.id, r.what, r.figure, r.baseline, r.ratio, r.target, met)
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if strings.TrimSpace(x) == s {
			return true
		}
	}
	return false
}
