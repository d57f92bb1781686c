package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

var update = flag.Bool("update", false, "write the page anew")

const page = "../../docs/configuration.md"

func TestThePageOfVariablesIsUpToDate(t *testing.T) {
	want := configurationPage()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(found) != want {
		t.Error("docs/configuration.md is stale: go test ./services/chancery -run Page -update")
	}
}

func configurationPage() string {
	var b strings.Builder
	b.WriteString("# Configuration\n\nMade from the variables the programs read (`go test ./services/chancery -run Page -update`); do not edit.\n\n" +
		"A service is configured by its environment alone. A variable that is wrong keeps it from starting and is named, never its value;\n" +
		"one of our prefix that nothing reads is warned of. `chancery config print SERVICE` shows what a service would read. A variable\n" +
		"marked *secret* may stand in a file instead, named by the variable with `_FILE` at its end. OpenTelemetry is configured by its\n" +
		"own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_EXPORTER`, `OTEL_SDK_DISABLED` and so on).\n")
	section(&b, "Every service", service.Describe(&service.Variables{}))
	for _, name := range suite.Names() {
		if variables := suite.Variables[name]; variables != nil {
			section(&b, name, service.Describe(variables()))
		}
	}
	section(&b, "chancery provision", service.Describe(&provisioning{}))
	return b.String()
}

func section(b *strings.Builder, title string, all []service.Variable) {
	fmt.Fprintf(b, "\n## %s\n\n| variable | what it is | what it should be | default |\n|---|---|---|---|\n", title)
	for _, v := range all {
		doc, fallback := v.Doc, "`"+v.Default+"`"
		if v.Secret {
			doc += " (*secret*)"
		}
		switch {
		case v.Required:
			fallback = "must be set"
		case v.Default == "":
			fallback = ""
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", v.Name, doc, v.Want, fallback)
	}
}
