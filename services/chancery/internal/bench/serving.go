package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/sethvargo/go-envconfig"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/gateway"
)

// served is what a serving child says of itself.
type served struct {
	Hello, Gateway, NATS string
	// Envoy is where the authorizer is asked over gRPC, Echo a service that sends back what it is sent.
	Envoy, Echo string
	PID         int
}

// serve runs an authorizer and a plain handler in one process, so that their CPU is measured alike, until ctx ends.
func serve(ctx context.Context, dir string) error {
	server, err := embedded.StartNATS(ctx, embedded.NATSOptions{Dir: filepath.Join(dir, "served"), Address: "127.0.0.1:0", Relaxed: true})
	if err != nil {
		return err
	}
	defer server.Stop()
	nc, err := server.Connect()
	if err != nil {
		return err
	}
	if err := eventlog.Provision(ctx, nc, eventlog.ProvisionOptions{Services: worldServices}); err != nil {
		return err
	}
	nc.Close()
	echo, envoy, err := echoing(ctx)
	if err != nil {
		return err
	}
	config, err := service.LoadConfig(ctx, envconfig.MapLookuper(map[string]string{
		"HTTP_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0", "LOG_LEVEL": "ERROR", "CHANCERY_PEPPER": base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"CHANCERY_ISSUER": benchIssuer, "CHANCERY_GATEWAY_GRPC_ADDR": envoy,
	}))
	if err != nil {
		return err
	}
	config.Host = service.Host{Version: "bench", Connect: server.Connect}
	running, err := service.Start(ctx, "gateway", config, gateway.New)
	if err != nil {
		return err
	}
	if err := running.Ready(ctx); err != nil {
		return err
	}
	hello, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		_ = http.Serve(hello, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	}()
	if err := json.NewEncoder(os.Stdout).Encode(served{"http://" + hello.Addr().String(), running.URL, server.URL(), envoy, echo, os.Getpid()}); err != nil {
		return err
	}
	<-ctx.Done()
	return running.Stop()
}

var worldServices = []string{"identity", "registry", "approval", "issuance", "gateway"}

// child starts this program as a server of its own.
func child(ctx context.Context, dir string) (served, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return served{}, nil, err
	}
	c := exec.CommandContext(ctx, self, "-serve", dir)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.StdoutPipe()
	if err != nil {
		return served{}, nil, err
	}
	if err := c.Start(); err != nil {
		return served{}, nil, err
	}
	stop := func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	}
	var s served
	if err := json.NewDecoder(out).Decode(&s); err != nil {
		stop()
		return served{}, nil, fmt.Errorf("the serving child: %w", err)
	}
	return s, stop, nil
}

// cpuOf is the user and system time of a process, in the kernel's ticks of 10 ms.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// made is a world on a log: enough for a credential to be good.
type made struct {
	logs         map[string]*eventlog.Log
	fingerprints *secret.Fingerprints

	organization, application, request, grant, product string
	registered                                         uint64 // where the organisation was
}

// makeWorld appends, as each service would, what a credential descends from.
func makeWorld(ctx context.Context, nc *nats.Conn) (*made, error) {
	w := &made{logs: map[string]*eventlog.Log{}, fingerprints: secret.NewFingerprints(make([]byte, 32)), organization: uuid.NewString(),
		application: uuid.NewString(), request: uuid.NewString(), grant: uuid.NewString(), product: uuid.NewString()}
	for _, name := range worldServices {
		log, err := eventlog.Open(ctx, nc, eventlog.Options{Service: name})
		if err != nil {
			return nil, err
		}
		w.logs[name] = log
	}
	until := timestamppb.New(time.Now().Add(24 * time.Hour))
	operations := []*registryv1.Operation{{Id: "list", Method: "GET", Path: "/accounts", Scopes: []string{"accounts:read"}}}
	for _, f := range []struct {
		service, kind, id string
		facts             []aggregate.Event
	}{
		{"identity", "organization", w.organization, []aggregate.Event{&identityv1.OrganizationRegistered{Kind: "partner"}}},
		{"registry", "version", uuid.NewString(), []aggregate.Event{&registryv1.VersionSubmitted{ProductId: w.product, Version: "1", BasePath: "/ledger/v1", Operations: operations},
			&registryv1.VersionPublished{ProductId: w.product, Version: "1"}}},
		{"registry", "product", w.product, []aggregate.Event{&registryv1.ProductPublished{Version: "1"}}},
		{"registry", "application", w.application, []aggregate.Event{&registryv1.ApplicationRegistered{OrganizationId: w.organization, Environment: "sandbox"}}},
		{"approval", "request", w.request, []aggregate.Event{&approvalv1.RequestSubmitted{ApplicationId: w.application, OrganizationId: w.organization}}},
		{"approval", "grant", w.grant, []aggregate.Event{&approvalv1.GrantActivated{RequestId: w.request, ApplicationId: w.application, OrganizationId: w.organization,
			ProductId: w.product, Scopes: []string{"accounts:read"}, Environment: "sandbox", Until: until}}},
	} {
		at, err := w.append(ctx, f.service, f.kind, f.id, 0, f.facts...)
		if err != nil {
			return nil, err
		}
		if f.id == w.organization {
			w.registered = at
		}
	}
	return w, nil
}

func (w *made) append(ctx context.Context, service, kind, id string, expected uint64, facts ...aggregate.Event) (uint64, error) {
	log := w.logs[service]
	tail, err := log.Tail(ctx)
	if err != nil {
		return 0, err
	}
	return log.Append(eventlog.WithMeta(ctx, eventlog.Meta{Seen: tail}), log.Subject(kind, id), expected, facts...)
}

// issue makes a credential, and gives its id, its position and its key.
func (w *made) issue(ctx context.Context) (id string, position uint64, key string, err error) {
	id = uuid.NewString()
	k := secret.NewKey(secret.Test)
	sum := w.fingerprints.Of(k.Reveal())
	position, err = w.append(ctx, "issuance", "credential", id, 0, &issuancev1.CredentialIssued{Kind: "api_key", GrantId: w.grant, RequestId: w.request,
		ApplicationId: w.application, OrganizationId: w.organization, ProductId: w.product, Scopes: []string{"accounts:read"}, Environment: "sandbox", Generation: 1,
		Fingerprint: sum[:], ExpiresAt: timestamppb.New(time.Now().Add(time.Hour))})
	return id, position, k.Reveal(), err
}
