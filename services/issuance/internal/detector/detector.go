// Package detector is the published rule by which secret scanners find what this service hands out.
package detector

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/libs/secret"
)

// Path is where the rule is published.
const Path = "/.well-known/secret-detector.json"

type document struct {
	Name     string   `json:"name"`
	Version  int      `json:"version"`
	Pattern  string   `json:"pattern"`
	Keywords []string `json:"keywords"`
	Entropy  int      `json:"entropy_bits"`
	Checksum checksum `json:"checksum"`
	// Report is where to send what was found, from anybody.
	Report string `json:"report_to,omitempty"`
	GitHub string `json:"github_partner,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Recipe    string `json:"recipe"`
	Length    int    `json:"length"`
}

// Keywords are the beginnings of all that the rule finds.
func Keywords() []string {
	words := make([]string, len(secret.Environments))
	for i, e := range secret.Environments {
		words[i] = "chy_" + string(e) + "_"
	}
	return words
}

// Document is the rule in JSON; issuer is the public address of the service, empty to leave out where to report.
func Document(issuer string) []byte {
	d := document{
		Name: "chancery-key", Version: 1, Pattern: secret.Detector, Keywords: Keywords(), Entropy: 256,
		Checksum: checksum{"crc32-ieee", secret.Sum, 6},
	}
	if issuer != "" {
		d.Report = strings.TrimSuffix(issuer, "/") + "/api/issuance/v1/leaks"
		d.GitHub = d.Report + "/github"
	}
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic("detector: " + err.Error())
	}
	return append(raw, '\n')
}

// Handler publishes the rule.
func Handler(issuer string) http.Handler {
	body := Document(issuer)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		_, _ = w.Write(body)
	})
}

// Gitleaks is the rule as a configuration of gitleaks.
func Gitleaks() string {
	return fmt.Sprintf(`# Finds what Chancery hands out: gitleaks git --config deploy/detectors/gitleaks.toml
title = "Chancery"

[[rules]]
id = "chancery-key"
description = "Key, client secret, refresh or registration token of Chancery; chancery leak report ends it"
regex = '''%s'''
keywords = [%s]
`, secret.Detector, quoted(Keywords(), `"`))
}

// Trufflehog is the rule as a custom detector of trufflehog.
func Trufflehog() string {
	return fmt.Sprintf(`# Finds what Chancery hands out: trufflehog git file://. --config deploy/detectors/trufflehog.yaml --json
detectors:
  - name: chancery-key
    keywords: [%s]
    regex:
      key: '%s'
`, quoted(Keywords(), ""), secret.Detector)
}

func quoted(words []string, by string) string {
	return by + strings.Join(words, by+", "+by) + by
}
