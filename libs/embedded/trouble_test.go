package embedded_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/chancery-dev/chancery/libs/embedded"
)

func itoa(n int) string { return strconv.Itoa(n) }

func atoi(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRootsDatabaseLiesElsewhereWhenItsAccountCannotReachTheFolder(t *testing.T) {
	closed, elsewhere := filepath.Join(room(t), "closed"), filepath.Join(room(t), "elsewhere")
	dir := filepath.Join(closed, "pg")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p := startPostgres(t, embedded.PostgresOptions{Dir: dir, Elsewhere: elsewhere, Throwaway: true})
		if moved := strings.HasPrefix(p.Dir(), elsewhere); moved != (os.Geteuid() == 0) {
			t.Errorf("the database lies in %s", p.Dir())
		}
		stop(t, p)
	}
	// Whoever clears the wanted folder by hand gets a new database, not the old one.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	p := startPostgres(t, embedded.PostgresOptions{Dir: dir, Elsewhere: elsewhere, Throwaway: true})
	stop(t, p)
	if err := embedded.Remove(dir); err != nil {
		t.Error(err)
	}
	for _, path := range []string{dir, p.Dir()} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

func TestAFullDiskIsNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/dev/full", filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.StartNATS(limit(t), embedded.NATSOptions{Dir: dir})
	sayFull(t, dir, err)
}

// On a small disk of its own, where the system lets us have one.
func TestAFullDiskStopsTheStoreWithASentence(t *testing.T) {
	dir := room(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m,mode=0711"); err != nil {
		if !errors.Is(err, syscall.EPERM) {
			t.Fatal(err)
		}
		return
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	_, err := embedded.StartPostgres(limit(t), embedded.PostgresOptions{Dir: filepath.Join(dir, "pg"), Throwaway: true})
	sayFull(t, filepath.Join(dir, "pg"), err)
	if err := os.RemoveAll(filepath.Join(dir, "pg")); err != nil {
		t.Fatal(err)
	}

	n, err := embedded.StartNATS(limit(t), embedded.NATSOptions{Dir: filepath.Join(dir, "nats"), MaxStore: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop()
	nc, err := n.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, ctx := stream(t, nc, 1), limit(t)
	var stored uint64
	for err == nil && ctx.Err() == nil {
		var ack *jetstream.PubAck
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		if ack, err = js.Publish(try, "s.a", make([]byte, 100<<10), jetstream.WithRetryAttempts(0)); err == nil {
			stored = ack.Sequence
		}
		cancel()
	}
	if stored == 0 || ctx.Err() != nil {
		t.Fatalf("after %d messages: %v", stored, err)
	}
	sayFull(t, filepath.Join(dir, "nats"), n.Health())
}

func sayFull(t *testing.T, dir string, err error) {
	t.Helper()
	if !errors.Is(err, embedded.ErrDiskFull) || !strings.Contains(err.Error(), "the disk that holds "+dir+" is full: free some space") {
		t.Errorf("got %v", err)
	}
}
