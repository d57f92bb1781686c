package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/services/chancery/internal/imports"
	"github.com/chancery-dev/chancery/services/chancery/suitetest"
)

func TestAnImportAsksLikeAnybodyAndGoesOnWhereItWas(t *testing.T) { // X10, B2, D15, D1
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	w, err := suitetest.Start(ctx, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Suite.Stop(context.Background()) }()
	_, _, err = w.Cast.Publish(ctx, "ledger")
	if err != nil {
		t.Fatal(err)
	}
	noor := w.Cast.People["noor"]
	wait(t, nil, time.Minute, func() bool { // somebody else published it: her own session shows it when its view has come so far
		var catalogue struct {
			Items []struct{ Slug string } `json:"items"`
		}
		if err := noor.Get(ctx, "registry", "/v1/products", &catalogue); err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(catalogue.Items, func(p struct{ Slug string }) bool { return p.Slug == "ledger" })
	})
	const old = "q7Xv2mPz9LwKc4RtB8nYd3Hs"
	file := fmt.Sprintf(`application,purpose,environment,owner,backup_owner,product,scopes,kind,name,secret,expires_at
Legacy Books,Nightly books,sandbox,noor@northwind.example,sam@northwind.example,ledger,accounts:read,api_key,nightly,%s,%s
Legacy Books,,,,,ledger,accounts:read,api_key,weak,aaaaaaaaaaaaaaaaaaaaaaaa,%[2]s
Legacy Books,,,,,ledger,accounts:read,api_key,late,k3Vb8xQn5MzJt2WpR7cLf9Gd,%s
Nobody,p,sandbox,noor@northwind.example,eve@elsewhere.example,ledger,accounts:read,api_key,k,h5Nc2yTq8VxKb4LmZ7pWs3Rf,%[2]s
`, old, time.Now().Add(48*time.Hour).Format(time.DateOnly), time.Now().Add(300*24*time.Hour).Format(time.DateOnly))
	plan, err := imports.Read("csv", []byte(file), imports.Defaults{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	run := func(dry bool) map[string]imports.Step {
		steps, err := plan.Run(ctx, noor, dry)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]imports.Step{}
		for _, s := range steps {
			out[s.What] = s
			if strings.Contains(s.Detail, old) {
				t.Error("a step tells the secret")
			}
		}
		return out
	}
	// What an import could add to: others go on meanwhile.
	tail := func() (n int) {
		log := w.Suite.Services["issuance"].Deps.Log
		end, err := log.Tail(ctx)
		if err == nil {
			err = log.Follow(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
				for _, r := range batch {
					if strings.HasPrefix(r.Subject, "events.registry.application.") || strings.HasPrefix(r.Subject, "events.approval.request.") || strings.HasPrefix(r.Subject, "events.issuance.credential.") {
						n++
					}
					if r.Sequence >= end {
						return eventlog.ErrStop
					}
				}
				return nil
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := tail()
	dry := run(true)
	if tail() != before || dry["application Legacy Books"].Outcome != imports.Would || dry["secret Legacy Books/nightly"].Outcome != imports.Would || dry["application Nobody"].Outcome != imports.Refused {
		t.Fatalf("dry run: %v", dry)
	}
	first := run(false)
	if first["application Legacy Books"].Outcome != imports.Done || first["secret Legacy Books/nightly"].Outcome != imports.Waits || first["secret Nobody/k"].Outcome != imports.Refused {
		t.Fatalf("first run: %v", first)
	}
	if got := call(ctx, t, w.Suite.Gateway, old); got != http.StatusUnauthorized {
		t.Fatalf("before anybody approved: %d", got)
	}
	request := strings.Fields(first["secret Legacy Books/nightly"].Detail)[1]
	var asked struct {
		Digest string `json:"content_digest"`
	}
	if err := noor.Get(ctx, "approval", "/v1/requests/"+request, &asked); err != nil {
		t.Fatal(err)
	}
	if err := w.Cast.Review(ctx, "mara", "product_reviewer", request, asked.Digest); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Cast.Grant(ctx, "noor", first["application Legacy Books"].Detail, request); err != nil {
		t.Fatal(err)
	}
	var second map[string]imports.Step
	for second = run(false); second["secret Legacy Books/nightly"].Outcome != imports.Done; second = run(false) {
		if ctx.Err() != nil {
			t.Fatalf("second run: %v", second)
		}
	}
	for name, want := range map[string]string{"secret Legacy Books/weak": "weak", "secret Legacy Books/late": "later"} {
		if s := second[name]; s.Outcome != imports.Refused || !strings.Contains(s.Detail, want) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	for call(ctx, t, w.Suite.Gateway, old) != http.StatusNoContent {
		if ctx.Err() != nil {
			t.Fatal("the old key does not work")
		}
	}
	if got := call(ctx, t, w.Suite.Gateway, old+"x"); got != http.StatusUnauthorized {
		t.Errorf("another key: %d", got)
	}
	before = tail()
	if again := run(false); again["secret Legacy Books/nightly"] != second["secret Legacy Books/nightly"] || tail() != before {
		t.Errorf("another run changed something: %v", again)
	}
	// It is marked, replaced and never rotated; a leak of it revokes it.
	id := second["secret Legacy Books/nightly"].Detail
	if _, err := noor.Command(ctx, "issuance", "/v1/credentials/"+id+"/rotate", "r", map[string]any{"overlap_seconds": 0}, nil); err == nil || !strings.Contains(err.Error(), "imported") {
		t.Errorf("rotated: %v", err)
	}
	body, _ := json.Marshal([]map[string]string{{"RuleID": "generic", "Secret": old, "File": "a"}})
	var report struct{ ID string }
	if err := noor.Post(ctx, "issuance", "/v1/leaks/reports?format=gitleaks", suitetest.Document{Type: "application/json", Body: body}, &report); err != nil {
		t.Fatal(err)
	}
	for call(ctx, t, w.Suite.Gateway, old) != http.StatusUnauthorized {
		if ctx.Err() != nil {
			t.Fatal("a leaked imported key works")
		}
	}
}

// call asks the authorizer about one call with a key in X-API-Key.
func call(ctx context.Context, t *testing.T, gateway, key string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, gateway+"/nginx/sandbox", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", key)
	r.Header.Set("X-Original-Method", "GET")
	r.Header.Set("X-Original-Uri", "/ledger/v1/accounts")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}
