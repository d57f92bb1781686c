package doors_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/dpop"
	"github.com/chancery-dev/chancery/libs/upstream"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/doors"
	"github.com/chancery-dev/chancery/services/gateway/internal/record"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// outcome is all that may be seen of an answer, and what is recorded of it.
type outcome struct {
	status                               int
	body, authenticate, told             string
	reason, scope, operation, credential string
	network                              string
}

// doorUnderTest is one door of an authorizer of its own beside the same facts.
type doorUnderTest struct {
	name     string
	doors    *doors.Doors
	proofs   *dpop.Verifier
	book     *record.Book
	observed *[]proto.Message
	last     outcome
	send     func(t testing.TB, c call, header http.Header) outcome
}

func (d *doorUnderTest) ask(t testing.TB, c call) outcome {
	t.Helper()
	d.last = outcome{}
	h := c.header.Clone()
	if c.prove != nil {
		for _, p := range c.prove(d.proofs.Nonce()) {
			h.Add("DPoP", p)
		}
	}
	out := d.send(t, c, h)
	out.reason, out.scope, out.operation, out.credential, out.network = d.last.reason, d.last.scope, d.last.operation, d.last.credential, d.last.network
	return out
}

func (w *world) door(t testing.TB, name string) *doorUnderTest {
	d := &doorUnderTest{name: name, proofs: dpop.New(w.clock), observed: new([]proto.Message)}
	var mu sync.Mutex
	d.book = &record.Book{Authorizer: "a", Now: w.clock, Observe: func(_ context.Context, _ string, facts ...proto.Message) error {
		mu.Lock()
		defer mu.Unlock()
		*d.observed = append(*d.observed, facts...)
		return nil
	}}
	d.doors = doors.New(doors.Options{
		Authorizer:  &verdict.Authorizer{Fold: w.memory.Fold, Fingerprints: w.Fingerprints, Issuer: issuer, Now: w.clock, Proofs: d.proofs},
		Environment: "sandbox", Decision: decision.NewSeal("a", w.Fingerprints).ID, Sign: w.sign, Metadata: "https://portal.example/.well-known/oauth-protected-resource",
		Count: func(v *verdict.Verdict, network string) {
			d.last = outcome{reason: string(v.Reason), scope: v.Scope, credential: v.Credential.ID(), network: network}
			if v.Operation != nil {
				d.last.operation = v.Operation.ID
			}
			d.book.Count(v, network)
		},
	})
	return d
}

// wire speaks HTTP on one connection, with requests as they stand.
type wire struct {
	c net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, h http.Handler) *wire {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &wire{c, bufio.NewReaderSize(c, 64<<10)}
}

