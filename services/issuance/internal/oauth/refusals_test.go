package oauth

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

func TestRefusalsAnybodyCausesAreCountedBeyondALimit(t *testing.T) { // D4, X6, E3
	var mu sync.Mutex
	var seen []aggregate.Event
	now, down := time.Unix(1_800_000_000, 0), false
	s := &Server{Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler), Observe: func(_ context.Context, _ string, facts ...aggregate.Event) error {
		mu.Lock()
		defer mu.Unlock()
		if down {
			return errors.New("away")
		}
		seen = append(seen, facts...)
		return nil
	}}
	known := client{id: "019aa000-0000-7000-8000-000000000001", state: credential.State{Organization: "o1"}}
	stranger := func(i int) client { return client{id: fmt.Sprintf("019aa000-0000-7000-8000-%012d", i)} }
	ctx := context.Background()
	for i := range 1000 {
		s.rejected(ctx, stranger(i), "invalid_client")
	}
	for range 50 {
		s.rejected(ctx, known, "retired")
	}
	s.replayed(ctx, known, "dpop_proof")
	if len(seen) != singly {
		t.Fatalf("%d recorded singly", len(seen))
	}
	total := func() (all map[string]uint64) {
		all = map[string]uint64{}
		for _, fact := range seen {
			switch f := fact.(type) {
			case *activityv1.TokenRejected:
				all[f.Reason] += f.Count
			case *activityv1.ReplayDetected:
				all[f.Kind] += f.Count
			}
		}
		return all
	}
	down = true
	s.flush(ctx)
	down = false
	s.flush(ctx)
	s.flush(ctx)
	if n := total(); n["invalid_client"] != 1000 || n["retired"] != 50 || n["dpop_proof"] != 1 || len(seen) != singly+3+1 { // the alarm beside the retired
		t.Fatalf("%d recorded: %v", len(seen), n)
	}
	for _, fact := range seen[singly:] {
		if f, ok := fact.(*activityv1.TokenRejected); ok && (f.Reason == "retired") != (f.ClientId == known.id) {
			t.Fatalf("counted %v", f)
		}
	}
	now = now.Add(window)
	s.rejected(ctx, known, "retired")
	if len(seen) != singly+3+1+2 {
		t.Fatal("the next window did not begin anew")
	}
}

func TestWhatIsUsedOnceIsRememberedAsLongAsItCouldComeAgain(t *testing.T) { // X6
	var o once
	now := time.Unix(1_800_000_000, 0)
	const life = time.Minute
	for _, step := range []struct {
		after time.Duration
		name  string
		want  error
	}{{0, "a", nil}, {0, "a", errUsed}, {59 * time.Second, "b", nil}, {0, "a", errUsed}, {2 * time.Second, "b", errUsed}, {57 * time.Second, "b", errUsed}, {3 * time.Minute, "a", nil}} {
		now = now.Add(step.after)
		if err := o.use(step.name, now, life); !errors.Is(err, step.want) {
			t.Fatalf("%s after %s: %v, want %v", step.name, step.after, err, step.want)
		}
	}
	for i := range kept {
		if err := o.use(fmt.Sprint(i), now, life); errors.Is(err, errFull) {
			return
		}
	}
	if err := o.use("one more", now, life); !errors.Is(err, errFull) {
		t.Fatalf("more than is kept: %v", err)
	}
}

func FuzzPresentation(f *testing.F) {
	f.Add("Basic YTpi", "client_id=a&client_secret=b")
	f.Add("Bearer x", "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=e30.e30.AA")
	f.Add("", "client_id=%zz&grant_type=a&grant_type=b")
	f.Fuzz(func(t *testing.T, authorization, body string) {
		r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		parameters, err := form(httptest.NewRecorder(), r)
		if err != nil {
			return
		}
		p, err := presentation(r, parameters)
		if err == nil && p.method != "" && authorization != "" && (parameters.Has("client_secret") || parameters.Has("client_assertion")) {
			t.Fatalf("two ways passed as %q", p.method)
		}
	})
}

func FuzzCertificate(f *testing.F) {
	f.Add(":AAAA:")
	f.Add("::")
	f.Add(":" + base64.StdEncoding.EncodeToString([]byte("0\x82")) + ":")
	f.Fuzz(func(t *testing.T, value string) {
		var c *x509.Certificate
		if c = parseCertificate(value); c != nil && len(thumbprint(c)) != 43 {
			t.Fatal("a certificate without a thumbprint")
		}
	})
}
