package intake

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Formats are those of reports that Read takes.
var Formats = []string{"gitleaks", "sarif", "trufflehog"}

// Read takes a scanner's report apart.
func Read(format string, body []byte, now time.Time) ([]Finding, error) {
	var out []Finding
	var err error
	switch format {
	case "gitleaks":
		out, err = gitleaks(body, now)
	case "sarif":
		out, err = sarif(body, now)
	case "trufflehog":
		out, err = trufflehog(body, now)
	default:
		return nil, ErrFormat
	}
	if err == nil && len(out) > MaxFindings {
		err = ErrTooMany
	}
	return out, err
}

// gitleaks reads the JSON report of gitleaks: an array of findings.
func gitleaks(body []byte, now time.Time) ([]Finding, error) {
	var all []struct {
		RuleID, Secret, Match, File, Commit, Date, Link string
		StartLine                                       int
	}
	if json.Unmarshal(body, &all) != nil {
		return nil, ErrFormat
	}
	var out []Finding
	for _, x := range all {
		at := x.Link
		if at == "" {
			at = place(x.File+":"+strconv.Itoa(x.StartLine), x.Commit)
		}
		out = append(out, found(Finding{Type: place(x.RuleID), Place: place(at), Since: when(x.Date, now)}, x.Secret, x.Match)...)
	}
	return out, nil
}

// sarif reads SARIF 2.1.0, of any scanner: secrets stand in the snippets of regions (§3.30.13) and in messages.
func sarif(body []byte, now time.Time) ([]Finding, error) {
	var report struct {
		Version string `json:"version"`
		Runs    []struct {
			Results []struct {
				RuleID  string `json:"ruleId"`
				Message struct {
					Text string `json:"text"`
				} `json:"message"`
				Locations []struct {
					Physical struct {
						Artifact struct {
							URI string `json:"uri"`
						} `json:"artifactLocation"`
						Region  region `json:"region"`
						Context region `json:"contextRegion"`
					} `json:"physicalLocation"`
				} `json:"locations"`
				Partial map[string]any `json:"partialFingerprints"`
			} `json:"results"`
		} `json:"runs"`
	}
	if json.Unmarshal(body, &report) != nil || !strings.HasPrefix(report.Version, "2.") {
		return nil, ErrFormat
	}
	var out []Finding
	for _, run := range report.Runs {
		for _, r := range run.Results {
			date, _ := r.Partial["date"].(string)
			commit, _ := r.Partial["commitSha"].(string)
			f := Finding{Type: place(r.RuleID), Since: when(date, now)}
			for _, l := range r.Locations {
				f.Place = place(l.Physical.Artifact.URI+":"+strconv.Itoa(l.Physical.Region.StartLine), commit)
				out = append(out, found(f, l.Physical.Region.Snippet.Text, l.Physical.Context.Snippet.Text, r.Message.Text)...)
			}
			if len(r.Locations) == 0 {
				out = append(out, found(f, "", r.Message.Text)...)
			}
		}
	}
	return out, nil
}

type region struct {
	StartLine int `json:"startLine"`
	Snippet   struct {
		Text string `json:"text"`
	} `json:"snippet"`
}

// trufflehog reads the JSON lines of trufflehog: one finding a line; lines of its log, which hold no finding, are passed over.
func trufflehog(body []byte, now time.Time) ([]Finding, error) {
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(make([]byte, 0, 64<<10), MaxReport)
	var out []Finding
	some, read := false, false
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		some = true
		var x struct {
			DetectorName, Raw, RawV2 string
			SourceMetadata           struct{ Data map[string]json.RawMessage }
		}
		if json.Unmarshal(line, &x) != nil {
			return nil, ErrFormat
		}
		if x.DetectorName == "" {
			continue
		}
		read = true
		f := Finding{Type: place(x.DetectorName)}
		for _, raw := range x.SourceMetadata.Data {
			var at struct {
				Commit     string `json:"commit"`
				File       string `json:"file"`
				Link       string `json:"link"`
				Repository string `json:"repository"`
				Timestamp  string `json:"timestamp"`
				Line       int    `json:"line"`
			}
			if json.Unmarshal(raw, &at) != nil {
				continue // a source of another shape tells nothing of where
			}
			f.Place, f.Since = place(at.Link), when(at.Timestamp, now)
			if f.Place == "" {
				f.Place = place(at.Repository, at.File+":"+strconv.Itoa(at.Line), at.Commit)
			}
		}
		out = append(out, found(f, x.Raw, x.RawV2)...)
	}
	if lines.Err() != nil || some && !read {
		return nil, ErrFormat
	}
	return out, nil
}
