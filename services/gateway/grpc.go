package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/chancery-dev/chancery/libs/service"
)

// envoy is where Envoy's ext_authz filter asks over gRPC.
type envoy struct {
	Address  string `env:"CHANCERY_GATEWAY_GRPC_ADDR" doc:"where Envoy asks over gRPC; nowhere if it is empty" want:"host:port"`
	Cert     string `env:"CHANCERY_GATEWAY_GRPC_CERT" doc:"certificate chain of that address; without one it speaks no TLS" want:"the path of a PEM file"`
	Key      string `env:"CHANCERY_GATEWAY_GRPC_KEY" doc:"private key of the certificate" want:"the path of a PEM file"`
	ClientCA string `env:"CHANCERY_GATEWAY_GRPC_CLIENT_CA" doc:"who must have signed Envoy's own certificate; nobody is asked for one if it is empty" want:"the path of a PEM file"`
}

// maxCheck bounds one question: all headers of a call, without its body.
const maxCheck = 256 << 10

// attach opens the door, if there is one, for as long as the service runs.
func (e envoy) attach(to *service.Service, door authv3.AuthorizationServer, logger *slog.Logger) error {
	if e.Address == "" {
		return nil
	}
	server, err := e.server(door, logger)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", e.Address)
	if err != nil {
		return fmt.Errorf("CHANCERY_GATEWAY_GRPC_ADDR: cannot listen on %s: %w", e.Address, err)
	}
	to.Background["envoy"] = func(ctx context.Context) error {
		if err := server.Serve(listener); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
	closed := to.Stop
	to.Stop = func(ctx context.Context) error {
		ended := make(chan struct{})
		go func() { server.GracefulStop(); close(ended) }()
		select {
		case <-ended:
		case <-ctx.Done():
			server.Stop()
		}
		_ = listener.Close()
		return closed(ctx)
	}
	return nil
}

// server is the gRPC server of the door.
func (e envoy) server(door authv3.AuthorizationServer, logger *slog.Logger) (*grpc.Server, error) {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxCheck), grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(func(ctx context.Context, q any, info *grpc.UnaryServerInfo, answer grpc.UnaryHandler) (a any, err error) {
			defer func() {
				if cause := recover(); cause != nil {
					logger.ErrorContext(ctx, "a question could not be answered", "panic", cause, "stack", string(debug.Stack()))
					a, err = nil, status.Error(codes.Internal, "the call could not be judged")
				}
			}()
			return answer(ctx, q)
		}),
	}
	secured, err := e.tls()
	if err != nil {
		return nil, err
	}
	if secured != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(secured)))
	}
	s := grpc.NewServer(options...)
	authv3.RegisterAuthorizationServer(s, door)
	return s, nil
}

func (e envoy) tls() (*tls.Config, error) {
	if e.Cert == "" && e.Key == "" && e.ClientCA == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(e.Cert, e.Key)
	if err != nil {
		return nil, fmt.Errorf("CHANCERY_GATEWAY_GRPC_CERT and CHANCERY_GATEWAY_GRPC_KEY should be the paths of a PEM certificate and its key: %w", err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if e.ClientCA != "" {
		text, err := os.ReadFile(e.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("CHANCERY_GATEWAY_GRPC_CLIENT_CA: %w", err)
		}
		c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if !c.ClientCAs.AppendCertsFromPEM(text) {
			return nil, errors.New("CHANCERY_GATEWAY_GRPC_CLIENT_CA is wrong: it should be the path of a PEM file")
		}
	}
	return c, nil
}
