package intake_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/issuance/internal/intake"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func revealed(findings []intake.Finding) (out []string) {
	for _, f := range findings {
		out = append(out, f.Secret.Reveal())
	}
	return out
}

func TestReportsOfScannersAreReadAsTheyWriteThem(t *testing.T) { // L11
	key, other := secret.NewKey(secret.Live).Reveal(), secret.NewKey(secret.Test).Reveal()
	for name, c := range map[string]struct {
		format, body string
		want         []string
		place        string
		since        time.Time
	}{
		"gitleaks": {"gitleaks", fmt.Sprintf(`[{"RuleID":"chancery-key","Description":"d","StartLine":3,"EndLine":3,"Match":"key=%s","Secret":%q,"File":"a/b.env","Commit":"c0ffee","Author":"A","Email":"a@example.com","Date":"2026-11-20T10:00:00Z","Fingerprint":"x"}]`, key, key),
			[]string{key}, "a/b.env:3 c0ffee", time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)},
		"gitleaks with a match that holds more": {"gitleaks", fmt.Sprintf(`[{"RuleID":"r","Match":"%s %s","Secret":%q,"File":"f"}]`, key, other, key), []string{key, other}, "f:0", time.Time{}},
		"gitleaks of another shape":             {"gitleaks", `[{"RuleID":"generic","Secret":"hunter2-hunter2","File":"f","Date":"tomorrow"}]`, []string{"hunter2-hunter2"}, "f:0", time.Time{}},
		"gitleaks that found nothing":           {"gitleaks", `[]`, nil, "", time.Time{}},
		"sarif": {"sarif", fmt.Sprintf(`{"version":"2.1.0","runs":[{"results":[{"ruleId":"chancery-key","message":{"text":"found"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"x.go"},"region":{"startLine":9,"snippet":{"text":%q}}}}],"partialFingerprints":{"commitSha":"abc","date":"2026-11-01T00:00:00Z"}}]}]}`, key),
			[]string{key}, "x.go:9 abc", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)},
		"sarif with the key in the message": {"sarif", fmt.Sprintf(`{"version":"2.1.0","runs":[{"results":[{"message":{"text":"saw %s here"}}]}]}`, key), []string{key}, "", time.Time{}},
		"trufflehog": {"trufflehog", fmt.Sprintf("{\"level\":\"info\",\"msg\":\"running source\"}\n\n"+`{"SourceMetadata":{"Data":{"Git":{"commit":"c1","file":"k.txt","email":"e","repository":"https://r","timestamp":"2026-11-02 10:00:00 +0100","line":4}}},"DetectorName":"CustomRegex","Verified":false,"Raw":%q,"RawV2":""}`+"\n", key),
			[]string{key}, "https://r k.txt:4 c1", time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := intake.Read(c.format, []byte(c.body), now)
			if err != nil || strings.Join(revealed(got), " ") != strings.Join(c.want, " ") {
				t.Fatalf("%d findings, %v", len(got), err)
			}
			if len(got) > 0 && (got[0].Place != c.place || !got[0].Since.Equal(c.since)) {
				t.Errorf("place %q since %s", got[0].Place, got[0].Since)
			}
		})
	}
	for format, body := range map[string]string{"gitleaks": `{"a":1}`, "sarif": `{"version":"1.0"}`, "trufflehog": "not json", "other": "[]"} {
		if _, err := intake.Read(format, []byte(body), now); !errors.Is(err, intake.ErrFormat) {
			t.Errorf("%s: %v", format, err)
		}
	}
	many, _ := json.Marshal(make([]map[string]string, intake.MaxFindings+1))
	if _, err := intake.GitHub(many); !errors.Is(err, intake.ErrTooMany) {
		t.Errorf("too many: %v", err)
	}
}

func TestWhatIsKeptOfAPlaceHoldsNoKey(t *testing.T) { // L11, D11
	key := secret.NewKey(secret.Live).Reveal()
	body, _ := json.Marshal([]map[string]string{{"token": key, "type": key, "url": "https://x/?k=" + key + "\n\x00", "source": strings.Repeat("é", 900)}})
	got, err := intake.GitHub(body)
	if err != nil || len(got) != 1 {
		t.Fatal(err)
	}
	if strings.Contains(got[0].Place, key) || strings.Contains(got[0].Type, key) || len(got[0].Place) > 500 || strings.ContainsAny(got[0].Place, "\n\x00") {
		t.Errorf("kept %q %q", got[0].Type, got[0].Place)
	}
	if printed := fmt.Sprintf("%v %+v", got, got); strings.Contains(printed, key) {
		t.Error("a finding prints its secret")
	}
}

func FuzzReports(f *testing.F) {
	key := secret.NewKey(secret.Test).Reveal()
	f.Add("gitleaks", []byte(`[{"RuleID":"r","Secret":"`+key+`","Match":"x","File":"f","Date":"2026-01-01T00:00:00Z"}]`))
	f.Add("sarif", []byte(`{"version":"2.1.0","runs":[{"results":[{"locations":[{"physicalLocation":{"region":{"snippet":{"text":"`+key+`"}}}}]}]}]}`))
	f.Add("trufflehog", []byte(`{"DetectorName":"d","Raw":"`+key+`","SourceMetadata":{"Data":{"Git":{"line":1}}}}`+"\n{"))
	f.Add("github", []byte(`[{"token":"`+key+`","type":"t","url":"u","source":"s"}]`))
	f.Add("github", []byte(`[{"token":1}]`))
	f.Fuzz(func(t *testing.T, format string, body []byte) {
		findings, err := intake.Read(format, body, now)
		if format == "github" {
			findings, err = intake.GitHub(body)
		}
		if err != nil {
			if len(findings) > intake.MaxFindings+1 && !errors.Is(err, intake.ErrTooMany) {
				t.Fatal("a refused report has findings")
			}
			return
		}
		if len(findings) > intake.MaxFindings {
			t.Fatalf("%d findings", len(findings))
		}
		for _, x := range findings {
			if len(x.Place) > 500 || len(x.Type) > 500 || x.Since.After(now) || strings.ContainsAny(x.Place, "\n\r\x00") || len(secret.Find(x.Place)) > 0 {
				t.Fatalf("kept %q %q %s", x.Type, x.Place, x.Since)
			}
		}
	})
}
