package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"text/template"

	"github.com/chancery-dev/chancery/libs/secret"
)

const clear = "correct-horse-battery"

type document struct{ S secret.String }

type holder struct {
	Public string
	Secret secret.String
	Map    map[string]secret.String
	hidden secret.String
	ptr    *secret.String
}

// D11 D12
func TestASecretPrintsRedactedInEveryEncoding(t *testing.T) {
	s := secret.New(clear)
	h := holder{Public: "p", Secret: s, Map: map[string]secret.String{"k": s}, hidden: s, ptr: &s}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%t", "%10s", "%p"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", &h)
		fmt.Fprintf(&out, verb+"\n", []secret.String{s})
	}
	fmt.Fprintln(&out, s, h, fmt.Errorf("wrapped: %v %v", s, h))
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, func(v any) ([]byte, error) { return json.MarshalIndent(v, "", " ") }} {
		b, err := marshal(h)
		if err != nil || !bytes.Contains(b, []byte("[redacted]")) {
			t.Fatalf("json: %s, %v", b, err)
		}
		out.Write(b)
	}
	if b, err := xml.Marshal(document{s}); err != nil || !bytes.Contains(b, []byte("[redacted]")) {
		t.Fatalf("xml: %s, %v", b, err)
	} else {
		out.Write(b)
	}
	var g bytes.Buffer
	if err := gob.NewEncoder(&g).Encode(struct{ S secret.String }{s}); err != nil {
		t.Fatal(err)
	}
	out.Write(g.Bytes())
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("m", "secret", s, "holder", h, "pointer", &h, slog.Group("g", "s", s))
	}
	template.Must(template.New("").Parse("{{.Secret}} {{.}}")).Execute(&out, h)
	if y, err := s.MarshalYAML(); err != nil || y != "[redacted]" {
		t.Fatalf("yaml: %v, %v", y, err)
	}
	if strings.Contains(out.String(), clear) || strings.Contains(out.String(), fmt.Sprintf("%x", clear)) || strings.Contains(out.String(), fmt.Sprintf("%X", clear)) {
		t.Fatalf("the secret was printed:\n%s", out.String())
	}
	if v, err := s.Value(); err == nil {
		t.Fatalf("a database was given %v", v)
	}
	if s.Reveal() != clear || !s.Equal(secret.New(clear)) || s.Equal(secret.New("other")) || s.IsZero() || !(secret.String{}).IsZero() {
		t.Fatal("the value itself was lost")
	}
}

func TestASecretIsReadFromARequestAndNotEchoed(t *testing.T) {
	var in struct {
		Password secret.String `json:"password"`
	}
	if err := json.Unmarshal([]byte(`{"password":"`+clear+`"}`), &in); err != nil || in.Password.Reveal() != clear {
		t.Fatalf("%v, %v", in, err)
	}
}

