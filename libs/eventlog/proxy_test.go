package eventlog_test

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// proxy stands between a client and a server and can hold back or cut what goes either way.
type proxy struct {
	listener net.Listener
	target   string
	up, down gate
	mu       sync.Mutex
	open     map[net.Conn]bool
	// asked counts what clients asked for by a word of the request.
	words [][]byte
	asked []atomic.Int64
	// trapped shuts the way back when a client says this word, before the server hears it.
	trapped atomic.Pointer[string]
}

func newProxy(t testing.TB, target string, words ...string) *proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: u.Host, open: map[net.Conn]bool{}, asked: make([]atomic.Int64, len(words))}
	for _, w := range words {
		p.words = append(p.words, []byte(w))
	}
	p.up.init()
	p.down.init()
	go p.serve()
	t.Cleanup(func() {
		l.Close()
		p.cut()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

// connect is a client that knows no way but through the proxy.
func (p *proxy) connect(t testing.TB, o ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(p.url(), append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(5 * time.Millisecond), nats.IgnoreDiscoveredServers(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})}, o...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.open[client], p.open[server] = true, true
		p.mu.Unlock()
		go p.pump(client, server, &p.up, p.count)
		go p.pump(server, client, &p.down, func([]byte) {})
	}
}

func (p *proxy) pump(from, to net.Conn, g *gate, see func([]byte)) {
	defer func() {
		from.Close()
		to.Close()
		p.mu.Lock()
		delete(p.open, from)
		delete(p.open, to)
		p.mu.Unlock()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			see(buffer[:n])
			g.pass()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// trap holds back every answer from the moment a client says word.
func (p *proxy) trap(word string) { p.trapped.Store(&word) }

func (p *proxy) release() {
	p.trapped.Store(nil)
	p.up.set(false)
	p.down.set(false)
}

func (p *proxy) count(b []byte) {
	if word := p.trapped.Load(); word != nil && bytes.Contains(b, []byte(*word)) {
		p.down.set(true)
	}
	for i, w := range p.words {
		p.asked[i].Add(int64(bytes.Count(b, w)))
	}
}

// cut closes every connection; what was held back is lost.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
}

// gate holds back what wants to pass while it is shut.
type gate struct {
	mu   sync.Mutex
	free *sync.Cond
	shut bool
	held atomic.Int64
}

func (g *gate) init() { g.free = sync.NewCond(&g.mu) }

func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.shut {
		g.held.Add(1)
		g.free.Wait()
	}
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	g.held.Store(0)
	g.free.Broadcast()
}
