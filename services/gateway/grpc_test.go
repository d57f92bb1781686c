package gateway_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/sethvargo/go-envconfig"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/service/servicetest"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/gateway"
)

// startGRPC runs a second authorizer that Envoy asks over gRPC.
func (r *running) startGRPC(t testing.TB) authv3.AuthorizationClient {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	c := r.suite.Config("gateway", false)
	c.Lookup = envconfig.MultiLookuper(envconfig.MapLookuper(map[string]string{"CHANCERY_GATEWAY_GRPC_ADDR": address}), c.Lookup)
	r.suite.Start("gateway", c, gateway.New)
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return authv3.NewAuthorizationClient(connection)
}

// question is what Envoy asks of a call.
func question(method, path string, header map[string]string) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: "203.0.113.9"}}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: method, Path: path, Host: "api.example", Scheme: "https", Headers: header,
		}},
	}}
}

// ask answers as soon as the authorizer has folded what it must.
func ask(t testing.TB, c authv3.AuthorizationClient, q *authv3.CheckRequest) *authv3.CheckResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), servicetest.Patience)
	defer cancel()
	a, err := c.Check(ctx, q, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func header(options []*corev3.HeaderValueOption, name string) string {
	for _, o := range options {
		if o.GetHeader().GetKey() == name {
			return o.GetHeader().GetValue()
		}
	}
	return ""
}

// X4
func TestEnvoyAsksOverGRPC(t *testing.T) {
	r := start(t)
	id, key := r.Issue("api_key", "accounts:read")
	r.Append("registry", "version", r.Version, &registryv1.VersionDeprecated{SunsetAt: timestamppb.New(time.Now().Add(time.Hour))})
	client := r.startGRPC(t)
	bearer := map[string]string{"authorization": "Bearer " + key, "chancery-context": "forged"}

	good := ask(t, client, question("GET", "/ledger/v1/accounts?limit=2", bearer))
	allowed := good.GetOkResponse()
	if codes.Code(good.GetStatus().GetCode()) != codes.OK || header(allowed.GetHeaders(), "chancery-context") == "" ||
		!strings.Contains(strings.Join(allowed.GetHeadersToRemove(), " "), "authorization") || header(allowed.GetResponseHeadersToAdd(), "sunset") == "" {
		t.Fatalf("%v", good)
	}
	for _, h := range allowed.GetHeaders() {
		if h.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			t.Errorf("%s is added to what the client sent", h.GetHeader().GetKey())
		}
	}
	missing := ask(t, client, question("POST", "/ledger/v1/payments", bearer))
	if codes.Code(missing.GetStatus().GetCode()) != codes.PermissionDenied || missing.GetDeniedResponse().GetStatus().GetCode() != 403 ||
		!strings.Contains(missing.GetDeniedResponse().GetBody(), "needs payments:write") {
		t.Errorf("%v", missing)
	}
	other := question("GET", "/ledger/v1/accounts", bearer)
	other.Attributes.ContextExtensions = map[string]string{"environment": "production"}
	if a := ask(t, client, other); a.GetDeniedResponse().GetStatus().GetCode() != 403 {
		t.Errorf("another environment: %v", a)
	}
	r.Append("issuance", "credential", id, &issuancev1.CredentialRevoked{})
	deadline := time.Now().Add(servicetest.Patience)
	for ask(t, client, question("GET", "/ledger/v1/accounts", bearer)).GetOkResponse() != nil {
		if time.Now().After(deadline) {
			t.Fatal("a revoked key still passes")
		}
	}
	revoked := ask(t, client, question("GET", "/ledger/v1/accounts", bearer)).GetDeniedResponse()
	r.applied(t)
	door := r.door(t, "/verify", key)
	if revoked.GetStatus().GetCode() != 401 || door.status != 401 || revoked.GetBody() != door.body || header(revoked.GetHeaders(), "www-authenticate") != door.header.Get("WWW-Authenticate") {
		t.Errorf("%v, over HTTP %d %s", revoked, door.status, door.body)
	}
}
