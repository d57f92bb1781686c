package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

// served runs `chancery serve` until it ends by itself, and answers its exit code and what it said last.
func served(t *testing.T, env map[string]string, arguments ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, os.Args[0], append([]string{"serve"}, arguments...)...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "CHANCERY_START_TIMEOUT=300ms", "HTTP_ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0"}
	for name, value := range env {
		c.Env = append(c.Env, name+"="+value)
	}
	var said bytes.Buffer
	c.Stderr = &said
	err := c.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	return c.ProcessState.ExitCode(), lines[len(lines)-1]
}

func taken(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

func TestAServiceThatCannotStartSaysWhyAndWhatToDo(t *testing.T) {
	access, users, err := suite.Users(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	n, err := embedded.StartNATS(t.Context(), embedded.NATSOptions{Dir: t.TempDir(), Address: "127.0.0.1:0", Access: access, Users: users, Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop()
	keys := t.TempDir()
	if _, _, err := suite.Users(keys); err != nil { // of other keys than the server knows
		t.Fatal(err)
	}
	stranger := filepath.Join(keys, "gateway.nk")
	for name, c := range map[string]struct {
		env     map[string]string
		service string
		code    int
		says    []string
	}{
		"no NATS":        {map[string]string{"NATS_URL": "nats://127.0.0.1:1"}, "gateway", 1, []string{"gateway: NATS cannot be reached at nats://127.0.0.1:1", "NATS_URL says where it is"}},
		"a stranger":     {map[string]string{"NATS_URL": n.URL(), "NATS_NKEY": stranger}, "gateway", 1, []string{"NATS cannot be reached at " + n.URL(), "NATS_NKEY, NATS_CREDS or NATS_USER who connects"}},
		"no key there":   {map[string]string{"NATS_URL": n.URL(), "NATS_NKEY": "/nowhere"}, "gateway", 1, []string{"NATS_NKEY: /nowhere holds no NATS user key"}},
		"no Postgres":    {map[string]string{"DATABASE_URL": "postgres://u:planted@127.0.0.1:1/x"}, "issuance", 1, []string{"Postgres cannot be reached at 127.0.0.1:1/x as u", "DATABASE_URL says where it is"}},
		"wrong address":  {map[string]string{"HTTP_ADDR": "planted"}, "issuance", 2, []string{"HTTP_ADDR is wrong: it should be host:port"}},
		"wrong database": {map[string]string{"DATABASE_URL": "mysql://planted"}, "issuance", 1, []string{"DATABASE_URL is wrong: it should be postgres://"}},
		"wrong number":   {map[string]string{"CHANCERY_REPLICAS": "2"}, "issuance", 2, []string{"CHANCERY_REPLICAS is wrong: it should be 1, 3 or 5"}},
		"no service":     {nil, "nothing", 2, []string{"name one service: identity, registry"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, said := served(t, c.env, c.service)
			if code != c.code {
				t.Errorf("exit code %d instead of %d", code, c.code)
			}
			for _, says := range c.says {
				if !strings.Contains(said, says) {
					t.Errorf("%q does not say %q", said, says)
				}
			}
			if strings.Contains(said, "planted") {
				t.Errorf("it quotes what it was given: %s", said)
			}
		})
	}
}

func TestAServiceTellsOfMissingStreamsAndATakenPort(t *testing.T) {
	keys := t.TempDir()
	access, users, err := suite.Users(keys)
	if err != nil {
		t.Fatal(err)
	}
	n, err := embedded.StartNATS(t.Context(), embedded.NATSOptions{Dir: t.TempDir(), Address: "127.0.0.1:0", Access: access, Users: users, Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop()
	env := map[string]string{"NATS_URL": n.URL(), "NATS_NKEY": filepath.Join(keys, "gateway.nk"), "CHANCERY_KEY_FILE": filepath.Join(t.TempDir(), "key")}
	if code, said := served(t, env, "gateway"); code != 1 || !strings.Contains(said, "does not exist: provision it first") {
		t.Errorf("%d: %s", code, said)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := suite.Provision(ctx, 1, func(user string) func(...nats.Option) (*nats.Conn, error) {
		return func(o ...nats.Option) (*nats.Conn, error) { return n.Connect(append(o, users.As(user))...) }
	}); err != nil {
		t.Fatal(err)
	}
	env["HTTP_ADDR"] = taken(t)
	env["CHANCERY_START_TIMEOUT"] = "20s"
	if code, said := served(t, env, "gateway"); code != 1 || !strings.Contains(said, "HTTP_ADDR: cannot listen on "+env["HTTP_ADDR"]) {
		t.Errorf("%d: %s", code, said)
	}
}

func TestASuiteRefusesATakenPortBeforeItStartsAnything(t *testing.T) {
	for name, start := range map[string]func(context.Context, suite.Options) (*suite.Suite, error){"one process": suite.Start, "split": suite.StartSplit} {
		free, dir := "127.0.0.1:0", t.TempDir()
		for flag, o := range map[string]suite.Options{
			"--portal":  {Dir: dir, Portal: taken(t), IdP: free, Gateway: free},
			"--gateway": {Dir: dir, Portal: free, IdP: free, Gateway: taken(t)},
		} {
			_, err := start(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), "address already in use") || !strings.Contains(err.Error(), "choose another with "+flag) {
				t.Errorf("%s, %s: %v", name, flag, err)
			}
			if _, err := os.Stat(filepath.Join(dir, "pg")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: Postgres was started", name)
			}
		}
	}
}
