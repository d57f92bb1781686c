package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
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

// write appends the figures to the proof's document once all kills are done.
func (p *proof) write(t *testing.T, folder string, seed uint64) {
	if folder == "" {
		return
	}
	document, err := os.OpenFile(filepath.Join("..", "..", "docs", "proof.md"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	var killed string
	for _, name := range slices.Sorted(maps.Keys(p.Victims)) {
		killed += fmt.Sprintf(" %s %d,", name, p.Victims[name])
	}
	_, err = fmt.Fprintf(document, "\n## Processes killed at random\n\n%d times kill -9 (%s) under %d whole lifecycles: each of %d accepted commands is in EVENTS once, in AUDIT once "+
		"and in every view once; %d answers about revoked keys, of which %d admitted before the authorizer had heard of it, the latest %s after the revocation's answer. Seed of the last run %d, commit %s, %s/%s with %d processors, %s.\n",
		p.Kills, killed[1:max(1, len(killed)-1)], p.Lives, p.Accepted, p.Asked, p.Unfelt, p.Latest, seed, os.Getenv("CHANCERY_COMMIT"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	if err := errors.Join(err, document.Close(), os.Remove(progress(folder))); err != nil {
		t.Fatal(err)
	}
}
