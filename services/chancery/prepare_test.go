package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

// X1
func TestAPreparedNATSServerIsProvisionedByItsOwnUsers(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "accounts"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := preparation{
		keys: filepath.Join(dir, "keys"), accounts: filepath.Join(dir, "accounts", "accounts.conf"), keyFile: filepath.Join(dir, "chancery.key"),
		handOut: filepath.Join(dir, "own"), postgres: dir, database: "postgres://postgres@postgres:5432/chancery",
	}
	var out bytes.Buffer
	for range 2 { // what is there is kept
		if err := p.run(&out); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range suite.Names() {
		all, err := os.ReadFile(filepath.Join(p.keys, name+".nk"))
		own, err2 := os.ReadFile(filepath.Join(p.handOut, name, name+".nk"))
		if err != nil || err2 != nil || !bytes.Equal(all, own) {
			t.Errorf("%s was not handed its own key: %v, %v", name, err, err2)
		}
		others, err := os.ReadDir(filepath.Join(p.handOut, name))
		if want := map[bool]int{true: 2, false: 1}[name == "audit"]; err != nil || len(others) != want {
			t.Errorf("%s was handed %v, %v", name, others, err)
		}
	}

	conf, err := os.ReadFile("../../deploy/nats/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "nats.conf")
	if err := os.WriteFile(path, conf, 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !options.SyncAlways || options.HTTPHost != "127.0.0.1" {
		t.Errorf("sync always %v, monitoring on %q", options.SyncAlways, options.HTTPHost)
	}
	options.Host, options.Port, options.HTTPPort, options.StoreDir = "127.0.0.1", server.RANDOM_PORT, 0, filepath.Join(dir, "streams")
	options.NoSigs, options.NoLog = true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	if err := (provisioning{NATSURL: s.ClientURL(), Keys: p.keys, Replicas: 1}).run(t.Context(), &out); err != nil {
		t.Error(err)
	}
}
