package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestResetLeavesNothingOfASuiteAndWhatIsNotItsOwn(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	for _, path := range []string{"pg/data", "nats/jetstream", "keys/nats"} {
		if err := os.MkdirAll(filepath.Join(data, path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := reset(&out, data); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(data)
	if err != nil || len(left) != 1 || left[0].Name() != "notes.txt" {
		t.Errorf("left %v, %v", left, err)
	}
	if err := os.Remove(filepath.Join(data, "notes.txt")); err != nil {
		t.Fatal(err)
	}
	if err := reset(&out, data); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the emptied folder is still there: %v", err)
	}
	if err := reset(&out, data); err != nil {
		t.Errorf("nothing to forget is no failure: %v", err)
	}
}

func TestResetIsRefusedWhileASuiteRuns(t *testing.T) {
	data := t.TempDir()
	for _, path := range []string{"pg", "nats"} {
		if err := os.Mkdir(filepath.Join(data, path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := os.Create(filepath.Join(data, "pg", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := reset(&out, data); err == nil || !strings.Contains(err.Error(), "already run by") {
		t.Errorf("reset beside a running suite: %v", err)
	}
	if _, err := os.Stat(filepath.Join(data, "nats")); err != nil {
		t.Errorf("the log is gone: %v", err)
	}
}
