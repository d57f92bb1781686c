package imports_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/services/chancery/internal/imports"
)

var (
	now      = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	defaults = imports.Defaults{Environment: "sandbox", Owner: "noor@northwind.example", Backup: "sam@northwind.example", Purpose: "what it did before",
		Product: "ledger", Scopes: []string{"accounts:read"}, ExpiresAt: now.Add(240 * time.Hour), Now: now}
)

func TestFilesAreReadAsTheirSystemsWriteThem(t *testing.T) { // X10, B2
	for source, c := range map[string]struct {
		body                      string
		applications, keys, wrong []string
	}{
		"csv": {body: `application,purpose,environment,owner,backup_owner,product,scopes,kind,name,secret,expires_at
Ledger Sync,Nightly books,sandbox,noor@northwind.example,sam@northwind.example,ledger,accounts:read entries:read,api_key,nightly,aaaaaaaaaaaaaaaaaaaaaaaa1,2026-12-24
Ledger Sync,,,,,,,,daily,bbbbbbbbbbbbbbbbbbbbbbbb2,
Lonely,p,sandbox,noor@northwind.example,noor@northwind.example,,,,k,cccccccccccccccccccccccc3,
Twice,p,,,,,,,k,dddddddd,
Thrice,p,,,,,,,k,dddddddd,
Short,p
Old,p,,,,,,,k,eeeeeeeeeeee,2020-01-01
Odd,p,,,,,,password,k,ffffffffffff,
`, applications: []string{"2 Ledger Sync", "5 Twice", "6 Thrice", "8 Old", "9 Odd"}, keys: []string{"2 Ledger Sync/nightly api_key", "3 Ledger Sync/daily api_key"},
			wrong: []string{"4 the two owners are one person", "4 Lonely/k: its application", "5 Twice/k: its secret is shared", "6 Thrice/k: its secret is shared", "7 2 fields where", "8 Old/k: it has expired", "9 Odd/k: the kind"}},
		"kong": {body: `_format_version: "3.0"
consumers:
  - username: reporting
    acls: [{group: ledger}]
    keyauth_credentials:
      - key: kkkkkkkkkkkkkkkkkkkkkkkk1
      - id: second
        key: kkkkkkkkkkkkkkkkkkkkkkkk2
    oauth2_credentials:
      - name: app
        client_id: reporting-app
        client_secret: oooooooooooooooooooo
    jwt_secrets:
      - key: iss
        secret: x
`, applications: []string{"3 reporting"}, keys: []string{"6 reporting/key-1 api_key", "7 reporting/second api_key", "10 reporting/reporting-app client_secret"}, wrong: []string{"14 reporting: a JWT secret"}},
		"keycloak": {body: `{"realm":"partners",
"clients":[
 {"clientId":"batch","secret":"ssssssssssssssssssssssss","serviceAccountsEnabled":true,"clientAuthenticatorType":"client-secret"},
 {"clientId":"spa","publicClient":true},
 {"clientId":"masked","secret":"**********","serviceAccountsEnabled":true},
 {"clientId":"web","secret":"x","serviceAccountsEnabled":false}
]}`, applications: []string{"3 batch"}, keys: []string{"3 batch client_secret"}, wrong: []string{"4 spa: it has no secret", "5 masked: the export masks", "6 web: it does not act"}},
	} {
		t.Run(source, func(t *testing.T) {
			p, err := imports.Read(source, []byte(c.body), defaults)
			if err != nil {
				t.Fatal(err)
			}
			var applications, keys []string
			for _, a := range p.Applications {
				applications = append(applications, fmt.Sprintf("%d %s", a.Line, a.Name))
			}
			for _, k := range p.Keys {
				keys = append(keys, fmt.Sprintf("%d %s %s", k.Line, k.SourceID, k.Kind))
			}
			if got, want := strings.Join(applications, "\n"), strings.Join(c.applications, "\n"); got != want {
				t.Errorf("applications\n%s\nwant\n%s", got, want)
			}
			if got, want := strings.Join(keys, "\n"), strings.Join(c.keys, "\n"); got != want {
				t.Errorf("keys\n%s\nwant\n%s", got, want)
			}
			if len(p.Problems) != len(c.wrong) {
				t.Fatalf("problems %v", p.Problems)
			}
			for i, w := range p.Problems {
				if got := fmt.Sprintf("%d %s", w.Line, w.What); !strings.HasPrefix(got, c.wrong[i]) {
					t.Errorf("problem %q, want %q", got, c.wrong[i])
				}
			}
			if strings.Contains(fmt.Sprintf("%+v", p), "kkkkkkkkkk") {
				t.Error("a plan prints its secrets")
			}
			endless := defaults
			endless.ExpiresAt = time.Time{}
			if p, err = imports.Read(source, []byte(c.body), endless); err != nil || len(p.Keys) > 1 {
				t.Errorf("without an expiry %d keys are taken over, %v", len(p.Keys), err)
			}
		})
	}
	for source, body := range map[string]string{"csv": "", "kong": "a: b", "keycloak": "[]", "excel": "x"} {
		if _, err := imports.Read(source, []byte(body), defaults); !errors.Is(err, imports.ErrFormat) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("csv", []byte("application,secret,name\nA,s,n\n\"B"))
	f.Add("kong", []byte("_format_version: '3.0'\nconsumers: [{username: a, keyauth_credentials: [{key: k}]}]"))
	f.Add("keycloak", []byte(`{"realm":"r","clients":[{"clientId":"a","secret":"s","serviceAccountsEnabled":true}]}`))
	f.Fuzz(func(t *testing.T, source string, body []byte) {
		p, err := imports.Read(source, body, defaults)
		if err != nil {
			return
		}
		for _, k := range p.Keys {
			if k.Line < 1 || k.ExpiresAt.IsZero() || k.Secret.IsZero() || k.Product == "" {
				t.Fatalf("an unsound key %+v", k)
			}
		}
	})
}
