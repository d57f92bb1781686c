package detector_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/testkit"
	"github.com/chancery-dev/chancery/services/issuance/internal/detector"
)

var update = flag.Bool("update", false, "write deploy/detectors anew")

const folder = "../../../../deploy/detectors"

func TestTheFilesForScannersAreTheRuleOfTheCode(t *testing.T) { // L11
	for name, want := range map[string]string{
		"gitleaks.toml": detector.Gitleaks(), "trufflehog.yaml": detector.Trufflehog(), "secret-detector.json": string(detector.Document("")),
	} {
		path := filepath.Join(folder, name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is stale (%v): run this test with -update", path, err)
		}
	}
	var yml struct {
		Detectors []struct{ Regex map[string]string }
	}
	if err := yaml.Unmarshal([]byte(detector.Trufflehog()), &yml); err != nil || len(yml.Detectors) != 1 || yml.Detectors[0].Regex["key"] != secret.Detector {
		t.Errorf("the rule for trufflehog reads as %v, %v", yml, err)
	}
}

// Whoever has only the published document recognises every key, by a checksum made after its recipe alone.
func TestTheRuleFindsEveryKeyAndNothingElse(t *testing.T) { // L11, D11
	random, seed := testkit.Random(t)
	var published struct {
		Pattern  string
		Keywords []string
		Checksum struct{ Length int }
	}
	if err := json.Unmarshal(detector.Document("https://portal.example"), &published); err != nil {
		t.Fatal(err)
	}
	rule := regexp.MustCompile(published.Pattern)
	keys := testkit.Size(1_000, 10_000)
	found := 0
	around := []string{"%s", "key=%s\n", `{"token":"%s"}`, "https://api.example/?k=%s&x=1", "Bearer %s,", "<%s>", "'%s'", "\t%s;"}
	for i := range keys {
		key := secret.NewKey(secret.Environments[i%len(secret.Environments)]).Reveal()
		text := fmt.Sprintf(around[i%len(around)], key)
		if m := rule.FindAllString(text, -1); len(m) == 1 && m[0] == key && sumHolds(key, published.Checksum.Length) && len(secret.Find(text)) == 1 {
			found++
		}
	}
	if found != keys {
		t.Errorf("found %d of %d keys", found, keys)
	}
	// What has the shape of a key by chance fails the checksum.
	shaped, passed := testkit.Size(100_000, 5_000_000), 0
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body := make([]byte, 49)
	for i := range shaped {
		for j := range body {
			body[j] = digits[random.IntN(len(digits))]
		}
		if _, err := secret.Parse(published.Keywords[i%len(published.Keywords)] + string(body)); err == nil {
			passed++
		}
	}
	if passed > 1 {
		t.Errorf("%d of %d random texts of the shape pass the checksum", passed, shaped)
	}
	read, matches, hits := scan(t, rule, int64(testkit.Size(64<<20, 8<<30)))
	if read < 32<<20 {
		t.Fatalf("only %d bytes of source text to read", read)
	}
	gb := float64(read) / (1 << 30)
	if float64(hits) > max(1, gb) {
		t.Errorf("%d false hits in %.2f GB", hits, gb)
	}
	testkit.Proved(t, "l11-rule", "L11: the published rule finds every key and nothing else", seed, fmt.Sprintf(
		"%d of %d generated keys found in eight surroundings by the published pattern and checksum recipe alone. In %.2f GB of source text of others (the Go distribution and the module cache) the pattern matched %d times and %d matches passed the checksum: a rate of at most %.1f false hits per GB with 95 %% confidence where none was seen. %d of %d random texts of a key's shape passed the checksum.",
		found, keys, gb, matches, hits, 3/gb, passed, shaped))
}

// sumHolds is the published recipe in other words than the code's.
func sumHolds(key string, length int) bool {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := crc32.ChecksumIEEE([]byte(key[:len(key)-length]))
	var n uint64
	for _, c := range key[len(key)-length:] {
		n = n*62 + uint64(strings.IndexRune(digits, c))
	}
	return n == uint64(sum)
}

// scan reads up to limit bytes of text written by others.
func scan(t *testing.T, rule *regexp.Regexp, limit int64) (read int64, matches, hits int) {
	t.Helper()
	for _, variable := range []string{"GOROOT", "GOMODCACHE"} {
		out, err := exec.Command("go", "env", variable).Output()
		if err != nil {
			t.Fatal(err)
		}
		err = filepath.WalkDir(strings.TrimSpace(string(out)), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case read >= limit:
				return fs.SkipAll
			case err != nil || !entry.Type().IsRegular():
				return nil // what cannot be read is not counted
			}
			if info, err := entry.Info(); err != nil || info.Size() > 16<<20 {
				return nil
			}
			raw, err := os.ReadFile(path)
			if err != nil || !utf8.Valid(raw[:min(len(raw), 4096)]) && strings.IndexByte(string(raw[:min(len(raw), 4096)]), 0) >= 0 {
				return nil // no text
			}
			read += int64(len(raw))
			text := string(raw)
			if strings.Contains(text, "chy_") {
				matches += len(rule.FindAllString(text, -1))
				hits += len(secret.Find(text))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return read, matches, hits
}
