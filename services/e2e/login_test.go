package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/services/chancery/suitetest"
)

// program is the built command line, with a folder of its own.
func program(t *testing.T) func(ctx context.Context, errors io.Writer, args ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "chancery")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/chancery-dev/chancery/services/chancery").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return func(ctx context.Context, errors io.Writer, args ...string) (string, error) {
		c := exec.CommandContext(ctx, binary, args...)
		c.Env = append(os.Environ(), "CHANCERY_LOGIN_FILE="+filepath.Join(dir, "own", "login.json"))
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, errors
		err := c.Run()
		return out.String(), err
	}
}

var (
	shownCode    = regexp.MustCompile(`\b[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}\b`)
	shownAddress = regexp.MustCompile(`http://\S+/oauth2/authorize\S+`)
)

// watched tells what a program has said as soon as it says it.
type watched struct {
	pattern *regexp.Regexp
	text    []byte
	found   chan string
}

func (w *watched) Write(b []byte) (int, error) {
	w.text = append(w.text, b...)
	if m := w.pattern.Find(w.text); m != nil && bytes.HasSuffix(w.text, []byte("\n")) {
		select {
		case w.found <- string(m):
		default:
		}
	}
	return len(b), nil
}

func TestAPersonSignsInToTheCommandLine(t *testing.T) { // A18, D3
	s := tell(t)
	run := program(t)
	b := s.browser("noor@northwind.example")
	signIn := func(pattern *regexp.Regexp, answer func(string) error, more ...string) string {
		t.Helper()
		w := &watched{pattern: pattern, found: make(chan string, 1)}
		answered := make(chan error, 1)
		go func() {
			select {
			case found := <-w.found:
				answered <- answer(found)
			case <-s.ctx.Done():
				answered <- s.ctx.Err()
			}
		}()
		out, err := run(s.ctx, w, append([]string{"login", "--portal", s.Suite.Portal}, more...)...)
		if err != nil {
			t.Fatalf("%v: %s (browser: %v)", err, w.text, <-answered)
		}
		s.good(<-answered)
		return out
	}
	if out, err := run(s.ctx, io.Discard, "whoami"); err == nil {
		t.Fatalf("nobody is signed in, and is %s", out)
	}
	if out := signIn(shownCode, b.device); !strings.Contains(out, "noor@northwind.example") {
		t.Fatal(out)
	}
	if out := must[string](s)(run(s.ctx, io.Discard, "whoami", "-o", "json")); !strings.Contains(out, `"app_owner"`) {
		t.Fatal(out)
	}
	var consents struct {
		Items []struct {
			ID, State string
			OwnClient string `json:"own_client"`
		}
	}
	noor := s.Cast.People["noor"]
	s.good(noor.Get(s.ctx, "issuance", "/v1/consents?mine=true&limit=200", &consents))
	last := consents.Items[len(consents.Items)-1]
	if last.OwnClient != "chancery-cli" || last.State != "active" {
		t.Fatalf("%+v", consents)
	}
	s.good(noor.Post(s.ctx, "issuance", "/v1/consents/"+last.ID+"/revoke", nil, nil))
	s.eventually("the command line is signed out", func() bool { _, err := run(s.ctx, io.Discard, "whoami"); return err != nil })

	out := signIn(shownAddress, func(address string) error {
		to, err := b.allow(address)
		if err != nil {
			return err
		}
		response, err := http.Get(to)
		if err == nil {
			response.Body.Close()
		}
		return err
	}, "--browser")
	if !strings.Contains(out, "noor@northwind.example") {
		t.Fatal(out)
	}
	must[string](s)(run(s.ctx, io.Discard, "logout"))
	if _, err := run(s.ctx, io.Discard, "whoami"); err == nil {
		t.Fatal("signed out and still somebody")
	}
	// What ends a person's sessions ends their command line.
	b = s.browser("ruth@fabrikam.example")
	if out := signIn(shownCode, b.device); !strings.Contains(out, "ruth@fabrikam.example") {
		t.Fatal(out)
	}
	s.good(s.Cast.People["ines"].Post(s.ctx, "identity", "/v1/people/"+s.Cast.IDs["ruth"]+"/end-sessions", map[string]any{"reason": "a test"}, nil))
	for end := time.Now().Add(patience); ; {
		if _, err := run(s.ctx, io.Discard, "whoami"); err != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a command line outlives the person's sessions")
		}
	}
	s.Cast.People["ruth"] = must[*suitetest.Person](s)(s.SignIn(s.ctx, "ruth@fabrikam.example"))
}
