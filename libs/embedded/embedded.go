// Package embedded runs the two servers the suite stands on, NATS with JetStream and Postgres, on this machine: inside
// or beside the process that asks, on the loopback only, ended with it.
package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Failures a person can mend; every error of this package that is one of them says in its text what to do.
var (
	// ErrInUse: another process runs a server on the same folder.
	ErrInUse = errors.New("folder in use")
	// ErrPortTaken: another program listens on the wanted port.
	ErrPortTaken = errors.New("port taken")
	// ErrDiskFull: no room is left where the data lies.
	ErrDiskFull = errors.New("disk full")
	// ErrNotPermitted: a folder or a program cannot be used by the account the server runs as.
	ErrNotPermitted = errors.New("not permitted")
)

// failure is a sentence for a person, wrapping the kind a program tests for.
type failure struct {
	kind     error
	sentence string
}

func (f *failure) Error() string { return f.sentence }
func (f *failure) Unwrap() error { return f.kind }

func fail(kind error, format string, args ...any) error {
	return &failure{kind: kind, sentence: fmt.Sprintf(format, args...)}
}

// explain turns what the system says of dir into a sentence with a remedy; what it does not know it passes on.
func explain(dir string, err error) error {
	if err == nil {
		return nil
	}
	var known *failure
	if errors.As(err, &known) {
		return err
	}
	text := strings.ToLower(err.Error())
	switch {
	case errors.Is(err, syscall.ENOSPC), strings.Contains(text, "no space left"), strings.Contains(text, "insufficient storage"):
		return fail(ErrDiskFull, "the disk that holds %s is full: free some space and start again (%v)", dir, err)
	case errors.Is(err, os.ErrPermission), strings.Contains(text, "permission denied"):
		return fail(ErrNotPermitted, "%s cannot be written by this account: change its owner or choose another folder (%v)", dir, err)
	}
	return err
}

// folderLock is held as long as a server runs on a folder; the system lets go of it when the process ends, however it ends.
type folderLock struct{ file *os.File }

func lockFolder(dir, what string) (*folderLock, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, explain(dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(path)
		f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, fail(ErrInUse, "%s in %s is already run by process %s: stop that one first, or choose another folder",
			what, dir, strings.TrimSpace(string(holder)))
	}
	// Of one width, so that nothing is left of a longer number.
	if _, err := f.WriteAt(fmt.Appendf(nil, "%-19d\n", os.Getpid()), 0); err != nil {
		f.Close()
		return nil, explain(dir, err)
	}
	return &folderLock{f}, nil
}

func (l *folderLock) release() { l.file.Close() }
