package doors_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/upstream"
)

// FuzzAuthorization: whatever stands in the headers where credentials do, only what was issued passes.
func FuzzAuthorization(f *testing.F) {
	w := newWorld(f)
	d := w.door(f, "nginx")
	handler := d.doors.Handler()
	good := map[string]bool{}
	for _, p := range w.good {
		f.Add("Bearer "+p.text, "", "", "")
		f.Add("DPoP "+p.text, "", "x.y.z", "")
		f.Add("", p.text, "", escapedPEM(p.certificate))
		good[p.text] = true
	}
	f.Fuzz(func(t *testing.T, authorization, key, proof, certificate string) {
		r := httptest.NewRequest("GET", "/nginx/sandbox", nil)
		for name, value := range map[string]string{"Authorization": authorization, "X-Api-Key": key, "Dpop": proof, "X-Original-Client-Cert": certificate} {
			if value != "" {
				r.Header[name] = []string{value}
			}
		}
		r.Header["X-Original-Method"], r.Header["X-Original-Uri"] = []string{"GET"}, []string{"/ledger/v1/accounts"}
		r.Header["X-Original-Scheme"], r.Header["X-Original-Host"] = []string{"https"}, []string{host}
		a := httptest.NewRecorder()
		handler.ServeHTTP(a, r)
		_, text, _ := strings.Cut(authorization, " ")
		if a.Code == 204 && !good[text] && !good[key] && certificate == "" {
			t.Fatalf("%q %q passed", authorization, key)
		}
		if (a.Code == 204) != (len(a.Header().Values(upstream.Header)) == 1) {
			t.Fatalf("%d with %v", a.Code, a.Header())
		}
	})
}

// FuzzCheck: no question of a gateway makes the door fail, and none without a credential passes.
func FuzzCheck(f *testing.F) {
	w := newWorld(f)
	d := w.door(f, "envoy")
	seed := func(q *authv3.CheckRequest) {
		raw, err := proto.Marshal(q)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	seed(&authv3.CheckRequest{})
	seed(&authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
		Method: "GET", Path: "/ledger/v1/accounts", Headers: map[string]string{"authorization": "Bearer " + w.good[0].text},
		HeaderMap: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "x-api-key", RawValue: []byte("chy_")}, nil}}}}}})
	f.Fuzz(func(t *testing.T, raw []byte) {
		q := new(authv3.CheckRequest)
		if proto.Unmarshal(raw, q) != nil {
			return
		}
		a, err := d.doors.Check(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if a.GetOkResponse() != nil && !strings.Contains(string(raw), w.good[0].text) {
			t.Fatalf("%v passed", q)
		}
		if (a.GetStatus().GetCode() == 0) != (a.GetOkResponse() != nil) {
			t.Fatalf("%v", a)
		}
	})
}

// FuzzEnvoyOverHTTP: whatever path stands behind the door's own, it is the call's and nothing else.
func FuzzEnvoyOverHTTP(f *testing.F) {
	w := newWorld(f)
	d := w.door(f, "envoy")
	handler := d.doors.Handler()
	for _, s := range []string{"/ledger/v1/accounts", "/../../nginx/sandbox", "//", "/%2e%2e/production/", "?x", ""} {
		f.Add("GET", s)
	}
	f.Fuzz(func(t *testing.T, method, target string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " /envoy/sandbox" + target + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + w.good[0].text + "\r\n\r\n")))
		if err != nil {
			return
		}
		a := httptest.NewRecorder()
		handler.ServeHTTP(a, r)
		path, _, _ := strings.Cut(r.RequestURI, "?")
		if a.Code == 200 && !strings.HasPrefix(path, "/envoy/sandbox/ledger/v1/") && !strings.Contains(path, "%") {
			t.Fatalf("%s %s passed", method, target)
		}
	})
}
