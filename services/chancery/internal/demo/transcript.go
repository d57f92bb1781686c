// Package demo tells one credential's whole life on a fresh suite, each line of it an assertion.
package demo

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// ErrFailed says that a line did not hold; what was expected and found has been printed.
var ErrFailed = errors.New("the demo failed")

// transcript prints the story and counts what was checked.
type transcript struct {
	out     io.Writer
	started time.Time
	checks  int
}

// step opens a step of the story.
func (t *transcript) step(n int, name, format string, args ...any) {
	fmt.Fprintf(t.out, "%d %-9s %s\n", n, name, fmt.Sprintf(format, args...))
}

// line goes on with a step.
func (t *transcript) line(name, format string, args ...any) {
	fmt.Fprintf(t.out, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
}

// fact is a line about a fact of the log and its position.
func fact(kind string, position uint64, format string, args ...any) string {
	return fmt.Sprintf("%-36s #%-4d %s", kind, position, fmt.Sprintf(format, args...))
}

// call is a line about an answer.
func call(what string, status int, format string, args ...any) string {
	return fmt.Sprintf("%-36s %d  %s", what, status, fmt.Sprintf(format, args...))
}

// check counts an assertion and stops the story where it does not hold.
func (t *transcript) check(what string, expected, found any) error {
	t.checks++
	if fmt.Sprint(expected) == fmt.Sprint(found) {
		return nil
	}
	fmt.Fprintf(t.out, "\nFAILED   %s\n  expected %v\n  found    %v\n", what, expected, found)
	return ErrFailed
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/1e6) }

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, strings.TrimSuffix(one, "s"))
}
