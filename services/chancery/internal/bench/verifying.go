package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// caller speaks HTTP/1.1 on one connection with as little work as can be, so that the server's share is seen.
type caller struct {
	c net.Conn
	r *bufio.Reader
}

func dial(url string) (*caller, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		return nil, err
	}
	return &caller{c, bufio.NewReader(c)}, nil
}

// call sends one request and gives the status; what has a body is read to its end.
func (c *caller) call(request []byte) (status int, err error) {
	if _, err := c.c.Write(request); err != nil {
		return 0, err
	}
	length := 0
	for first := true; ; first = false {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		switch {
		case first && len(line) > 12:
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, err
			}
		case len(line) <= 2:
			_, err = c.r.Discard(length)
			return status, err
		case bytes.HasPrefix(line, contentLength):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):]))); err != nil {
				return 0, err
			}
		}
	}
}

var contentLength = []byte("Content-Length: ")

func question(key string) []byte {
	return []byte("GET /verify HTTP/1.1\r\nHost: gateway\r\nX-Original-Method: GET\r\nX-Original-URI: /ledger/v1/accounts?limit=50\r\nAuthorization: Bearer " + key + "\r\n\r\n")
}

const connections = 32

// load asks n times over many connections and demands that every answer has the status.
func load(ctx context.Context, url string, request []byte, n, pid int) (sample, error) {
	return loadEach(ctx, url, func(int) []byte { return request }, n, pid)
}

// loadEach is load with a request for each time.
func loadEach(ctx context.Context, url string, request func(i int) []byte, n, pid int) (sample, error) {
	callers := make([]*caller, connections)
	for i := range callers {
		c, err := dial(url)
		if err != nil {
			return sample{}, err
		}
		defer c.c.Close()
		callers[i] = c
	}
	used := cpuOf(pid)
	s, err := repeat(ctx, connections, n, func(w, i int) error {
		status, err := callers[w].call(request(i))
		if err == nil && status != 204 {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
	s.cpu = cpuOf(pid) - used
	return s, err
}

// admitted returns once the gateway lets the key pass.
func admitted(ctx context.Context, url, key string) error {
	c, err := dial(url)
	if err != nil {
		return err
	}
	defer c.c.Close()
	for ctx.Err() == nil {
		if status, err := c.call(question(key)); err != nil || status == 204 {
			return err
		}
	}
	return ctx.Err()
}

// verifying is P1 and P7: how long a check takes beside a plain handler, and how long a revoked key still passes.
func verifying(ctx context.Context, b *bench) ([]row, error) {
	at, stop, err := child(ctx, b.dir)
	if err != nil {
		return nil, err
	}
	defer stop()
	nc, err := nats.Connect(at.NATS)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	w, err := makeWorld(ctx, nc)
	if err != nil {
		return nil, err
	}
	_, _, key, err := w.issue(ctx)
	if err != nil {
		return nil, err
	}
	if err := admitted(ctx, at.Gateway, key); err != nil {
		return nil, err
	}
	n := b.n(15_000)
	verify, hello, err := interleave(20,
		func() (sample, error) { return load(ctx, at.Gateway, question(key), n, at.PID) },
		func() (sample, error) { return load(ctx, at.Hello, question(key), n, at.PID) })
	if err != nil {
		return nil, err
	}
	rate, cpu, tail := verify.rate()/hello.rate(), each(verify)/each(hello), float64(verify.p(.99))/float64(hello.p(.99))
	rows := []row{
		{"P1", "verify an API key, 32 connections", perSecond(verify.rate()), perSecond(hello.rate()) + " net/http 204", fmt.Sprintf("%.2f", rate), "≥ 0.8", rate >= .8},
		{"P1", "its CPU in the server's process", fmt.Sprintf("%.1f µs", each(verify)), fmt.Sprintf("%.1f µs", each(hello)), fmt.Sprintf("%.2f", cpu), "≤ 1.25", cpu <= 1.25},
		{"P1", "its p99", short(verify.p(.99)), short(hello.p(.99)), fmt.Sprintf("%.2f", tail), "≤ 1.5", tail <= 1.5},
	}
	more, err := revoking(ctx, b, at, w, key)
	return append(rows, more...), err
}

// revoking ends keys one by one under load, and takes the time from the command to the first refusal.
func revoking(ctx context.Context, b *bench, at served, w *made, good string) ([]row, error) {
	loading, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	var broken atomic.Pointer[error]
	for range 4 {
		group.Go(func() {
			c, err := dial(at.Gateway)
			for request := question(good); err == nil && loading.Err() == nil; {
				_, err = c.call(request)
			}
			if err != nil {
				broken.Store(&err)
			}
		})
	}
	defer group.Wait()
	defer stop()
	var durable, denied []time.Duration
	late := 0
	for range b.n(1000) {
		id, position, key, err := w.issue(ctx)
		if err != nil {
			return nil, err
		}
		if err := admitted(ctx, at.Gateway, key); err != nil {
			return nil, err
		}
		c, err := dial(at.Gateway)
		if err != nil {
			return nil, err
		}
		begun := time.Now()
		if _, err := w.append(ctx, "issuance", "credential", id, position, &issuancev1.CredentialRevoked{Reason: "suspected_leak"}); err != nil {
			return nil, err
		}
		durable = append(durable, time.Since(begun))
		for {
			status, err := c.call(question(key))
			if err != nil {
				return nil, err
			}
			if status == 401 {
				break
			}
		}
		denied = append(denied, time.Since(begun))
		// Once it is refused it stays refused.
		for range 10 {
			if status, err := c.call(question(key)); err != nil || status != 401 {
				late++
				if err != nil {
					return nil, err
				}
			}
		}
		_ = c.c.Close()
	}
	if err := broken.Load(); err != nil && !errors.Is(*err, context.Canceled) {
		return nil, *err
	}
	slices.Sort(denied)
	slices.Sort(durable)
	p := func(d []time.Duration, q float64) time.Duration { return d[min(int(q*float64(len(d))), len(d)-1)] }
	most := denied[len(denied)-1]
	return []row{
		{"P7", fmt.Sprintf("revoke → denied under load, %d trials, p50 / p99", len(denied)), short(p(denied, .5)) + " / " + short(p(denied, .99)),
			short(p(durable, .5)) + " / " + short(p(durable, .99)) + " until durable", fmt.Sprintf("%.2f", float64(p(denied, .99))/float64(p(durable, .99))), "p99 < 50 ms", p(denied, .99) < 50*time.Millisecond},
		{"P7", "the longest", short(most), "", "", "< 250 ms", most < 250*time.Millisecond},
		{"P7", fmt.Sprintf("admitted after the first refusal, of %d", 10*len(denied)), fmt.Sprint(late), "", "", "0", late == 0},
	}, nil
}
