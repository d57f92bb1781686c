package contract_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
)

func operations(lines ...string) (out []contract.Operation) {
	for _, l := range lines {
		f := strings.Fields(l)
		out = append(out, contract.Operation{ID: f[0], Method: f[1], Template: f[2]})
	}
	return out
}

func find(t *contract.Table, method, target string) string {
	var p contract.Path
	if err := p.Parse(target); err != nil {
		return err.Error()
	}
	if o := t.Find(method, &p); o != nil {
		return o.ProductID + "." + o.ID + "@" + o.Version
	}
	return "-"
}

var ledger = contract.Version{ID: "v1", ProductID: "ledger", Number: "1", BasePath: "/ledger/v1", Published: 10, Operations: operations(
	"list GET /accounts", "get GET /accounts/{id}", "close DELETE /accounts/{id}", "export GET /accounts/export",
	"lines GET /accounts/{id}/lines", "deep GET /accounts/export/{day}", "pdf GET /files/{name}.pdf", "file GET /files/{name}",
	"range GET /files/{from}-{to}", "root GET /", "encoded GET /a%20b", "admin POST /admin", "any POST /{thing}")}

// B5
func TestAnOperationIsFoundByMethodAndTemplate(t *testing.T) {
	table := contract.Compile([]contract.Version{ledger})
	for target, want := range map[string]string{
		"GET /ledger/v1/accounts":              "list",
		"HEAD /ledger/v1/accounts":             "list",
		"GET /ledger/v1/accounts?limit=5&x=/":  "list",
		"GET /ledger/v1/accounts/7":            "get",
		"GET /ledger/v1/accounts/export":       "export",
		"DELETE /ledger/v1/accounts/7":         "close",
		"DELETE /ledger/v1/accounts/export":    "close", // the exact one has no DELETE
		"GET /ledger/v1/accounts/export/lines": "deep",  // exact segments beat parameters at the first difference
		"GET /ledger/v1/accounts/7/lines":      "lines",
		"GET /ledger/v1/%61ccounts":            "list",
		"GET /ledger/v1/accounts/%65xport":     "export",
		"GET /ledger/v1/files/a.pdf":           "pdf",
		"GET /ledger/v1/files/a.txt":           "file",
		"GET /ledger/v1/files/1-2":             "range",
		"GET /ledger/v1/a%20b":                 "encoded",
		"GET /ledger/v1":                       "root",
		"POST /ledger/v1/admin":                "admin",
		"POST /ledger/v1/other":                "any",

		"GET /ledger/v1/":                          "-",
		"POST /ledger/v1/Admin":                    "-",
		"POST /ledger/v1/accounts":                 "any",
		"get /ledger/v1/accounts":                  "-",
		"PATCH /ledger/v1/accounts/7":              "-",
		"GET /ledger/v1/accounts/":                 "-",
		"GET /ledger/v1/accounts/7/x":              "-",
		"GET /ledger/v2/accounts":                  "-",
		"GET /ledger":                              "-",
		"GET /":                                    "-",
		"GET /ledger/v1/files/.pdf/x":              "-",
		"GET /LEDGER/v1/accounts":                  "-",
		"GET /ledger%2Fv1/accounts":                "the path is ambiguous",
		"GET /ledger/v1/accounts%2F7":              "the path is ambiguous",
		"GET /ledger/v1/accounts%5c7":              "the path is ambiguous",
		"GET /ledger/v1/./accounts":                "the path is ambiguous",
		"GET /ledger/v1/x/../accounts":             "the path is ambiguous",
		"GET /ledger/v1/x/%2e%2E/y":                "the path is ambiguous",
		"GET /ledger/v1//accounts":                 "the path is ambiguous",
		"GET //ledger/v1/accounts":                 "the path is ambiguous",
		"GET /ledger/v1/a%00":                      "the path is ambiguous",
		"GET /ledger/v1/a%252f":                    "the path is ambiguous",
		"GET /ledger/v1/a%2":                       "the path is ambiguous",
		"GET /ledger/v1/a%zz":                      "the path is ambiguous",
		"GET /ledger/v1/admin;a=b":                 "the path is ambiguous",
		"GET /ledger/v1/admin%3Ba":                 "the path is ambiguous",
		`GET /ledger/v1\accounts`:                  "the path is ambiguous",
		"GET /ledger/v1/accounts#x":                "the path is ambiguous",
		"GET /ledger/v1/ac\tcounts":                "the path is ambiguous",
		"GET /ledger/v1/äccounts":                  "the path is ambiguous",
		"GET ledger/v1/accounts":                   "the path is ambiguous",
		"GET http://h/ledger/v1/accounts":          "the path is ambiguous",
		"GET ":                                     "the path is ambiguous",
		"GET *":                                    "the path is ambiguous",
		"GET /ledger/v1/accounts?_method=DELETE":   "the path is ambiguous",
		"GET /ledger/v1/accounts?a=b&_Method=x":    "the path is ambiguous",
		"GET /ledger/v1/accounts?%5fmethod=DELETE": "the path is ambiguous",
		"GET /ledger/v1/accounts?_methods=DELETE":  "list",
	} {
		method, path, _ := strings.Cut(target, " ")
		if want != "-" && !strings.Contains(want, " ") {
			want = "ledger." + want + "@1"
		}
		if got := find(table, method, path); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	if find(table, "GET", "/"+strings.Repeat("a/", contract.MaxSegments)+"b") != contract.ErrPath.Error() ||
		find(table, "GET", "/"+strings.Repeat("a", contract.MaxTarget)) != contract.ErrPath.Error() {
		t.Error("a path without bounds was read")
	}
}

func TestTheLastPublishedVersionAnswersFirst(t *testing.T) {
	second := contract.Version{ProductID: "ledger", Number: "2", BasePath: "/ledger/v1", Published: 20, Operations: operations("list GET /accounts", "new GET /new")}
	table := contract.Compile([]contract.Version{second, ledger})
	for target, want := range map[string]string{
		"/ledger/v1/accounts": "ledger.list@2", "/ledger/v1/new": "ledger.new@2", "/ledger/v1/accounts/7": "ledger.get@1",
	} {
		if got := find(table, "GET", target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

// B6
func TestNoContractTakesOverAnothersPaths(t *testing.T) {
	version := func(product, base string, published uint64, lines ...string) contract.Version {
		return contract.Version{ProductID: product, Number: "1", BasePath: base, Published: published, Operations: operations(lines...)}
	}
	table := contract.Compile([]contract.Version{ledger,
		version("same", "/ledger/v1", 11, "list GET /accounts", "steal PUT /accounts"),
		version("inner", "/ledger/v1/accounts", 12, "x GET /7", "steal PUT /7"),
		version("outer", "/ledger", 13, "x GET /v1/accounts", "own GET /about"),
		version("all", "", 1, "x GET /ledger/v1/accounts", "steal PATCH /ledger/v1/accounts", "free GET /free"),
		version("late", "", 14, "x GET /free", "other GET /other"),
	})
	for target, want := range map[string]string{
		"GET /ledger/v1/accounts":   "ledger.list@1",
		"GET /ledger/v1/accounts/7": "ledger.get@1",
		"PUT /ledger/v1/accounts":   "-",
		"PUT /ledger/v1/accounts/7": "-",
		"PATCH /ledger/v1/accounts": "-",
		"GET /ledger/about":         "outer.own@1",
		"GET /free":                 "all.free@1",
		"GET /other":                "late.other@1",
	} {
		method, path, _ := strings.Cut(target, " ")
		if got := find(table, method, path); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

func FuzzAPathIsReadInOneWay(f *testing.F) {
	for _, s := range []string{"/a/b", "/%61/../b", "/a%2fb", "/a?x=y", "//", "/a;b", "/%", "/a/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		var p contract.Path
		if p.Parse(target) != nil {
			return
		}
		raw, _, _ := strings.Cut(target, "?")
		if strings.Contains(raw, "//") || strings.Contains(raw, "/../") || strings.ContainsAny(raw, "\\;#\x00") {
			t.Fatalf("%q was read", target)
		}
		if raw != "/" && p.Len() != strings.Count(raw, "/") {
			t.Fatalf("%q has %d segments", target, p.Len())
		}
	})
}

func BenchmarkFind(b *testing.B) {
	table := contract.Compile([]contract.Version{ledger})
	b.ReportAllocs()
	for b.Loop() {
		var p contract.Path
		if p.Parse("/ledger/v1/accounts/acc_7f2?limit=50") != nil || table.Find("GET", &p) == nil {
			b.Fatal("not found")
		}
	}
}
