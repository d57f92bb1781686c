package gateway_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/secret"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// gatewayProgram starts a real gateway with the shipped configuration, changed as told, before upstream, and gives its
// address.
type gatewayProgram func(t testing.TB, authorizer, upstream string, change ...string) string

// listening finds a free address, starts a gateway there, and waits until it answers.
func listening(t testing.TB, program string, command func(path, listen string) *exec.Cmd) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + program); err != nil {
			t.Fatalf("%s is needed: make setup installs it", program)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	_ = free.Close()
	c := command(path, listen)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; {
		connection, err := net.Dial("tcp", listen)
		if err == nil {
			_ = connection.Close()
			return listen
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", program, err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func shipped(t testing.TB, path string, change []string) string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/gateways/" + path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(change); i += 2 {
		if !strings.Contains(string(text), change[i]) {
			t.Fatalf("%s has no %q", path, change[i])
		}
	}
	return strings.NewReplacer(change...).Replace(string(text))
}

func startNginx(t testing.TB, authorizer, upstream string, change ...string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	listen := listening(t, "nginx", func(program, listen string) *exec.Cmd {
		all := append([]string{"AUTHORIZER;", strings.TrimPrefix(authorizer, "http://") + ";", "UPSTREAM;", strings.TrimPrefix(upstream, "http://") + ";"}, change...)
		for i := range all {
			all[i] = strings.ReplaceAll(all[i], "{listen}", listen)
		}
		if len(change) == 0 {
			all = append(all, "LISTEN;", listen+";")
		}
		path := filepath.Join(folder, "nginx.conf")
		if err := os.WriteFile(path, []byte(shipped(t, "nginx/nginx.conf", all)), 0o644); err != nil {
			t.Fatal(err)
		}
		return exec.Command(program, "-p", folder, "-c", path, "-e", "stderr", "-g", "daemon off;")
	})
	return "http://" + listen
}

func startCaddy(t testing.TB, authorizer, upstream string, change ...string) string {
	t.Helper()
	folder := t.TempDir()
	listen := listening(t, "caddy", func(program, listen string) *exec.Cmd {
		path := filepath.Join(folder, "Caddyfile")
		if err := os.WriteFile(path, []byte(shipped(t, "caddy/Caddyfile", change)), 0o644); err != nil {
			t.Fatal(err)
		}
		c := exec.Command(program, "run", "--config", path, "--adapter", "caddyfile")
		site := listen[strings.LastIndexByte(listen, ':'):]
		if len(change) == 0 {
			site = "http://" + site
		}
		c.Env = append(os.Environ(), "LISTEN="+site, "AUTHORIZER="+strings.TrimPrefix(authorizer, "http://"), "UPSTREAM="+strings.TrimPrefix(upstream, "http://"),
			"XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder, "HOME="+folder)
		return c
	})
	return "http://" + listen
}

var programs = map[string]gatewayProgram{"nginx": startNginx, "caddy": startCaddy}

// raw sends a request as it stands, and gives the status of the answer.
func raw(t testing.TB, url, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprint(c, request); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatalf("%q: %v", request[:min(len(request), 60)], err)
	}
	_, rest, _ := strings.Cut(line, " ")
	return strings.TrimSpace(rest[:3])
}

// X4, E7, A14, B24: real gateways with the configurations as they are shipped.
func TestAGatewayAsksBeforeEveryCall(t *testing.T) {
	for name, startGateway := range programs {
		t.Run(name, func(t *testing.T) { asksBeforeEveryCall(t, name, startGateway) })
	}
}

func asksBeforeEveryCall(t *testing.T, gatewayName string, startGateway gatewayProgram) {
	r := start(t)
	id, key := r.Issue("api_key", "accounts:read")
	r.applied(t)
	var reached atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		reached.Add(1)
		w.Header().Set("Seen-Target", q.RequestURI)
		w.Header().Set("Seen-Context", strings.Join(q.Header.Values("Chancery-Context"), " | "))
		w.Header().Set("Seen-Decision", strings.Join(q.Header.Values("Chancery-Decision"), " | "))
		w.Header().Set("Seen-Secret", q.Header.Get("Authorization")+q.Header.Get("X-Api-Key")+q.Header.Get("Dpop")+q.Header.Get("Chancery-Problem"))
		_, _ = w.Write([]byte("accounts"))
	}))
	t.Cleanup(upstream.Close)
	at := startGateway(t, r.at.URL, upstream.URL)
	bearer := []string{"Authorization", "Bearer " + key}

	good := get(t, at+"/ledger/v1/accounts?limit=2", append(bearer, "Chancery-Context", "forged", "Chancery-Decision", "forged", "Chancery-Problem", "forged", "DPoP", "x")...)
	if good.status != 200 || good.body != "accounts" || good.header.Get("Seen-Target") != "/ledger/v1/accounts?limit=2" || good.header.Get("Seen-Secret") != "" ||
		r.told(t, http.Header{"Chancery-Context": {good.header.Get("Seen-Context")}}).Client != id || good.header.Get("Seen-Decision") == "" ||
		strings.Join(good.header.Values("Chancery-Decision"), "") != good.header.Get("Seen-Decision") {
		t.Errorf("%d %v %s", good.status, good.header, good.body)
	}
	if a := get(t, at+"/ledger/v1/accounts", "X-API-Key", key); a.status != 200 {
		t.Errorf("X-API-Key: %d %s", a.status, a.body)
	}
	missing := do(t, "POST", at+"/ledger/v1/payments", bearer...)
	if missing.status != 403 || !strings.Contains(missing.body, "needs payments:write") || missing.header.Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(missing.header.Get("WWW-Authenticate"), "insufficient_scope") {
		t.Errorf("%d %v %s", missing.status, missing.header, missing.body)
	}
	unknown := get(t, at+"/ledger/v1/accounts", "Authorization", "Bearer "+secret.NewKey(secret.Test).Reveal())
	if unknown.status != 401 || !strings.Contains(unknown.body, "credential_refused") || len(unknown.header.Values("WWW-Authenticate")) != 1 {
		t.Errorf("%d %v %s", unknown.status, unknown.header, unknown.body)
	}
	hygiene(t, gatewayName, at, key, &reached)

	sunset := time.Now().Add(90 * 24 * time.Hour)
	r.Append("registry", "version", r.Version, &registryv1.VersionDeprecated{SunsetAt: timestamppb.New(sunset)})
	r.applied(t)
	if a := get(t, at+"/ledger/v1/accounts", bearer...); a.status != 200 || a.header.Get("Sunset") != sunset.UTC().Format(http.TimeFormat) || !strings.HasPrefix(a.header.Get("Deprecation"), "@") ||
		a.header.Get("Seen-Context") == "" {
		t.Errorf("deprecated: %d %v", a.status, a.header)
	}
	r.Append("issuance", "credential", id, &issuancev1.CredentialRevoked{})
	r.applied(t)
	if a := get(t, at+"/ledger/v1/accounts", bearer...); a.status != 401 || a.body != unknown.body {
		t.Errorf("revoked: %d %s", a.status, a.body)
	}
	if err := r.at.Stop(); err != nil {
		t.Fatal(err)
	}
	if a := get(t, at+"/ledger/v1/accounts", bearer...); a.status != 503 || !strings.Contains(a.body, "authorizer_unavailable") {
		t.Errorf("no authorizer: %d %s", a.status, a.body)
	}
}
