package contract

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/registry/internal/version"
)

const head = "openapi: 3.0.3\ninfo: {title: T, version: '1'}\n"

// B5
func TestScopesComeFromTheSecurityRequirementsElseFromTagAndVerb(t *testing.T) {
	document, err := os.ReadFile("testdata/ledger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Read("ledger.yaml", document)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	fmt.Fprintf(&got, "%s %s %s\n", c.Title, c.Version, c.BasePath)
	for _, o := range c.Operations {
		fmt.Fprintf(&got, "%s %s (%s) %v\n", o.Method, o.Path, o.Id, o.Scopes)
	}
	for _, s := range c.Scopes {
		fmt.Fprintf(&got, "%s %s: %s\n", s.Name, s.Risk, s.Description)
	}
	const want = `Ledger 1.4.0 /ledger/v1
GET /accounts (listAccounts) [accounts:read]
DELETE /accounts/{id} (closeAccount) [accounts:write]
GET /accounts/{id} (getAccount) [accounts:read]
GET /health (get /health) [health:read]
POST /payments (pay) [payments:write]
GET /reports/{id} (get /reports/{id}) [month-end:read]
PUT /reports/{id} (put /reports/{id}) [month-end:write]
accounts:read low: See accounts
accounts:write medium: Change accounts
health:read low: Read health
month-end:read low: Read month-end
month-end:write medium: Change month-end
payments:write high: Make payments
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

func TestADocumentIsRefusedWithFileLineAndReason(t *testing.T) {
	for name, c := range map[string]struct {
		document string
		rule     error
		want     string
	}{
		"empty":           {"", ErrSyntax, "c: the document is neither JSON nor YAML: it is not an object"},
		"a list":          {"- a\n- b\n", ErrSyntax, "c: the document is neither JSON nor YAML: it is not an object"},
		"broken JSON":     {"{\n \"openapi\": \"3.1.0\",\n ]\n", ErrSyntax, "c:3: the document is neither JSON nor YAML: invalid character ']' looking for beginning of object key string"},
		"cut JSON":        {"{\n \"openapi\": \"3.1.0\",\n", ErrSyntax, "c:2: the document is neither JSON nor YAML: it ends too early"},
		"broken YAML":     {"openapi: 3.1.0\ninfo:\n\ttitle: T\n", ErrSyntax, "c:3: the document is neither JSON nor YAML: found character that cannot start any token"},
		"Swagger":         {"\nswagger: '2.0'\n", ErrSwagger, "c:2: the document is Swagger 2.0; convert it to OpenAPI 3"},
		"no version":      {"info: {title: T}\n", ErrVersion, "c: the document is not OpenAPI 3.0 or 3.1: it has no openapi field"},
		"another version": {"info: {}\nopenapi: 4.0.0\n", ErrVersion, "c:2: the document is not OpenAPI 3.0 or 3.1: it says 4.0.0"},
		"no info":         {"openapi: 3.1.0\npaths: {}\n", ErrDocument, "c: the document does not follow OpenAPI: info is missing"},
		"no operations":   {head + "paths: {}\n", ErrNoOperations, "c:3: the document has no operations"},
		"a wrong kind":    {head + "paths:\n  /a:\n    get: {tags: many}\n", ErrDocument, "c:5: the document does not follow OpenAPI: field tags holds a value of another kind"},
		"a bad path":      {head + "paths:\n  a:\n    get: {responses: {}}\n", ErrDocument, ""},
		"a lost reference": {head + "paths:\n  /a:\n    get: {responses: {'200': {$ref: '#/components/responses/None'}}}\n", ErrDocument,
			"c:5: the document does not follow OpenAPI: reference #/components/responses/None leads nowhere"},
		"a remote reference": {head + "paths:\n  /a:\n    get: {responses: {'200': {$ref: 'https://169.254.169.254/r.yaml#/R'}}}\n", ErrReference,
			"c:5: the document refers outside itself, and nothing is ever fetched: https://169.254.169.254/r.yaml"},
		"a file reference": {head + "paths:\n  /a:\n    $ref: /etc/passwd\n", ErrReference,
			"c:5: the document refers outside itself, and nothing is ever fetched: /etc/passwd"},
		"a wildcard scope": {head + "paths:\n  /a:\n    get: {security: [{o: ['a:*']}]}\ncomponents:\n  securitySchemes:\n    o: {type: oauth2, flows: {}}\n", ErrScope,
			`c:5: the document names a scope that is not one exact name: "a:*" of GET /a`},
		"too deep":      {head + "x-a: " + strings.Repeat("[", 300) + strings.Repeat("]", 300), ErrTooLarge, "c:3: the document is too large: it is nested more than 64 deep"},
		"too deep JSON": {`{"a":` + strings.Repeat("[", 300), ErrTooLarge, "c:1: the document is too large: it is nested more than 64 deep"},
		"an alias bomb": {bomb(), ErrTooLarge, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read("c", []byte(c.document))
			var refusal *Refusal
			if !errors.Is(err, c.rule) || !errors.As(err, &refusal) {
				t.Fatalf("%v, want %v", err, c.rule)
			}
			if c.want != "" && err.Error() != c.want {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
		})
	}
}

func bomb() string {
	var b strings.Builder
	b.WriteString(head + "x0: &x0 [a,a,a,a,a,a,a,a,a,a]\n")
	for i := range 9 {
		fmt.Fprintf(&b, "x%d: &x%d [%s*x%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*x%d,", i), 9), i)
	}
	return b.String()
}

func TestWhatIsReadIsBounded(t *testing.T) {
	_, err := Read("c", make([]byte, MaxBytes+1))
	if !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	var many strings.Builder
	many.WriteString(head + "paths:\n")
	for i := range MaxOperations + 1 {
		fmt.Fprintf(&many, "  /p%d: {get: {tags: [a], responses: {'200': {description: ok}}}}\n", i)
	}
	if _, err = Read("c", []byte(many.String())); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// Documents written by others: whatever is OpenAPI 3 with operations is read, and the domain takes what was read.
func TestForeignContractsAreRead(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	script := exec.Command(filepath.Join(root, "scripts", "foreign-contracts"))
	script.Stderr = os.Stderr
	out, err := script.Output()
	if err != nil {
		t.Fatalf("scripts/foreign-contracts: %v", err)
	}
	read, operations := 0, 0
	err = filepath.Walk(strings.TrimSpace(string(out)), func(path string, info os.FileInfo, err error) error {
		dir := filepath.Base(filepath.Dir(path))
		if err != nil || info.IsDir() || dir == "package" || filepath.Ext(path) != ".json" && filepath.Ext(path) != ".yaml" || strings.HasPrefix(info.Name(), "package") || strings.HasPrefix(info.Name(), "tsconfig") {
			return err
		}
		document, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		c, err := Read(info.Name(), document)
		switch {
		case strings.Contains(path, "/2.0/"):
			if !errors.Is(err, ErrSwagger) {
				t.Errorf("%s: %v", path, err)
			}
			return nil
		case errors.Is(err, ErrNoOperations) && !strings.Contains(strings.ReplaceAll(string(document), " ", ""), "operationId"):
			return nil
		case err != nil:
			t.Errorf("%s: %v", path, err)
			return nil
		}
		read++
		operations += len(c.Operations)
		accepted(t, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d documents, %d operations", read, operations)
	if read < 100 || operations < 2500 {
		t.Errorf("only %d documents and %d operations", read, operations)
	}
}

func accepted(t testing.TB, c Contract) {
	t.Helper()
	facts, err := version.Submit{Product: version.Product{ID: "p", OrganizationID: "o", Open: true}, Version: "1", Title: c.Title,
		Digest: c.Digest, Operations: c.Operations, Scopes: c.Scopes, BasePath: c.BasePath}.Decide(version.State{})
	if err != nil {
		t.Fatalf("the domain refuses what was read: %v", err)
	}
	if !facts[1].(*registryv1.VersionGateEvaluated).Passed {
		t.Fatalf("an operation without a scope: %v", facts[1])
	}
	if _, err := proto.Marshal(facts[0]); err != nil {
		t.Fatal(err)
	}
}

func FuzzAnyDocumentIsReadOrRefused(f *testing.F) {
	ledger, err := os.ReadFile("testdata/ledger.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(ledger), head + "paths: {/a: {get: {}}}", `{"openapi":"3.1.0","info":{"title":"T","version":"1"},"paths":{"/a":{"get":{}}}}`,
		"swagger: '2.0'", "openapi: 3.1.0\nx: &a [*a]", bomb(), head + "paths: {/a: {$ref: 'b.yaml'}}", "", "{", "\ufeff{}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		if len(document) > 1<<16 {
			return
		}
		c, err := Read("c", document)
		var refusal *Refusal
		if err != nil && !errors.As(err, &refusal) {
			t.Fatalf("not a refusal: %v", err)
		}
		if err == nil {
			accepted(t, c)
		}
	})
}
