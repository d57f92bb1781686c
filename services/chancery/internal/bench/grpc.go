package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const echoMethod = "/bench.Echo/Echo"

// echo is a gRPC service that sends back the question it is sent: what a server of such messages does at least.
var echo = grpc.ServiceDesc{ServiceName: "bench.Echo", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
	MethodName: "Echo",
	Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(authv3.CheckRequest)
		return in, decode(in)
	},
}}}

// echoing serves the echo until ctx ends, and finds a free address for the authorizer.
func echoing(ctx context.Context) (echoAt, free string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	free = other.Addr().String()
	_ = other.Close()
	server := grpc.NewServer()
	server.RegisterService(&echo, struct{}{})
	context.AfterFunc(ctx, server.Stop)
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), free, nil
}

// envoyAsks is what Envoy asks of one call, with the headers of an ordinary client.
func envoyAsks(key string) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: "203.0.113.9"}}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Id: "1", Method: "GET", Path: "/ledger/v1/accounts?limit=50", Host: "api.example", Scheme: "https", Protocol: "HTTP/2",
			Headers: map[string]string{":authority": "api.example", ":method": "GET", ":path": "/ledger/v1/accounts?limit=50", ":scheme": "https",
				"authorization": "Bearer " + key, "accept": "application/json", "user-agent": "client/1.0", "x-request-id": "5f1d3a0e-0000-4000-8000-000000000000"},
		}},
		ContextExtensions: map[string]string{"environment": "sandbox"},
	}}
}

// serving is a child of its own for one measurement, with a world.
func (b *bench) serving(ctx context.Context, name string) (served, *made, func(), error) {
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return served{}, nil, nil, err
	}
	at, stop, err := child(ctx, dir)
	if err != nil {
		return served{}, nil, nil, err
	}
	nc, err := nats.Connect(at.NATS)
	if err != nil {
		stop()
		return served{}, nil, nil, err
	}
	w, err := makeWorld(ctx, nc)
	if err != nil {
		nc.Close()
		stop()
		return served{}, nil, nil, err
	}
	return at, w, func() { nc.Close(); stop() }, nil
}

// overGRPC is P2: ext_authz over gRPC beside an echo of the same question.
func overGRPC(ctx context.Context, b *bench) ([]row, error) {
	at, w, stop, err := b.serving(ctx, "p2")
	if err != nil {
		return nil, err
	}
	defer stop()
	_, _, key, err := w.issue(ctx)
	if err != nil {
		return nil, err
	}
	if err := admitted(ctx, at.Gateway, key); err != nil {
		return nil, err
	}
	question := envoyAsks(key)
	n := b.n(10_000)
	verify, echoed, err := interleave(20,
		func() (sample, error) {
			return loadGRPC(ctx, at.Envoy, at.PID, n, func(c *grpc.ClientConn) error {
				a := new(authv3.CheckResponse)
				if err := c.Invoke(ctx, authv3.Authorization_Check_FullMethodName, question, a); err != nil {
					return err
				}
				if a.GetOkResponse() == nil {
					return fmt.Errorf("refused: %v", a)
				}
				return nil
			})
		},
		func() (sample, error) {
			return loadGRPC(ctx, at.Echo, at.PID, n, func(c *grpc.ClientConn) error { return c.Invoke(ctx, echoMethod, question, new(authv3.CheckRequest)) })
		})
	if err != nil {
		return nil, err
	}
	rate := verify.rate() / echoed.rate()
	return []row{
		{"P2", "verify an API key over ext_authz gRPC", perSecond(verify.rate()), perSecond(echoed.rate()) + " grpc-go echo of the question", fmt.Sprintf("%.2f", rate), "≥ 0.8", rate >= .8},
		{"P2", "its CPU in the server's process", fmt.Sprintf("%.1f µs", each(verify)), fmt.Sprintf("%.1f µs", each(echoed)), fmt.Sprintf("%.2f", each(verify)/each(echoed)), "", true},
	}, nil
}

// loadGRPC calls n times, 32 at once over as many connections as Envoy has workers.
func loadGRPC(ctx context.Context, address string, pid, n int, call func(*grpc.ClientConn) error) (sample, error) {
	callers := make([]*grpc.ClientConn, 2)
	for i := range callers {
		c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return sample{}, err
		}
		defer c.Close()
		callers[i] = c
	}
	used := cpuOf(pid)
	s, err := repeat(ctx, connections, n, func(w, _ int) error { return call(callers[w%len(callers)]) })
	s.cpu = cpuOf(pid) - used
	return s, err
}

// each is the server's CPU for one operation in µs.
func each(s sample) float64 { return float64(s.cpu.Microseconds()) / float64(len(s.times)) }
