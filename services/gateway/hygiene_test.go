package gateway_test

import (
	"strings"
	"sync/atomic"
	"testing"
)

// hygiene sends what could be read in two ways, as it stands. None of it steers the decision: what the answer is may differ
// with the gateway, but only the calls that are good reach the API.
func hygiene(t *testing.T, gatewayName, at, key string, reached *atomic.Int64) {
	const x = "Host: x\r\nConnection: close\r\n"
	bearer := "Authorization: Bearer " + key + "\r\n"
	good := "GET /ledger/v1/accounts HTTP/1.1\r\n" + x
	line := func(target string) string { return "GET " + target + " HTTP/1.1\r\n" + x + bearer + "\r\n" }
	for name, c := range map[string]struct{ request, nginx, caddy string }{
		"good":                           {good + bearer + "\r\n", "200", "200"},
		"an absolute target":             {line("http://x/ledger/v1/accounts"), "200", "200"},
		"a scheme in capitals":           {good + "Authorization: BEARER " + key + "\r\n\r\n", "200", "200"},
		"nothing":                        {good + "\r\n", "401", "401"},
		"two Authorization headers":      {good + bearer + bearer + "\r\n", "400", "401"},
		"both headers":                   {good + bearer + "X-API-Key: " + key + "\r\n\r\n", "401", "401"},
		"two keys":                       {good + "X-API-Key: " + key + "\r\nX-API-Key: " + key + "\r\n\r\n", "401", "401"},
		"a key in the query":             {"GET /ledger/v1/accounts?api_key=" + key + "&access_token=" + key + " HTTP/1.1\r\n" + x + "\r\n", "401", "401"},
		"a header with an underscore":    {good + "X_API_Key: " + key + "\r\n\r\n", "401", "401"},
		"a token of 16 KB":               {good + "Authorization: Bearer " + strings.Repeat("a", 16<<10) + "\r\n\r\n", "400", "401"},
		"an encoded slash":               {line("/ledger/v1%2faccounts"), "403", "403"},
		"dots":                           {line("/ledger/v1/x/../accounts"), "403", "403"},
		"encoded dots":                   {line("/ledger/v1/x/%2e%2e/accounts"), "403", "403"},
		"dots encoded twice":             {line("/ledger/v1/x/%252e%252e/accounts"), "403", "403"},
		"two slashes":                    {line("/ledger/v1//accounts"), "403", "403"},
		"two slashes in front":           {line("//ledger/v1/accounts"), "403", "403"},
		"a backslash":                    {line(`/ledger\v1\accounts`), "403", "403"},
		"a path parameter":               {line("/ledger/v1/accounts;x=/payments"), "403", "403"},
		"another letter case":            {line("/ledger/v1/ACCOUNTS"), "403", "403"},
		"unicode":                        {line("/ledger/v1/аccounts"), "403", "403"},
		"an encoded zero":                {line("/ledger/v1/accounts%00"), "400", "403"},
		"a zero":                         {line("/ledger/v1/accounts\x00"), "400", "400"},
		"a zero in a header":             {good + "Authorization: Bearer " + key + "\x00\r\n\r\n", "400", "400"},
		"a method in a header":           {good + bearer + "X-HTTP-Method-Override: DELETE\r\n\r\n", "403", "403"},
		"a method in the query":          {line("/ledger/v1/accounts?_method=DELETE"), "403", "403"},
		"a method in small letters":      {"get /ledger/v1/accounts HTTP/1.1\r\n" + x + bearer + "\r\n", "400", "403"},
		"the gateway's own question":     {line("/_chancery"), "404", "403"},
		"nginx's question's headers":     {"POST /ledger/v1/payments HTTP/1.1\r\n" + x + bearer + "X-Original-Method: GET\r\nX-Original-URI: /ledger/v1/accounts\r\nContent-Length: 0\r\n\r\n", "403", "403"},
		"Caddy's question's headers":     {"POST /ledger/v1/payments HTTP/1.1\r\n" + x + bearer + "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /ledger/v1/accounts\r\nContent-Length: 0\r\n\r\n", "403", "403"},
		"a path in a header":             {"POST /ledger/v1/payments HTTP/1.1\r\n" + x + bearer + "X-Rewrite-URL: /ledger/v1/accounts\r\nX-Original-URL: /ledger/v1/accounts\r\nContent-Length: 0\r\n\r\n", "403", "403"},
		"the headers named hop by hop":   {"GET /ledger/v1/accounts HTTP/1.1\r\nHost: x\r\nConnection: close, X-Original-URI, X-Forwarded-Uri, X-Forwarded-Method, Chancery-Context\r\n" + bearer + "\r\n", "200", "200"},
		"Authorization named hop by hop": {"GET /ledger/v1/accounts HTTP/1.1\r\nHost: x\r\nConnection: close, Authorization\r\n" + bearer + "\r\n", "200", "401"},
		"two lengths":                    {"POST /ledger/v1/accounts HTTP/1.1\r\n" + x + bearer + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400", "400"},
		"a length and chunks":            {"POST /ledger/v1/payments HTTP/1.1\r\n" + x + bearer + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", "403"},
	} {
		want := c.nginx
		if gatewayName == "caddy" {
			want = c.caddy
		}
		before := reached.Load()
		if got := raw(t, at, c.request); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if passed := reached.Load() > before; passed != (want == "200") {
			t.Errorf("%s: reached the API: %v", name, passed)
		}
	}
}
