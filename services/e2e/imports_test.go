// Package e2e drives the whole suite from outside and holds the rules that no single package can.
package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "github.com/chancery-dev/chancery/"

// rule says what packages of one kind may never import; ours are written without the root.
type rule struct {
	packages string // regexp over the package path without the root
	never    string // regexp over an import path, ours without the root
	why      string
}

var rules = []rule{
	{`^proto/`, `^(libs|services)/`, "the contract imports nothing of ours"},
	{`^libs/aggregate$`, `^(context|net|os|io|time|database|log)($|/)|nats|sqlx|^libs/`, "the shape of a decision does no I/O"},
	{`^libs/lineage$`, `^libs/|^proto/(identity|registry|approval|issuance|audit|activity)|nats|sqlx|^net/http$`, "the rule of seen is pure"},
	{`^libs/eventlog$`, `sqlx|^net/http$|^proto/(identity|registry|approval|issuance|audit|activity)`, "the log knows no business and no database"},
	{`^libs/(projection|deadline)$`, `nats-io|^net/http$`, "projections reach the log through eventlog"},
	{`^libs/endpoint$`, `^libs/eventlog$|sqlx`, "endpoints know neither log nor database"},
	{`^libs/`, `^services/|^proto/(identity|registry|approval|issuance)/`, "machinery holds no business word"},
	{`^services/[a-z]+/internal/view$`, `nats-io|/internal/(api|policy)$`, "a view reads facts and writes rows"},
	{`^services/[a-z]+/internal/policy$`, `^net/http$`, "a policy serves nobody"},
	{`^services/[a-z]+/internal/api$`, `nats-io|sqlx`, "routes reach rows through views and facts through repositories"},
}

// pure is true of the packages of aggregates: those that evolve a state.
func pure(t *testing.T, p listed) bool {
	if !strings.HasPrefix(p.ImportPath, root+"services/") || strings.HasPrefix(p.ImportPath, root+"services/e2e") || strings.HasPrefix(p.ImportPath, root+"services/chancery/") || strings.HasPrefix(p.ImportPath, root+"services/chancery") {
		return false
	}
	for _, file := range p.GoFiles {
		source, err := os.ReadFile(filepath.Join(p.Dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(source, []byte(") Evolve(")) {
			return true
		}
	}
	return false
}

var impure = regexp.MustCompile(`^libs/(eventlog|projection|endpoint|service|deadline)$|sqlx|^net/http$|google/uuid|^context$|^os$`)

type listed struct {
	ImportPath, Dir  string
	GoFiles, Imports []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", root+"proto/...", root+"libs/...", root+"services/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestWhoMayImportWhat(t *testing.T) {
	all := packages(t)
	if len(all) < 10 {
		t.Fatalf("go list found %d packages", len(all))
	}
	for _, p := range all {
		name := strings.TrimPrefix(p.ImportPath, root)
		for _, imported := range p.Imports {
			short := strings.TrimPrefix(imported, root)
			for _, r := range rules {
				if regexp.MustCompile(r.packages).MatchString(name) && regexp.MustCompile(r.never).MatchString(short) {
					t.Errorf("%s imports %s: %s", name, short, r.why)
				}
			}
			if pure(t, p) && impure.MatchString(short) {
				t.Errorf("%s imports %s: a decision is pure", name, short)
			}
			if foreign(name, short) {
				t.Errorf("%s imports %s: services know each other only by facts", name, short)
			}
		}
	}
}

// foreign is true when a service imports another; only the program and the tests of the whole may.
func foreign(name, imported string) bool {
	of := func(p string) string {
		parts := strings.SplitN(p, "/", 3)
		if len(parts) < 2 || parts[0] != "services" {
			return ""
		}
		return parts[1]
	}
	from, to := of(name), of(imported)
	return from != "" && to != "" && from != to && from != "chancery" && from != "e2e"
}
