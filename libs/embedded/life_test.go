package embedded_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/chancery-dev/chancery/libs/embedded"
)

// TestMain lets a test start this program again as a suite of its own, under another account, and kill it.
func TestMain(m *testing.M) {
	if dir := os.Getenv("EMBEDDED_LIFE"); dir != "" {
		if err := live(dir); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

type signs struct {
	PID  int    // of Postgres
	DSN  string // of its administrator
	NATS string
	UID  int
}

// live runs both servers until its standard input ends.
func live(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	n, err := embedded.StartNATS(ctx, embedded.NATSOptions{Dir: filepath.Join(dir, "nats"), Address: "127.0.0.1:0", Log: log})
	if err != nil {
		return err
	}
	p, err := embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: filepath.Join(dir, "pg"), Log: log})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(signs{p.PID(), p.DSN(), n.URL(), os.Getuid()}); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	n.Stop()
	return p.Stop(ctx)
}

// lives starts the servers in a process of the given account and returns their signs of life and the process.
func lives(t *testing.T, program, dir string, as *syscall.Credential) (signs, *exec.Cmd, io.Closer) {
	t.Helper()
	c := exec.Command(program)
	c.Env = []string{"EMBEDDED_LIFE=" + dir, "PATH=" + os.Getenv("PATH"), "PG_BIN=" + os.Getenv("PG_BIN"), "HOME=" + dir}
	c.Dir = dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	var said strings.Builder
	c.Stderr = &said
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	var s signs
	if err := json.NewDecoder(stdout).Decode(&s); err != nil {
		_ = c.Wait()
		t.Fatalf("no sign of life: %v\n%s", err, said.String())
	}
	return s, c, stdin
}

func accounts() map[string]*syscall.Credential {
	as := map[string]*syscall.Credential{"ourselves": nil}
	if os.Geteuid() == 0 {
		as["a plain user"] = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	return as
}

// programFor copies this program to where every account can run it, and makes a folder the account owns.
func programFor(t *testing.T, as *syscall.Credential) (program, dir string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	base := room(t)
	program, dir = filepath.Join(base, "program"), filepath.Join(base, "home")
	if err := errors.Join(os.WriteFile(program, text, 0o755), os.Mkdir(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return program, dir
}

// room is a temporary folder that every account can reach.
func room(t testing.TB) string {
	t.Helper()
	base := t.TempDir()
	for at := base; len(at) > len(os.TempDir()); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return base
}

func gone(t *testing.T, pid int) {
	t.Helper()
	ctx := limit(t)
	for alive(pid) {
		select {
		case <-ctx.Done():
			t.Fatalf("process %d outlived its owner", pid)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestBothServersStartAndStopTwiceUnderEveryAccount(t *testing.T) {
	for name, as := range accounts() {
		t.Run(name, func(t *testing.T) {
			program, dir := programFor(t, as)
			for range 2 {
				s, process, stdin := lives(t, program, dir, as)
				if err := open(t, s.DSN).Ping(); err != nil {
					t.Error(err)
				}
				nc, err := nats.Connect(s.NATS)
				if err != nil {
					t.Error(err)
				} else {
					nc.Close()
				}
				if owner := ownerOf(t, s.PID); owner == 0 {
					t.Error("Postgres runs as root")
				}
				stdin.Close()
				if err := process.Wait(); err != nil {
					t.Error(err)
				}
				if alive(s.PID) {
					t.Errorf("Postgres, process %d, is left", s.PID)
				}
			}
		})
	}
}

func TestNothingOutlivesAKilledProcessAndTheNextStartWorks(t *testing.T) {
	for name, as := range accounts() {
		t.Run(name, func(t *testing.T) {
			program, dir := programFor(t, as)
			var pid int
			for round := range 3 {
				s, process, _ := lives(t, program, dir, as)
				db := open(t, s.DSN)
				if round == 0 {
					run(t, db, `CREATE TABLE kept (round int)`)
				}
				run(t, db, `INSERT INTO kept VALUES (1)`)
				var rows int
				if err := db.QueryRow(`SELECT count(*) FROM kept`).Scan(&rows); err != nil || rows != round+1 {
					t.Errorf("%d rows, %v, after %d rounds", rows, err, round)
				}
				if err := process.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = process.Wait()
				pid = s.PID
			}
			gone(t, pid)
		})
	}
}

func ownerOf(t *testing.T, pid int) uint32 {
	t.Helper()
	out, err := exec.Command("ps", "-o", "uid=", "-p", itoa(pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	return uint32(atoi(t, strings.TrimSpace(string(out))))
}