// D11 L11
func TestKeysAreFoundByThePublishedRuleAndRefusedWhenChanged(t *testing.T) {
	rule := regexp.MustCompile(secret.Detector)
	seen := map[string]bool{}
	for i := range 2000 {
		e := secret.Environments[i%len(secret.Environments)]
		k := secret.NewKey(e)
		text := k.Reveal()
		if seen[text] || !rule.MatchString("token="+text+"\n") {
			t.Fatalf("key %d is a repeat or not found by the rule", i)
		}
		seen[text] = true
		back, err := secret.Parse(text)
		if err != nil || back.Reveal() != text || back.Environment != e {
			t.Fatalf("%v", err)
		}
		if got := secret.Find("a " + text + ", b"); len(got) != 1 || got[0].Reveal() != text {
			t.Fatalf("found %d keys", len(got))
		}
		at := 9 + i%49
		changed := []byte(text)
		changed[at] = '0'
		if text[at] == '0' {
			changed[at] = '1'
		}
		if _, err := secret.Parse(string(changed)); !errors.Is(err, secret.ErrNotKey) {
			t.Fatalf("one changed character at %d was accepted", at)
		}
		if shown := fmt.Sprintf("%v %+v %s", k, k, k); strings.Contains(shown, text[14:]) || !strings.Contains(shown, k.Hint()) {
			t.Fatalf("printed %q", shown)
		}
	}
	k := secret.NewKey(secret.Test).Reveal()
	for _, bad := range []string{"", "chy_", k[:len(k)-1], k + "0", " " + k, strings.Replace(k, "test", "live", 1), strings.ToUpper(k), k[:20] + "-" + k[21:]} {
		if _, err := secret.Parse(bad); !errors.Is(err, secret.ErrNotKey) {
			t.Errorf("accepted %q", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(secret.NewKey(secret.Live).Reveal())
	f.Add(secret.NewKey(secret.Test).Reveal())
	f.Add("chy_live_")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := secret.Parse(text)
		if err != nil {
			if k.Reveal() != "" {
				t.Fatal("a refused key has a value")
			}
			return
		}
		if k.Reveal() != text || !strings.HasPrefix(text, k.Hint()) || len(secret.Find(text)) != 1 {
			t.Fatalf("accepted %q and kept something else", text)
		}
	})
}

func TestFingerprintsNeedThePepper(t *testing.T) {
	a, b := secret.NewFingerprints(bytes.Repeat([]byte{1}, 32)), secret.NewFingerprints(bytes.Repeat([]byte{2}, 32))
	one := a.Of("key")
	if one == b.Of("key") || one == a.Of("kez") || one != a.Of("key") {
		t.Fatal("fingerprints must depend on pepper and value alone")
	}
	if !a.Match("key", one[:]) || b.Match("key", one[:]) || a.Match("key", one[:31]) || a.Match("key", nil) {
		t.Fatal("match")
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 1000 {
				if a.Of("key") != one {
					t.Error("not safe for concurrent use")
				}
			}
		})
	}
	group.Wait()
}

func TestTheKeyFileIsCreatedOnceAndReadableByItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "service.key")
	if _, err := secret.OpenKeyFile(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("opening what is not there: %v", err)
	}
	var group sync.WaitGroup
	files := make([]*secret.KeyFile, 8)
	for i := range files {
		group.Go(func() {
			k, err := secret.EnsureKeyFile(path)
			if err != nil {
				t.Error(err)
				return
			}
			files[i] = k
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	for _, k := range files {
		if !bytes.Equal(k.Pepper(), files[0].Pepper()) || !bytes.Equal(k.Wrapping("identity"), files[0].Wrapping("identity")) {
			t.Fatal("two starts at once made two sets of keys")
		}
	}
	info, _ := os.Stat(path)
	if info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %04o", info.Mode().Perm())
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".keyfile-*")); len(left) != 0 {
		t.Fatalf("left behind: %v", left)
	}
	next, err := secret.NewWrapping()
	if err != nil {
		t.Fatal(err)
	}
	for i, service := range []string{"identity", "issuance"} {
		unlock, err := files[i].Lock()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(files[i].Reload(), files[i].ReplaceWrapping(service, next)); err != nil {
			t.Fatal(err)
		}
		unlock()
	}
	again, err := secret.OpenKeyFile(path)
	if err != nil || !bytes.Equal(again.Pepper(), files[1].Pepper()) || again.Wrapping("identity") == nil || again.Wrapping("issuance") == nil || again.Wrapping("audit") != nil {
		t.Fatalf("after replacing the wrapping keyset: %v", err)
	}
}

func TestAKeyFileThatIsOpenToOthersOrBrokenIsRefusedWithoutQuotingIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "service.key")
	if _, err := secret.CreateKeyFile(path); err != nil {
		t.Fatal(err)
	}
	good, _ := os.ReadFile(path)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.OpenKeyFile(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Fatalf("mode 0640: %v", err)
	}
	os.Chmod(path, 0o600)
	for name, content := range map[string]string{
		"empty":          "",
		"not JSON":       "sesame-open",
		"no wrapping":    `{"version":1,"pepper":"c2VzYW1lLW9wZW5zZXNhbWUtb3BlbnNlc2FtZS1vcGVu"}`,
		"later version":  strings.Replace(string(good), `"version": 1`, `"version": 2`, 1),
		"short pepper":   `{"version":1,"pepper":"c2VzYW1l","wrapping":{}}`,
		"unknown member": strings.Replace(string(good), `"version"`, `"sesame": 1, "version"`, 1),
	} {
		os.WriteFile(path, []byte(content), 0o600)
		_, err := secret.OpenKeyFile(path)
		if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := secret.OpenKeyFile(filepath.Dir(path)); err == nil {
		t.Error("a folder was taken for a key file")
	}
}
