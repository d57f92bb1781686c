package outbound

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestNothingInsideIsCalled(t *testing.T) { // E2
	for _, address := range []string{
		"127.0.0.1:80", "127.8.8.8:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "10.0.0.1:443", "172.16.3.4:443", "192.168.1.1:443", "169.254.169.254:80",
		"[fe80::1]:80", "[fd00::1]:80", "100.64.0.1:80", "0.0.0.0:80", "[::]:80", "224.0.0.1:80", "255.255.255.255:80", "198.18.0.1:80", "192.0.0.1:80",
		"[64:ff9b::7f00:1]:80", "[2002:7f00:1::]:80", "[2001::1]:80", "[::ffff:10.0.0.1]:80", "240.0.0.1:80",
	} {
		if err := Public(address, false); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"93.184.216.34:443", "[2606:2800:220:1::1]:443"} {
		if err := Public(address, false); err != nil {
			t.Error(err)
		}
	}
	if Public("127.0.0.1:80", true) != nil || Public("10.0.0.1:80", true) == nil {
		t.Error("loopback opens what it must not, or not what it must")
	}
}

func TestAnAddressIsJudgedWhenItIsDialled(t *testing.T) { // E2
	hits := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		http.Redirect(w, r, "/again", http.StatusFound)
	}))
	defer s.Close()
	if _, err := Client(false, time.Second*10).Get(s.URL); !errors.Is(err, ErrAddress) || hits != 0 {
		t.Fatalf("%v after %d calls", err, hits)
	}
	response, err := Client(true, time.Second*10).Get(s.URL)
	if err != nil || response.StatusCode != http.StatusFound || hits != 1 {
		t.Fatalf("a redirect was followed: %v %d", err, hits)
	}
}
