package audit_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/chancery-dev/chancery/libs/service/servicetest"
)

// TestMain is a subscriber where the environment says so: a process of its own, which a test kills.
func TestMain(m *testing.M) {
	url := os.Getenv("AUDIT_TEST_SUBSCRIBER")
	if url == "" {
		os.Exit(m.Run())
	}
	if err := subscriber(url, os.Args[len(os.Args)-2], os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// subscriber writes every event to a file before it confirms it.
func subscriber(url, subscriptionFile, eventsFile string) error {
	raw, err := os.ReadFile(subscriptionFile)
	if err != nil {
		return err
	}
	var s struct {
		Creds, Stream, Consumer string
		APIPrefix               string `json:"api_prefix"`
		InboxPrefix             string `json:"inbox_prefix"`
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	seed := subscriptionFile + ".seed"
	if err := os.WriteFile(seed, []byte(s.Creds), 0o600); err != nil {
		return err
	}
	key, err := nats.NkeyOptionFromSeed(seed)
	if err != nil {
		return err
	}
	nc, err := nats.Connect(url, key, nats.CustomInboxPrefix(s.InboxPrefix), nats.Timeout(20*time.Second))
	if err != nil {
		return err
	}
	js, err := jetstream.NewWithAPIPrefix(nc, s.APIPrefix, jetstream.WithDefaultTimeout(20*time.Second))
	if err != nil {
		return err
	}
	ctx := context.Background()
	consumer, err := js.Consumer(ctx, s.Stream, s.Consumer)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(50))
	if err != nil {
		return err
	}
	events, err := os.OpenFile(eventsFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for {
		m, err := messages.Next()
		if err != nil {
			return err
		}
		if _, err := events.Write(append(m.Data(), '\n')); err != nil {
			return err
		}
		if err := events.Sync(); err != nil {
			return err
		}
		if err := m.Ack(); err != nil {
			return err
		}
	}
}

func TestASubscriberThatIsKilledLosesNothing(t *testing.T) { // X9
	s := newScene(t)
	ours := "testdata/subscriber"
	if _, err := os.Stat(filepath.Join(ours, "node_modules")); err != nil {
		install := exec.Command("npm", "ci", "--no-audit", "--no-fund")
		install.Dir = ours
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	for name, run := range map[string]func(args ...string) *exec.Cmd{
		"Go": func(args ...string) *exec.Cmd {
			c := exec.Command(os.Args[0], append([]string{"-test.run=^$"}, args...)...)
			c.Env = append(os.Environ(), "AUDIT_TEST_SUBSCRIBER="+s.suite.Server.URL())
			return c
		},
		"JavaScript": func(args ...string) *exec.Cmd {
			return exec.Command("node", append([]string{filepath.Join(ours, "subscriber.mjs"), s.suite.Server.URL()}, args...)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // both wait for what was given to a killed one to be given again
			s.killed(t, run)
		})
	}
}

func (s *scene) killed(t *testing.T, run func(...string) *exec.Cmd) {
	var made json.RawMessage
	s.talk().Call(&s.manager, "POST", "/v1/subscriptions", map[string]any{"name": "killed", "types": []string{"registry.application.suspended"}}).Wants(201, "").Into(&made)
	dir := t.TempDir()
	subscription, events := filepath.Join(dir, "subscription.json"), filepath.Join(dir, "events.ndjson")
	if err := os.WriteFile(subscription, made, 0o600); err != nil {
		t.Fatal(err)
	}
	start := func() *exec.Cmd {
		c := run(subscription, events)
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	child := start()
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	var want []string
	for range 20 {
		for range 1 + rand.IntN(8) {
			app := s.application(s.manager.Organization)
			s.suspend(s.manager.Organization, app, "x")
			want = append(want, "application/"+app)
		}
		before := len(lines(t, events))
		// Killed in the middle of its work, not before it began: something new is there, or all is.
		for deadline := time.Now().Add(servicetest.Patience); len(lines(t, events)) == before && missing(t, events, want) > 0; {
			if time.Now().After(deadline) {
				t.Fatalf("nothing comes: %d of %d", len(lines(t, events)), len(want))
			}
			time.Sleep(time.Millisecond)
		}
		_ = child.Process.Kill()
		_ = child.Wait()
		child = start()
	}
	for deadline := time.Now().Add(2 * servicetest.Patience); missing(t, events, want) > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d are lost", missing(t, events, want), len(want))
		}
		time.Sleep(10 * time.Millisecond)
	}
	// The other subscriber's events are of the same organisation and come here too.
	got := slices.DeleteFunc(lines(t, events), func(e feedEvent) bool { return !slices.Contains(want, e.Subject) })
	slices.SortFunc(got, func(a, b feedEvent) int { return compareText(a.Sequence, b.Sequence) })
	got = slices.CompactFunc(got, func(a, b feedEvent) bool { return a.ID == b.ID })
	for i, e := range got {
		if e.Subject != want[i] {
			t.Fatalf("event %d is of %s, want %s", i, e.Subject, want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d events of %d", len(got), len(want))
	}
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// lines are the events a subscriber wrote, but for one it was killed in.
func lines(t *testing.T, path string) (all []feedEvent) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		var e feedEvent
		if json.Unmarshal(scanner.Bytes(), &e) == nil {
			all = append(all, e)
		}
	}
	return all
}

func missing(t *testing.T, path string, want []string) int {
	t.Helper()
	has := map[string]bool{}
	for _, e := range lines(t, path) {
		has[e.Subject] = true
	}
	n := 0
	for _, w := range want {
		if !has[w] {
			n++
		}
	}
	return n
}
