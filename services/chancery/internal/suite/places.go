package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Places are where the processes of a split suite are found, and what each service is configured with.
type Places struct {
	NATS     string                       `json:"nats"`
	Replicas int                          `json:"replicas"`
	Services map[string]map[string]string `json:"services"`
}

const placesFile = "processes.json"

// write keeps the places beside the data, for its owner alone: they hold the passwords of the database.
func (p Places) write(dir string) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, placesFile), text, 0o600)
}

// ReadPlaces are those of the split suite that runs on a folder, or ran there last.
func ReadPlaces(dir string) (p Places, err error) {
	text, err := os.ReadFile(filepath.Join(dir, placesFile))
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(text, &p)
}

// own takes the folder for this suite. The processes of one that was killed may still be ending: they are waited for.
func (s *Suite) own(ctx context.Context) error {
	path := filepath.Join(s.Dir, "lock")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	for end := time.Now().Add(patience); ; {
		if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			break
		}
		text, _ := os.ReadFile(path)
		holder, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		alive := holder > 0 && syscall.Kill(holder, 0) == nil
		if !errors.Is(err, syscall.EWOULDBLOCK) || alive || time.Now().After(end) || ctx.Err() != nil {
			return errors.Join(fmt.Errorf("a suite already runs in %s (process %d): stop it first, or choose another folder with --data", s.Dir, holder), file.Close())
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.lock = file
	_, err = file.WriteAt(fmt.Appendf(nil, "%-19d\n", os.Getpid()), 0)
	return err
}

// freePorts are n ports of the loopback that nobody listens on, below those the system gives to outgoing connections:
// what listens there finds its port free again when it comes back.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range 10_000 {
		port := 12_000 + rand.IntN(20_000)
		listener, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		defer listener.Close() // held until all are found
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, errors.New("no free port is found on 127.0.0.1")
}