func written(method, target, host string, header http.Header) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, host)
	for name, values := range header {
		for _, v := range values {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	return b.String() + "\r\n"
}

func (w *wire) ask(t testing.TB, method, target, host string, header http.Header) outcome {
	t.Helper()
	if _, err := io.WriteString(w.c, written(method, target, host, header)); err != nil {
		t.Fatal(err)
	}
	a, err := http.ReadResponse(w.r, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return seen(t, a.StatusCode, string(body), a.Header)
}

// seen makes one of the ways in which doors say yes.
func seen(t testing.TB, status int, body string, h http.Header) outcome {
	t.Helper()
	out := outcome{status: status, body: body, authenticate: h.Get("Www-Authenticate")}
	if status == 200 || status == 204 {
		out.status, out.told = 200, told(t, h.Get(upstream.Header))
	} else if line := h.Get(doors.Problem); out.body == "" {
		out.body = line + "\n" // the answer to HEAD
	}
	if h.Get(decision.Header) == "" {
		t.Errorf("an answer without the id of its decision: %v", h)
	}
	return out
}

// told is what the upstream is told, but for when and of which decision.
func told(t testing.TB, signed string) string {
	t.Helper()
	parts := strings.Split(signed, ".")
	if len(parts) != 3 {
		t.Fatalf("the upstream is told %q", signed)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c upstream.Context
	if err != nil || json.Unmarshal(raw, &c) != nil {
		t.Fatalf("the upstream is told %q", raw)
	}
	c.Decision, c.IssuedAt, c.Expires = "", 0, 0
	out, _ := json.Marshal(c)
	return string(out)
}

// forwarded is what a gateway sends to a door of forward authentication: the client's headers, with its own in the place of
// those it sets.
func forwarded(c call, h http.Header, own map[string]string) http.Header {
	h = h.Clone()
	for name, value := range own {
		h.Del(name)
		if value != "" {
			h[http.CanonicalHeaderKey(name)] = []string{value}
		}
	}
	return h
}

func original(c call) map[string]string {
	return map[string]string{"X-Original-Method": c.method, "X-Original-URI": c.target, "X-Original-Scheme": "https", "X-Original-Host": c.host,
		"X-Original-Address": c.address, "X-Original-Client-Cert": escapedPEM(c.certificate)}
}

func escapedPEM(der []byte) string {
	if der == nil {
		return ""
	}
	return url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func xForwarded(c call) map[string]string {
	return map[string]string{"X-Forwarded-Method": c.method, "X-Forwarded-Uri": c.target, "X-Forwarded-Proto": "https", "X-Forwarded-Host": c.host, "X-Forwarded-For": c.address}
}

func (w *world) everyDoor(t testing.TB) []*doorUnderTest {
	forward := func(name string, own func(c call) map[string]string) *doorUnderTest {
		d := w.door(t, name)
		connection := dial(t, d.doors.Handler())
		d.send = func(t testing.TB, c call, h http.Header) outcome {
			return connection.ask(t, "GET", "/"+name+"/"+c.environment, "authorizer", forwarded(c, h, own(c)))
		}
		return d
	}
	with := func(own func(call) map[string]string, name string, form func(der []byte) string) func(call) map[string]string {
		return func(c call) map[string]string {
			out := own(c)
			if out[name] = ""; c.certificate != nil {
				out[name] = form(c.certificate)
			}
			return out
		}
	}
	return []*doorUnderTest{
		forward("nginx", original),
		forward("kong", original),
		forward("caddy", with(xForwarded, "X-Caddy-Client-Cert", base64.StdEncoding.EncodeToString)),
		forward("traefik", with(xForwarded, "X-Forwarded-Tls-Client-Cert", func(der []byte) string { return url.QueryEscape(base64.StdEncoding.EncodeToString(der)) })),
		w.envoyHTTP(t), w.envoyGRPC(t), w.library(t),
	}
}

// envoyHTTP sends what ext_authz over HTTP sends with the shipped configuration: method, path and host of the call, and of
// its headers those that are named there.
func (w *world) envoyHTTP(t testing.TB) *doorUnderTest {
	d := w.door(t, "envoy")
	connection := dial(t, d.doors.Handler())
	d.send = func(t testing.TB, c call, h http.Header) outcome {
		passed := http.Header{}
		for _, name := range []string{"Authorization", "X-Api-Key", "Dpop", "X-Http-Method-Override", "X-Http-Method", "X-Method-Override"} {
			if values := h[name]; values != nil {
				passed[name] = []string{strings.Join(values, ",")}
			}
		}
		passed["X-Forwarded-For"], passed["X-Forwarded-Proto"] = []string{"198.51.100.1, " + c.address}, []string{"https"}
		if c.certificate != nil {
			passed["X-Forwarded-Client-Cert"] = []string{"By=spiffe://gateway;Hash=" + hexSum(c.certificate) + `;Subject="CN=\"x\""`}
		}
		return connection.ask(t, c.method, "/envoy/"+c.environment+c.target, c.host, passed)
	}
	return d
}

func hexSum(der []byte) string {
	sum := sumOf(der)
	return hex.EncodeToString(sum[:])
}

// envoyGRPC asks with the types of Envoy's own control plane, over a connection.
func (w *world) envoyGRPC(t testing.TB) *doorUnderTest {
	d := w.door(t, "envoy over gRPC")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, d.doors)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	client := authv3.NewAuthorizationClient(connection)
	d.send = func(t testing.TB, c call, h http.Header) outcome {
		q := &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
			Source: &authv3.AttributeContext_Peer{Certificate: escapedPEM(c.certificate),
				Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: c.address}}}},
			Request:           &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{Method: c.method, Path: c.target, Host: c.host, Scheme: "https"}},
			ContextExtensions: map[string]string{"environment": c.environment},
		}}
		call := q.Attributes.Request.Http
		if len(c.target)%2 == 0 { // encode_raw_headers
			call.HeaderMap = &corev3.HeaderMap{}
			for name, values := range h {
				for _, v := range values {
					call.HeaderMap.Headers = append(call.HeaderMap.Headers, &corev3.HeaderValue{Key: strings.ToLower(name), RawValue: []byte(v)})
				}
			}
		} else {
			call.Headers = map[string]string{}
			for name, values := range h {
				call.Headers[strings.ToLower(name)] = strings.Join(values, ",")
			}
		}
		a, err := client.Check(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		told := http.Header{}
		set := func(options []*corev3.HeaderValueOption) {
			for _, o := range options {
				told.Set(o.GetHeader().GetKey(), o.GetHeader().GetValue())
			}
		}
		if yes := a.GetOkResponse(); yes != nil && a.GetStatus().GetCode() == 0 {
			set(yes.GetHeaders())
			return seen(t, 200, "", told)
		}
		set(a.GetDeniedResponse().GetHeaders())
		return seen(t, int(a.GetDeniedResponse().GetStatus().GetCode()), a.GetDeniedResponse().GetBody(), told)
	}
	return d
}

// library guards a handler in its own process.
func (w *world) library(t testing.TB) *doorUnderTest {
	d := w.door(t, "the library")
	var passed http.Header
	guarded := map[string]http.Handler{}
	for _, environment := range []string{"sandbox", "production"} {
		guarded[environment] = d.doors.Guard(environment, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { passed = r.Header }))
	}
	d.send = func(t testing.TB, c call, h http.Header) outcome {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(written(c.method, c.target, c.host, h))))
		if err != nil {
			t.Fatal(err)
		}
		r.RemoteAddr, r.TLS = net.JoinHostPort(c.address, "4711"), &tls.ConnectionState{}
		if c.certificate != nil {
			r.TLS.PeerCertificates = []*x509.Certificate{{Raw: c.certificate}}
		}
		passed = nil
		a := httptest.NewRecorder()
		guarded[c.environment].ServeHTTP(a, r)
		if passed == nil {
			return seen(t, a.Code, a.Body.String(), a.Header())
		}
		for _, secret := range []string{"Authorization", "X-Api-Key", "Dpop", "Chancery-Problem"} {
			if passed[secret] != nil {
				t.Errorf("the upstream is shown %s", secret)
			}
		}
		return seen(t, 200, "", passed)
	}
	return d
}
