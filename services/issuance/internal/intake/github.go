package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/chancery-dev/chancery/libs/secret"
)

// GitHub reads the body of GitHub's secret scanning partner program: an array of matches.
func GitHub(body []byte) ([]Finding, error) {
	var all []struct {
		Token  string `json:"token"`
		Type   string `json:"type"`
		URL    string `json:"url"`
		Source string `json:"source"`
	}
	if json.Unmarshal(body, &all) != nil {
		return nil, ErrFormat
	}
	if len(all) > MaxFindings {
		return nil, ErrTooMany
	}
	out := make([]Finding, len(all))
	for i, x := range all {
		out[i] = Finding{Secret: secret.New(x.Token), Type: place(x.Type), Place: place(x.URL, x.Source)}
	}
	return out, nil
}

// Label is what GitHub is told of one match, the token by its SHA-256 alone.
type Label struct {
	Hash  string `json:"token_hash"`
	Type  string `json:"token_type"`
	Label string `json:"label"`
}

// Labels tells which matches are ours.
func Labels(findings []Finding, ours []bool) []Label {
	out := make([]Label, len(findings))
	for i, f := range findings {
		sum := sha256.Sum256([]byte(f.Secret.Reveal()))
		out[i] = Label{hex.EncodeToString(sum[:]), f.Type, "false_positive"}
		if ours[i] {
			out[i].Label = "true_positive"
		}
	}
	return out
}
