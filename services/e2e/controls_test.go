package e2e

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the page anew")

const controlsPage = "../../docs/controls.md"

// cited finds the ids a comment in a test begins with: "// D1", "// C3, L7", also behind code.
var (
	cited = regexp.MustCompile(`(?:^|\s)// ((?:[A-HLPX][0-9]{1,2}\b(?:,? )?)+)`)
	ident = regexp.MustCompile(`[A-HLPX][0-9]{1,2}`)
	named = regexp.MustCompile(`^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
)

func TestTheControlsPageIsUpToDate(t *testing.T) {
	tests := citations(t)
	for id := range tests {
		if _, ok := controls[id]; !ok {
			t.Errorf("%s is cited by %s, but services/e2e/controls_table_test.go does not know it", id, tests[id][0])
		}
	}
	for id, c := range controls {
		if len(tests[id]) == 0 {
			t.Errorf("%s has no test that cites it", id)
		}
		for _, code := range c.code {
			if _, err := os.Stat(filepath.Join("../..", code)); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
	want := controlsTable(tests)
	if *update {
		if err := os.WriteFile(controlsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := os.ReadFile(controlsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(found) != want {
		t.Error("docs/controls.md is stale: scripts/controls")
	}
}

// citations are the tests of each id; a comment within a test cites for that test, one above it for the next.
func citations(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("git", "-C", "../..", "ls-files", "-co", "--exclude-standard", "*_test.go").Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	tests := map[string][]string{}
	for _, file := range strings.Fields(string(out)) {
		f, err := os.Open(filepath.Join("../..", file))
		if err != nil {
			continue // deleted, and not yet committed
		}
		var waiting []string
		current := ""
		scan := bufio.NewScanner(f)
		for scan.Scan() {
			line := scan.Text()
			if m := named.FindStringSubmatch(line); m != nil {
				current = m[1]
				for _, id := range waiting {
					tests[id] = append(tests[id], filepath.Dir(file)+" "+current)
				}
				waiting = nil
			}
			m := cited.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			ids := ident.FindAllString(m[1], -1)
			if strings.HasPrefix(line, "//") || current == "" {
				waiting = append(waiting, ids...)
				continue
			}
			for _, id := range ids {
				tests[id] = append(tests[id], filepath.Dir(file)+" "+current)
			}
		}
		f.Close()
	}
	for id := range tests {
		slices.Sort(tests[id])
		tests[id] = slices.Compact(tests[id])
	}
	return tests
}

func controlsTable(tests map[string][]string) string {
	ids := []string{}
	for id := range controls {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		var x, y int
		fmt.Sscan(a[1:], &x)
		fmt.Sscan(b[1:], &y)
		return x - y
	})
	var b strings.Builder
	b.WriteString("# Controls\n\nMade by `scripts/controls` from what the tests cite; do not edit. A row says what must be true, the code that sees to it, the\n" +
		"tests that show it, and the control it serves (OWASP API Security Top 10 2023, OWASP Non-Human Identities Top 10 2025,\n" +
		"NIST CSF 2.0). What is not listed here is not claimed.\n\n| id | what must be true | code | tests | serves |\n|---|---|---|---|---|\n")
	for _, id := range ids {
		c := controls[id]
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", id, c.what, coded(c.code), shown(tests[id]), c.serves)
	}
	return b.String()
}

func coded(all []string) string {
	out := make([]string, len(all))
	for i, c := range all {
		out[i] = "[`" + c + "`](../" + c + ")"
	}
	return strings.Join(out, "<br>")
}

// shown names the first tests and counts the others.
func shown(tests []string) string {
	const most = 3
	var out []string
	for _, t := range tests[:min(most, len(tests))] {
		dir, name, _ := strings.Cut(t, " ")
		out = append(out, "`"+dir+"`: "+name)
	}
	if len(tests) > most {
		out = append(out, fmt.Sprintf("and %d more", len(tests)-most))
	}
	return strings.Join(out, "<br>")
}
