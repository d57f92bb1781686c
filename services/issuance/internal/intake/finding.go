// Package intake takes reports of leaked secrets from those who find them, ends what they name, and forgets the rest: no
// presented secret is stored, logged or sent on, and none that is not ours leaves a trace.
package intake

import (
	"errors"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/secret"
)

// Finding is one secret somebody saw where it must not be.
type Finding struct {
	Secret secret.String
	// Type is what the finder calls it.
	Type string
	// Place is where it was seen, for the owners.
	Place string
	// Since is since when it has lain there; zero where nobody knows.
	Since time.Time
}

// Bounds of one report.
const (
	// MaxFindings is how many secrets one report may hold.
	MaxFindings = 10_000
	// MaxSecret is the longest secret looked at, in bytes.
	MaxSecret = 1024
	// MaxReport is the largest report read, in bytes.
	MaxReport = 16 << 20
	maxPlace  = 500
)

// Refusals of a report.
var (
	ErrFormat  = errors.New("the report is not of this format")
	ErrTooMany = errors.New("the report holds more findings than are taken at once; split it")
)

// Place is a place somebody names, as far as it is kept.
func Place(text string) string { return place(text) }

// place bounds what is kept of a place and leaves nothing in it that a key could hide in.
func place(parts ...string) string {
	text := strings.Join(parts, " ")
	for _, k := range secret.Find(text) {
		text = strings.ReplaceAll(text, k.Reveal(), k.Hint()+"…")
	}
	text = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text), "?")
	if len(text) > maxPlace {
		text = strings.ToValidUTF8(text[:maxPlace], "")
	}
	return strings.TrimSpace(text)
}

// when reads a time as scanners write it; zero for anything else, and for what lies in the future.
func when(text string, now time.Time) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -0700 MST", "Mon Jan 2 15:04:05 2006 -0700", time.DateTime, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil && at.After(time.Unix(0, 0)) && at.Before(now) {
			return at.UTC()
		}
	}
	return time.Time{}
}

// found are the findings of one entry: every key of ours in its texts, else the secret itself as it stands, which may be
// an imported one of any shape.
func found(f Finding, itself string, texts ...string) []Finding {
	var out []Finding
	seen := map[string]bool{}
	for _, text := range append([]string{itself}, texts...) {
		for _, k := range secret.Find(text) {
			if !seen[k.Reveal()] {
				seen[k.Reveal()] = true
				one := f
				one.Secret = k.Secret()
				out = append(out, one)
			}
		}
	}
	if itself = strings.TrimSpace(itself); len(out) == 0 && itself != "" && len(itself) <= MaxSecret {
		f.Secret = secret.New(itself)
		out = append(out, f)
	}
	return out
}
