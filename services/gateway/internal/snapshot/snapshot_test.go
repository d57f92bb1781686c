package snapshot

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

var header = Header{Program: "1", Schema: "s", Authorizer: "a", Position: 7, Last: "x"}

func place(t testing.TB) (path string, raw []byte) {
	path = filepath.Join(t.TempDir(), "state")
	if err := Write(path, []byte("k"), header, func(w io.Writer) error { _, err := w.Write(bytes.Repeat([]byte("body"), 100)); return err }); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, raw
}

func accept(Header) error { return nil }

func take(r io.Reader) error { _, err := io.ReadFull(r, make([]byte, 400)); return err }

// L2: a snapshot is read whole and sealed, or not used.
func TestADamagedSnapshotIsNotUsed(t *testing.T) {
	path, raw := place(t)
	if h, err := Read(path, []byte("k"), accept, take); err != nil || h != header {
		t.Fatalf("%+v %v", h, err)
	}
	if _, err := Read(path, []byte("another"), accept, take); !errors.Is(err, ErrRefused) {
		t.Errorf("another's: %v", err)
	}
	if _, err := Read(path, []byte("k"), func(Header) error { return errors.New("of another log") }, take); !errors.Is(err, ErrRefused) {
		t.Errorf("of another log: %v", err)
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none"), []byte("k"), accept, take); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	for i := range raw {
		broken := bytes.Clone(raw)
		broken[i] ^= 1
		if _, err := read(bytes.NewReader(broken), int64(len(broken)), []byte("k"), accept, take); !errors.Is(err, ErrRefused) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	for n := range raw {
		if _, err := read(bytes.NewReader(raw[:n]), int64(n), []byte("k"), accept, take); !errors.Is(err, ErrRefused) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if err := Write(path, []byte("k"), header, func(io.Writer) error { return errors.New("no") }); err == nil {
		t.Error("a write that failed says nothing")
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(after, raw) {
		t.Error("a write that failed took the old one away")
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("%d files are left", len(entries))
	}
}

func FuzzReadFile(f *testing.F) {
	_, raw := place(f)
	f.Add(raw)
	f.Add(raw[:60])
	f.Fuzz(func(t *testing.T, file []byte) {
		if h, err := read(bytes.NewReader(file), int64(len(file)), []byte("k"), accept, take); err == nil && h != header {
			t.Fatal("forged")
		}
	})
}
