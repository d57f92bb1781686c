package main

import "testing"

func TestTheFormatOfAReportIsToldFromItsContent(t *testing.T) { // L11
	for body, want := range map[string]string{
		`{"version":"2.1.0","runs":[]}`:            "sarif",
		`[{"RuleID":"chancery-key","Secret":"x"}]`: "gitleaks",
		`[]`: "gitleaks",
		`{"level":"info"}` + "\n" + `{"DetectorName":"Custom"}`: "trufflehog",
		"a line\nchy_live_": "text",
		"":                  "text",
	} {
		if got := formatOf([]byte(body)); got != want {
			t.Errorf("%q is %s, want %s", body, got, want)
		}
	}
}
