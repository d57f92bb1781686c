package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// home is the folder of one database and the account that owns it.
type home struct {
	dir     string
	account account
}

func (h home) data() string         { return filepath.Join(h.dir, "data") }
func (h home) log() string          { return filepath.Join(h.dir, "log") }
func (h home) passwordFile() string { return filepath.Join(h.dir, "password") }

// matching is the first of the found that can read what lies in the folder.
func (h home) matching(found []Binaries) (Binaries, error) {
	text, err := os.ReadFile(filepath.Join(h.data(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return found[0], nil
	}
	if err != nil {
		return Binaries{}, err
	}
	made := strings.TrimSpace(string(text))
	for _, b := range found {
		if strconv.Itoa(b.Major) == made {
			return b, nil
		}
	}
	return Binaries{}, fmt.Errorf("the database in %s was made by PostgreSQL %s, and this machine has %s (%s): install PostgreSQL %s, "+
		"name its folder in PG_BIN, or remove the folder to begin anew", h.dir, made, found[0].Version, found[0].Dir, made)
}

// initialise makes the database unless it is there, and returns the administrator's password.
func (h home) initialise(ctx context.Context, b Binaries) (string, error) {
	if _, err := os.Stat(h.data()); err == nil {
		password, err := os.ReadFile(h.passwordFile())
		return string(password), err
	}
	password := rand.Text()
	if err := h.account.write(h.passwordFile(), password); err != nil {
		return "", err
	}
	// Made aside and renamed when whole, so that an interrupted first start leaves nothing half made behind.
	aside := h.data() + ".new"
	if err := os.RemoveAll(aside); err != nil {
		return "", err
	}
	arguments := []string{"-D", aside, "-U", administrator, "--pwfile", h.passwordFile(), "-A", "scram-sha-256",
		"--no-sync", "--locale=C", "-E", "UTF8"}
	if b.Major >= 17 {
		arguments = append(arguments, "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
	}
	command := h.account.command(b.path("initdb"), arguments...)
	command.Dir = h.dir
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	process, err := startChild(command)
	if err != nil {
		return "", h.account.explain(err)
	}
	select {
	case <-process.done:
	case <-ctx.Done():
		process.stop(syscall.SIGTERM)
		return "", fmt.Errorf("initdb: %w", context.Cause(ctx))
	}
	if process.err != nil {
		return "", fmt.Errorf("initdb: %w: %s", process.err, complaint(said.String()))
	}
	return password, os.Rename(aside, h.data())
}

// complaint is the part of initdb's output that says what went wrong.
func complaint(said string) string {
	var lines []string
	for line := range strings.Lines(said) {
		if strings.Contains(line, "error:") || strings.Contains(line, "FATAL") || strings.Contains(line, "could not") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) == 0 {
		return strings.TrimSpace(said)
	}
	return strings.Join(lines, "; ")
}

// endStray ends a server that outlived the process that had started it: we hold the lock, so nobody else owns it.
func (h home) endStray(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(h.data(), "postmaster.pid"))
	if err != nil {
		return ignoreAbsent(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 || pid == os.Getpid() {
		return nil
	}
	if !h.runs(pid) {
		return nil
	}
	// It may be on its way out already; asking again does no harm.
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("a Postgres left behind in %s (process %d) cannot be ended: %w", h.dir, pid, err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for h.runs(pid) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("a Postgres left behind in %s (process %d) does not end: end it by hand", h.dir, pid)
		}
	}
	return nil
}

// Remove deletes the database in dir, wherever it lies; it refuses while a server runs on it.
func Remove(dir string) error {
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, os.ErrNotExist) {
		return ignoreAbsent(os.Remove(dir))
	}
	if err != nil {
		return err
	}
	lock, err := lockFolder(real, "the database")
	if err != nil {
		return err
	}
	defer lock.release()
	if err := os.RemoveAll(real); err != nil {
		return explain(real, err)
	}
	return ignoreAbsent(os.Remove(dir))
}

func ignoreAbsent(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
