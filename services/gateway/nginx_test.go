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
	"syscall"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/secret"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// startNginx runs a real nginx with the shipped configuration before upstream, and gives its address.
func startNginx(t testing.TB, authorizer, upstream string) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Fatal("nginx is needed: make setup installs it")
		}
	}
	text, err := os.ReadFile("../../deploy/gateways/nginx/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	_ = free.Close()
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("AUTHORIZER;", strings.TrimPrefix(authorizer, "http://")+";", "UPSTREAM;", strings.TrimPrefix(upstream, "http://")+";", "LISTEN;", listen+";").Replace(string(text))
	path := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "-p", folder, "-c", path, "-e", "stderr", "-g", "daemon off;")
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		connection, err := net.Dial("tcp", listen)
		if err == nil {
			_ = connection.Close()
			return "http://" + listen
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not listen: %v", err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// raw sends a request as it stands, and gives the first line of the answer.
func raw(t testing.TB, url, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprint(c, request); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(line, " ")
	return strings.TrimSpace(rest[:3])
}

// X4, E7
func TestNginxAsksBeforeEveryCall(t *testing.T) {
	r := start(t)
	id, key := r.Issue("api_key", "accounts:read")
	r.applied(t)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Seen-Target", q.RequestURI)
		w.Header().Set("Seen-Context", strings.Join(q.Header.Values("Chancery-Context"), " | "))
		w.Header().Set("Seen-Secret", q.Header.Get("Authorization")+q.Header.Get("X-Api-Key"))
		_, _ = w.Write([]byte("accounts"))
	}))
	t.Cleanup(upstream.Close)
	at := startNginx(t, r.at.URL, upstream.URL)
	bearer := []string{"Authorization", "Bearer " + key}

	good := get(t, at+"/ledger/v1/accounts?limit=2", append(bearer, "Chancery-Context", "forged")...)
	if good.status != 200 || good.body != "accounts" || good.header.Get("Seen-Target") != "/ledger/v1/accounts?limit=2" || good.header.Get("Seen-Secret") != "" ||
		r.told(t, http.Header{"Chancery-Context": {good.header.Get("Seen-Context")}}).Client != id {
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
	for name, c := range map[string]struct{ request, want string }{
		"good":                       {"GET /ledger/v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nConnection: close\r\n\r\n", "200"},
		"nothing":                    {"GET /ledger/v1/accounts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "401"},
		"two Authorization headers":  {"GET /ledger/v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nAuthorization: Bearer " + key + "\r\nConnection: close\r\n\r\n", "400"},
		"both headers":               {"GET /ledger/v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nX-API-Key: " + key + "\r\nConnection: close\r\n\r\n", "401"},
		"a key in the query":         {"GET /ledger/v1/accounts?api_key=" + key + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "401"},
		"an encoded slash":           {"GET /ledger/v1%2faccounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nConnection: close\r\n\r\n", "403"},
		"dots":                       {"GET /ledger/v1/x/../accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nConnection: close\r\n\r\n", "403"},
		"encoded dots":               {"GET /ledger/v1/x/%2e%2e/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nConnection: close\r\n\r\n", "403"},
		"two slashes":                {"GET /ledger/v1//accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nConnection: close\r\n\r\n", "403"},
		"a method in a header":       {"GET /ledger/v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nX-HTTP-Method-Override: DELETE\r\nConnection: close\r\n\r\n", "403"},
		"the gateway's own question": {"GET /_chancery HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nConnection: close\r\n\r\n", "404"},
		"the question's headers":     {"POST /ledger/v1/payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nX-Original-Method: GET\r\nX-Original-URI: /ledger/v1/accounts\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "403"},
		"an absolute target":         {"GET http://x/ledger/v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nConnection: close\r\n\r\n", "200"},
	} {
		if got := raw(t, at, c.request); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
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
