package servicetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/service"
)

// Reply is what a service answered.
type Reply struct {
	t      testing.TB
	Call   string
	Status int
	Header http.Header
	Body   []byte
}

// Into reads a good answer; any other fails the test.
func (r Reply) Into(into any) Reply {
	r.t.Helper()
	if r.Status >= 300 {
		r.t.Fatalf("%s: %d %s", r.Call, r.Status, r.Body)
	}
	if err := json.Unmarshal(r.Body, into); err != nil {
		r.t.Fatalf("%s: %v in %s", r.Call, err, r.Body)
	}
	return r
}

// ID is the id in a good answer.
func (r Reply) ID() string {
	r.t.Helper()
	var receipt struct{ ID string }
	r.Into(&receipt)
	return receipt.ID
}

// Code is the code of a problem; empty for a good answer.
func (r Reply) Code() string {
	var p struct{ Code string }
	_ = json.Unmarshal(r.Body, &p)
	return p.Code
}

// Wants fails the test unless the status and, where one is given, the code are these.
func (r Reply) Wants(status int, code string) Reply {
	r.t.Helper()
	if r.Status != status || code != "" && r.Code() != code {
		r.t.Fatalf("%s: %d %s, want %d %s", r.Call, r.Status, r.Body, status, code)
	}
	return r
}

// Talk is what callers and one service said to each other, which a golden file can hold. A reader waits for everything
// answered before.
type Talk struct {
	t     testing.TB
	suite *Suite
	at    *service.Running

	shown string
	text  strings.Builder
	names map[string]string
}

// Talk begins a talk with a service.
func (s *Suite) Talk(t testing.TB, at *service.Running) *Talk {
	return &Talk{t: t, suite: s, at: at, names: map[string]string{}}
}

// Name writes an id as a name in the transcript.
func (k *Talk) Name(id, name string) { k.names[id] = name }

// Aside writes a line of its own.
func (k *Talk) Aside(line string) { k.text.WriteString("# " + line + "\n\n") }

// Shown makes later reads wait for a position.
func (k *Talk) Shown(position uint64) { k.shown = fmt.Sprint(position) }

// Call sends one request: JSON of body unless it is bytes, which are sent as YAML. Further headers come in pairs.
func (k *Talk) Call(who *principal.Principal, method, path string, body any, headers ...string) Reply {
	k.t.Helper()
	var content []byte
	media := "application/json"
	switch b := body.(type) {
	case nil:
	case []byte:
		content, media = b, "application/yaml"
	default:
		var err error
		if content, err = json.Marshal(b); err != nil {
			k.t.Fatal(err)
		}
	}
	r, err := http.NewRequest(method, k.at.URL+path, bytes.NewReader(content))
	if err != nil {
		k.t.Fatal(err)
	}
	if len(content) > 0 {
		r.Header.Set("Content-Type", media)
	}
	if who != nil {
		r.Header.Set("Authorization", "Bearer "+k.suite.Token(k.at.Name, *who))
	}
	if k.shown != "" {
		r.Header.Set("Chancery-Position", k.shown)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	if at := response.Header.Get("Chancery-Position"); at != "" && response.StatusCode < 300 {
		k.shown = at
	}
	k.write(who, method, path, media, content, response.StatusCode, answer)
	return Reply{t: k.t, Call: method + " " + path, Status: response.StatusCode, Header: response.Header, Body: answer}
}

func (k *Talk) write(who *principal.Principal, method, path, media string, content []byte, status int, answer []byte) {
	caller := "nobody"
	if who != nil {
		caller = who.ID
	}
	fmt.Fprintf(&k.text, "%s: %s %s\n", caller, method, path)
	if len(content) > 0 && media == "application/json" {
		k.text.Write(append(content, '\n'))
	}
	fmt.Fprintf(&k.text, "-> %d\n", status)
	if len(answer) > 0 {
		var pretty bytes.Buffer
		if json.Indent(&pretty, answer, "", "  ") == nil {
			answer = bytes.TrimSpace(pretty.Bytes())
		}
		k.text.Write(append(answer, '\n'))
	}
	k.text.WriteString("\n")
}

var (
	digests   = regexp.MustCompile(`[0-9a-f]{64}`)
	ids       = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	times     = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	positions = regexp.MustCompile(`("(?:position|repeated)": )\d+`)
	requests  = regexp.MustCompile(`("request_id": )"[^"]*"`)
	cursors   = regexp.MustCompile(`("next": |after=)"?[A-Za-z0-9_-]{16,}"?`)
)

// Golden compares the transcript with testdata/<name>.golden, ids and digests named in the order of their appearance,
// times and positions left out. UPDATE_GOLDEN=1 writes it.
func (k *Talk) Golden(name string) {
	k.t.Helper()
	text := requests.ReplaceAllString(k.text.String(), `$1"…"`)
	digested := map[string]string{}
	text = digests.ReplaceAllStringFunc(text, func(digest string) string {
		if digested[digest] == "" {
			digested[digest] = fmt.Sprintf("<digest %d>", len(digested)+1)
		}
		return digested[digest]
	})
	seen := map[string]string{}
	text = ids.ReplaceAllStringFunc(text, func(id string) string {
		if known := k.names[id]; known != "" {
			return known
		}
		if seen[id] == "" {
			seen[id] = fmt.Sprintf("<id %d>", len(seen)+1)
		}
		return seen[id]
	})
	text = times.ReplaceAllString(text, "<time>")
	text = positions.ReplaceAllString(text, "${1}0")
	text = cursors.ReplaceAllString(text, "${1}<cursor>")
	path := filepath.Join("testdata", name+".golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			k.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			k.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		k.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		k.t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
