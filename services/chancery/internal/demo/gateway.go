package demo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
	"github.com/chancery-dev/chancery/services/gateway"
	"github.com/chancery-dev/chancery/services/gateway/conf"
)

// front is the API gateway of the demo.
type front struct {
	url  string
	name string // "nginx 1.22.1"
	word string // "nginx"
	stop func()
}

// startFront starts a real nginx before the API, or else the authorizer's library in a reverse proxy.
func startFront(ctx context.Context, s *suite.Suite, dir, api string) (*front, error) {
	if program := find("nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/homebrew/bin/nginx"); program != "" {
		return startNginx(ctx, program, dir, strings.TrimPrefix(s.Gateway, "http://"), strings.TrimPrefix(api, "http://"))
	}
	return startProxy(ctx, s, api)
}

func find(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

var versions = regexp.MustCompile(`nginx/([0-9.]+)`)

func startNginx(ctx context.Context, program, dir, authorizer, api string) (*front, error) {
	address, err := free()
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, "nginx")
	// nginx's workers are another account where it is started as root.
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o777); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf.Nginx(address, authorizer, api)), 0o644); err != nil {
		return nil, err
	}
	told, _ := exec.CommandContext(ctx, program, "-v").CombinedOutput()
	version := "of unknown version"
	if m := versions.FindSubmatch(told); m != nil {
		version = string(m[1])
	}
	c := exec.Command(program, "-p", dir, "-c", path, "-e", filepath.Join(dir, "error.log"), "-g", "daemon off;")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return nil, err
	}
	f := &front{url: "http://" + address, name: "nginx " + version, word: "nginx", stop: func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	}}
	for {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			return f, connection.Close()
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			f.stop()
			return nil, fmt.Errorf("nginx does not listen: %w", err)
		}
	}
}

func free() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

func startProxy(ctx context.Context, s *suite.Suite, api string) (*front, error) {
	deps := s.Services["gateway"].Deps
	library, err := gateway.Open(ctx, gateway.Options{Log: deps.Log, NATS: deps.NATS, Fingerprints: deps.Fingerprints, Issuer: s.Portal, Name: "demo-proxy", Logger: deps.Logger})
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(api)
	if err != nil {
		return nil, err
	}
	at, stop, err := serve(library.Guard("sandbox", httputil.NewSingleHostReverseProxy(target)))
	if err != nil {
		return nil, err
	}
	return &front{url: at, name: "no nginx: the Go library in a reverse proxy", word: "the proxy", stop: func() {
		stop()
		_ = library.Close(context.WithoutCancel(ctx))
	}}, nil
}

func serve(h http.Handler) (at string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}
