package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/testkit"
)

// proof is what many rounds of killing have come to; it is kept between them, so that a run can be taken up again.
type proof struct {
	Kills, Lives, Accepted, Asked int
	// Unfelt is how many calls with a revoked key passed before the authorizer had heard of it, the last Latest after the answer.
	Unfelt  int
	Latest  time.Duration
	Victims map[string]int
}

func (p *proof) add(kills, lives, accepted, asked, unfelt int, latest time.Duration, victims map[string]int) {
	p.Kills, p.Lives, p.Accepted, p.Asked = p.Kills+kills, p.Lives+lives, p.Accepted+accepted, p.Asked+asked
	p.Unfelt, p.Latest = p.Unfelt+unfelt, max(p.Latest, latest)
	if p.Victims == nil {
		p.Victims = map[string]int{}
	}
	for name, n := range victims {
		p.Victims[name] += n
	}
}

func progress(folder string) string { return filepath.Join(folder, "kills.json") }

func (p *proof) resume(t *testing.T, folder string) {
	text, err := os.ReadFile(progress(folder))
	if folder == "" || errors.Is(err, os.ErrNotExist) {
		return
	}
	if err == nil {
		err = json.Unmarshal(text, p)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("taken up after %d kills", p.Kills)
}

func (p *proof) save(t *testing.T, folder string) {
	if folder == "" {
		return
	}
	text, err := json.Marshal(p)
	if err == nil {
		err = errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(progress(folder), text, 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// write keeps the figures once all kills are done.
func (p *proof) write(t *testing.T, folder string, seed uint64) {
	var killed string
	for _, name := range slices.Sorted(maps.Keys(p.Victims)) {
		killed += fmt.Sprintf(" %s %d,", name, p.Victims[name])
	}
	testkit.Proved(t, "kills", "Processes killed at random", seed, fmt.Sprintf(
		"%d times kill -9 (%s) under %d whole lifecycles: each of %d accepted commands is in EVENTS once, in AUDIT once and in every view once; "+
			"%d answers about revoked keys, of which %d admitted before the authorizer had heard of it, the latest %s after the revocation's answer.",
		p.Kills, killed[1:max(1, len(killed)-1)], p.Lives, p.Accepted, p.Asked, p.Unfelt, p.Latest))
	if folder == "" {
		return
	}
	if err := os.Remove(progress(folder)); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}
