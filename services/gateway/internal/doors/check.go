package doors

import (
	"context"
	"net/http"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"

	"github.com/chancery-dev/chancery/libs/upstream"
	"github.com/chancery-dev/chancery/services/gateway/internal/certificate"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// EnvironmentExtension is the context extension by which Envoy's configuration says what a route stands before.
const EnvironmentExtension = "environment"

// Check answers Envoy's ext_authz filter over gRPC (envoy.service.auth.v3).
func (d *Doors) Check(ctx context.Context, in *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	q := memory.Get().(*asked)
	defer memory.Put(q)
	q.request = d.checked(in)
	if refused := d.judge(ctx, q, in.GetAttributes().GetSource().GetAddress().GetSocketAddress().GetAddress()); refused != nil {
		answer := denied(refused, q.decision)
		h := http.Header{}
		limits(h, &q.verdict)
		for name, values := range h {
			answer.GetDeniedResponse().Headers = append(answer.GetDeniedResponse().Headers, over(name, values[0]))
		}
		return answer, nil
	}
	id := over(decision.Header, q.decision)
	out := &authv3.OkHttpResponse{
		Headers: []*corev3.HeaderValueOption{over(upstream.Header, q.context[0]), id}, HeadersToRemove: secrets, ResponseHeadersToAdd: []*corev3.HeaderValueOption{id},
	}
	h := http.Header{}
	deprecation(h, q.verdict.Operation)
	limits(h, &q.verdict)
	for name, values := range h {
		out.ResponseHeadersToAdd = append(out.ResponseHeadersToAdd, over(name, values[0]))
	}
	return &authv3.CheckResponse{Status: ok, HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: out}}, nil
}

// checked is the call that Envoy asks about. Envoy itself fills the fields that are read; of what the client sent only the
// headers in which credentials stand are looked at.
func (d *Doors) checked(in *authv3.CheckRequest) verdict.Request {
	attributes := in.GetAttributes()
	call := attributes.GetRequest().GetHttp()
	r := verdict.Request{
		Method: call.GetMethod(), Target: call.GetPath(), Environment: d.Environment, Scheme: call.GetScheme(), Host: call.GetHost(),
		Certificate: certificate.In(certificate.EscapedPEM, attributes.GetSource().GetCertificate()),
	}
	if environment, ok := attributes.GetContextExtensions()[EnvironmentExtension]; ok {
		r.Environment = environment
	}
	// With encode_raw_headers Envoy sends every header by itself, otherwise equal names joined by commas.
	for name, value := range call.GetHeaders() {
		take(&r, name, value)
	}
	for _, h := range call.GetHeaderMap().GetHeaders() {
		value := h.GetValue()
		if value == "" {
			value = string(h.GetRawValue())
		}
		take(&r, h.GetKey(), value)
	}
	return r
}

// take reads one header of a call; names are in lower case as in HTTP/2.
func take(r *verdict.Request, name, value string) {
	switch name {
	case "authorization":
		r.Authorization = append(r.Authorization, value)
	case "x-api-key":
		r.APIKey = append(r.APIKey, value)
	case "dpop":
		r.Proof = append(r.Proof, value)
	case "x-http-method-override", "x-http-method", "x-method-override":
		r.Overridden = true
	}
}

var (
	ok = &rpcstatus.Status{Code: int32(codes.OK)}
	// secrets never reach the upstream.
	secrets = []string{"authorization", "x-api-key", "dpop", strings.ToLower(Problem), strings.ToLower(Status)}
)

func denied(r *refusal, id string) *authv3.CheckResponse {
	code := codes.PermissionDenied
	switch r.status {
	case http.StatusUnauthorized:
		code = codes.Unauthenticated
	case http.StatusServiceUnavailable:
		code = codes.Unavailable
	}
	out := &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: typev3.StatusCode(r.status)}, Body: string(r.body)}
	h := http.Header{decision.Header: {id}}
	r.write(h)
	for name, values := range h {
		out.Headers = append(out.Headers, over(name, values[0]))
	}
	return &authv3.CheckResponse{Status: &rpcstatus.Status{Code: int32(code)}, HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: out}}
}

// over is a header that takes the place of every one of its name.
func over(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: strings.ToLower(name), Value: value}, AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD}
}
