package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/chancery-dev/chancery/services/gateway/conf"
)

// throughNginx is P4: calls through nginx with auth_request to the authorizer, beside the same nginx that asks a handler
// which always says 204.
func throughNginx(ctx context.Context, b *bench) ([]row, error) {
	at, w, stop, err := b.serving(ctx, "p4")
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
	judged, end, err := nginx(ctx, filepath.Join(b.dir, "p4", "judged"), at.Gateway, at.Hello)
	if err != nil {
		return nil, err
	}
	defer end()
	waved, end, err := nginx(ctx, filepath.Join(b.dir, "p4", "waved"), at.Hello, at.Hello)
	if err != nil {
		return nil, err
	}
	defer end()
	call := []byte("GET /ledger/v1/accounts?limit=50 HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer " + key + "\r\n\r\n")
	n := b.n(8_000)
	with, without, err := interleave(20,
		func() (sample, error) { return load(ctx, judged, call, n, at.PID) },
		func() (sample, error) { return load(ctx, waved, call, n, at.PID) })
	if err != nil {
		return nil, err
	}
	rate := with.rate() / without.rate()
	return []row{{"P4", "a call through nginx auth_request", perSecond(with.rate()), perSecond(without.rate()) + " the same nginx asking a net/http 204", fmt.Sprintf("%.2f", rate), "≥ 0.95", rate >= .95}}, nil
}

// nginx runs with the shipped configuration, and returns once it listens.
func nginx(ctx context.Context, folder, authorizer, upstream string) (url string, stop func(), err error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			return "", nil, fmt.Errorf("nginx is needed: make setup installs it")
		}
	}
	if err := os.MkdirAll(filepath.Join(folder, "tmp"), 0o777); err != nil {
		return "", nil, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	listen := free.Addr().String()
	_ = free.Close()
	path := filepath.Join(folder, "nginx.conf")
	text := conf.Nginx(listen, strings.TrimPrefix(authorizer, "http://"), strings.TrimPrefix(upstream, "http://"))
	// Connections are kept: by default one is closed after 1,000 calls.
	text = strings.Replace(text, "access_log off;", "access_log off;\n  keepalive_requests 1000000;", 1)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return "", nil, err
	}
	c := exec.CommandContext(ctx, program, "-p", folder, "-c", path, "-e", "stderr", "-g", "daemon off;")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		connection, err := net.Dial("tcp", listen)
		if err == nil {
			_ = connection.Close()
			return "http://" + listen, stop, nil
		}
		if time.Now().After(deadline) {
			stop()
			return "", nil, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}
