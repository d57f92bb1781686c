package doors_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/doors"
	"github.com/chancery-dev/chancery/services/gateway/internal/record"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
	"github.com/chancery-dev/chancery/services/gateway/internal/worldtest"
)

func TestANetworkNamesNobody(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.77": "203.0.113.0/24", "203.0.113.77:4711": "203.0.113.0/24", "::ffff:203.0.113.77": "203.0.113.0/24",
		"2001:db8:1:2:3::4": "2001:db8:1::/48", "[2001:db8:1:2::4]:80": "2001:db8:1::/48", "fe80::1%eth0": "fe80::/48", "unix:": "", "": "", "x": "",
	} {
		if got := doors.Network(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

// nowhere takes an answer and keeps nothing but its status.
type nowhere struct {
	header http.Header
	status int
}

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(status int)      { n.status = status }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }

func BenchmarkADoor(b *testing.B) {
	memory := worldtest.NewMemory(b)
	fingerprints := secret.NewFingerprints(make([]byte, 32))
	w := worldtest.Make(memory.Append, fingerprints, time.Now())
	_, key := w.Issue("api_key", "accounts:read")
	book := &record.Book{Authorizer: "a", Now: time.Now}
	door := doors.New(doors.Options{Authorizer: &verdict.Authorizer{Fold: memory.Fold, Fingerprints: fingerprints, Now: time.Now}, Environment: "sandbox",
		Count: book.Count, Decision: decision.NewSeal("a", fingerprints).ID, Sign: signer(b)}).Handler()
	r, err := http.NewRequest("GET", "http://gateway/verify", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("X-Original-Method", "GET")
	r.Header.Set("X-Original-URI", "/ledger/v1/accounts?limit=50")
	b.ReportAllocs()
	for b.Loop() {
		n := nowhere{header: http.Header{}}
		if door.ServeHTTP(&n, r); n.status != http.StatusNoContent {
			b.Fatal(n.status)
		}
	}
}
