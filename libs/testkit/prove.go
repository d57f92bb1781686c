package testkit

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// Proving is the folder where figures of full size are kept, empty in an ordinary test run.
func Proving() string { return os.Getenv("CHANCERY_PROVE") }

// Size is how large an acceptance is: full where figures are to be proved, else reduced.
func Size(reduced, full int) int {
	if Proving() != "" {
		return full
	}
	return reduced
}

// Random is a source whose seed is printed, or taken from CHANCERY_SEED to see a run again.
func Random(t testing.TB) (*rand.Rand, uint64) {
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("CHANCERY_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("CHANCERY_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0)), seed
}

// Proved logs what an acceptance has shown and, where it ran at full size, keeps it as a section of docs/proof.md: a
// heading and one paragraph with the sample and the figures. Nothing is kept of a test that failed.
func Proved(t testing.TB, name, heading string, seed uint64, figures string) {
	t.Helper()
	t.Logf("%s: %s", name, figures)
	folder := Proving()
	if folder == "" || t.Failed() {
		return
	}
	section := fmt.Sprintf("## %s\n\n%s Seed %d, commit %s, %s/%s with %d processors, %s.\n", heading, figures, seed,
		os.Getenv("CHANCERY_COMMIT"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".md"), []byte(section), 0o644); err != nil {
		t.Fatal(err)
	}
}
