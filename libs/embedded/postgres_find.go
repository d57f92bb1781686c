package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first major version the suite runs on.
const oldest = 14

// ErrNoPostgres: this machine has no Postgres that could be started.
var ErrNoPostgres = errors.New("no Postgres")

// Binaries are the programs of one installed Postgres.
type Binaries struct {
	Dir     string
	Version string // "15.18"
	Major   int
}

// FindPostgres lists what this machine has, the preferred first: $PG_BIN alone if it is set, else pg_config's, that of
// PATH, and the usual folders, newest first.
func FindPostgres(ctx context.Context) ([]Binaries, error) {
	if dir := os.Getenv("PG_BIN"); dir != "" {
		b, err := examine(ctx, dir)
		if err != nil {
			return nil, fail(ErrNoPostgres, "PG_BIN is %s, which should be the folder of postgres and initdb, version %d or newer: %v", dir, oldest, err)
		}
		return []Binaries{b}, nil
	}
	var preferred []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		preferred = append(preferred, strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			preferred = append(preferred, filepath.Dir(path))
		}
	}
	var usual []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*", "/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin", "/usr/local/pgsql/bin", "/usr/local/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		dirs, _ := filepath.Glob(pattern)
		usual = append(usual, dirs...)
	}
	return choose(collect(ctx, preferred), collect(ctx, usual))
}

func collect(ctx context.Context, dirs []string) (found []Binaries) {
	for _, dir := range dirs {
		if b, err := examine(ctx, dir); err == nil {
			found = append(found, b)
		}
	}
	return found
}

func choose(preferred, usual []Binaries) ([]Binaries, error) {
	slices.SortStableFunc(usual, func(a, b Binaries) int { return cmp.Compare(b.Major, a.Major) })
	var found []Binaries
	for _, b := range append(preferred, usual...) {
		if !slices.ContainsFunc(found, func(other Binaries) bool { return other.Dir == b.Dir }) {
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		return nil, missing(runtime.GOOS)
	}
	return found, nil
}

// missing is the remedy in two lines, then the way without a local Postgres.
func missing(system string) error {
	install := "sudo apt-get install --no-install-recommends postgresql    (Fedora: sudo dnf install postgresql-server)"
	if system == "darwin" {
		install = "brew install postgresql@17"
	}
	return fail(ErrNoPostgres, "no Postgres of version %d or newer was found on this machine. Either\n"+
		"  install one:    %s\n"+
		"  or name yours:  export DATABASE_URL=postgres://user:password@host:5432/database\n"+
		"or run everything in containers: docker compose up", oldest, install)
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) ((\d+)[.\w]*)`)

// examine refuses a folder without a usable postgres and initdb.
func examine(ctx context.Context, dir string) (Binaries, error) {
	b := Binaries{Dir: dir}
	if _, err := os.Stat(b.path("initdb")); err != nil {
		return Binaries{}, err
	}
	out, err := exec.CommandContext(ctx, b.path("postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, err
	}
	match := versionLine.FindSubmatch(out)
	if match == nil {
		return Binaries{}, fmt.Errorf("postgres --version said %q", out)
	}
	b.Version = string(match[1])
	if b.Major, err = strconv.Atoi(string(match[2])); err != nil {
		return Binaries{}, err
	}
	if b.Major < oldest {
		return Binaries{}, fmt.Errorf("version %s is too old", b.Version)
	}
	return b, nil
}
