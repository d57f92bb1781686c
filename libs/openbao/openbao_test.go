package openbao_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/openbao"
)

func TestOnlyAPlainAddressIsSpokenTo(t *testing.T) { // B7
	for url, good := range map[string]bool{
		"https://bao.example": true, "https://bao.example:8200": true, "http://127.0.0.1:8200": true, "http://[::1]:8200": true,
		"http://bao.example": false, "http://localhost:8200": false, "https://user:pw@bao.example": false, "https://bao.example?x=1": false,
		"ftp://bao.example": false, "bao.example": false, "": false,
	} {
		if _, err := openbao.New(openbao.Options{URL: url, TokenFile: "token"}); (err == nil) != good {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, o := range []openbao.Options{{}, {TokenFile: "t", RoleID: "r", SecretIDFile: "s"}, {RoleID: "r"}, {SecretIDFile: "s"}} {
		if o.URL = "https://bao.example"; true {
			if _, err := openbao.New(o); err == nil {
				t.Errorf("entered by %+v", o)
			}
		}
	}
}

func TestATokenOthersMayReadIsNotUsed(t *testing.T) { // D11
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("s.x"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := openbao.New(openbao.Options{URL: "https://127.0.0.1:1", TokenFile: token})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Call(t.Context(), "GET", "secret/data/x", nil, nil); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Fatalf("%v", err)
	}
}

func TestAServerThatIsSilentIsNotWaitedForTwice(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("s.x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := openbao.New(openbao.Options{URL: "http://" + silent.Addr().String(), TokenFile: token, Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := c.Call(context.Background(), "GET", "secret/data/x", nil, nil); err == nil {
			t.Fatal("an answer from nobody")
		}
	}
	if err := c.Call(context.Background(), "GET", "secret/data/x", nil, nil); err == nil || !strings.Contains(err.Error(), "circuit breaker is open") {
		t.Fatalf("asked again at once: %v", err)
	}
	if err := c.Call(context.Background(), "GET", "secret/data/../sys", nil, nil); err == nil || !strings.Contains(err.Error(), "no path") {
		t.Fatalf("left the path: %v", err)
	}
}
