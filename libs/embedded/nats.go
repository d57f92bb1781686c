package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/operator"
)

// NATSOptions say how one NATS server runs. The zero value but for Dir is a single node that can be reached from its own
// process alone and that answers a publish only when the message is on disk.
type NATSOptions struct {
	// Name of the server; in a cluster every node needs its own. Empty is "chancery".
	Name string
	// Dir holds the streams; it is created when absent.
	Dir string
	// Address to listen on, "127.0.0.1:4222"; port 0 takes a free one; empty listens nowhere.
	Address string
	// Cluster joins this node to others.
	Cluster *ClusterOptions
	// Relaxed leaves flushing to the operating system, so that a crash of the machine loses acknowledged messages.
	Relaxed bool
	// MaxStore bounds the bytes of all streams on disk; 0 is three quarters of what is free.
	MaxStore int64
	// MaxMemory bounds the bytes of all streams in memory; 0 is 256 MiB.
	MaxMemory int64
	// Access splits the server into accounts with users; the zero Access leaves one account, open to all who connect.
	Access eventlog.Access
	// Users are the keys of the users of Access.
	Users Users
	// Operator, in place of Access and Users, lets users be made and revoked while the server runs.
	Operator *operator.Operator
	// Log takes what the server says; nil discards it.
	Log *slog.Logger
}

// ClusterOptions name the cluster of a node, where the node listens for the others, and where the others do.
type ClusterOptions struct {
	Name    string
	Address string
	Routes  []string // "127.0.0.1:6222", its own among them or not
}

// NATS is a running server.
type NATS struct {
	server *server.Server
	log    *natsLog
	lock   *folderLock
	dir    string
}

// StartNATS returns once the server takes connections; the end of ctx before that abandons it.
func StartNATS(ctx context.Context, o NATSOptions) (*NATS, error) {
	if o.Dir == "" {
		return nil, errors.New("NATS needs a folder for its streams")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, explain(o.Dir, err)
	}
	lock, err := lockFolder(o.Dir, "the NATS store")
	if err != nil {
		return nil, err
	}
	n, err := startNATS(ctx, o)
	if err != nil {
		lock.release()
		return nil, err
	}
	n.lock = lock
	return n, nil
}

func startNATS(ctx context.Context, o NATSOptions) (*NATS, error) {
	options, err := o.server()
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, explain(o.Dir, fmt.Errorf("NATS: %w", err))
	}
	n := &NATS{server: s, log: newNATSLog(o.Log), dir: o.Dir}
	s.SetLoggerV2(n.log, false, false, false)
	started := make(chan struct{})
	go func() { s.Start(); close(started) }()
	if err := n.ready(ctx, started); err != nil {
		s.Shutdown()
		<-started
		s.WaitForShutdown()
		return nil, explain(o.Dir, err)
	}
	return n, nil
}

func (n *NATS) ready(ctx context.Context, started <-chan struct{}) error {
	for {
		select {
		case text := <-n.log.fatal:
			return fmt.Errorf("NATS: %s", text)
		case <-ctx.Done():
			return fmt.Errorf("NATS did not start in time: %w", context.Cause(ctx))
		default:
		}
		if n.server.ReadyForConnections(10*time.Millisecond) && isClosed(started) {
			return nil
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// server checks the wanted addresses first, because the server itself only logs that it could not listen.
func (o NATSOptions) server() (*server.Options, error) {
	name := o.Name
	if name == "" {
		name = "chancery"
	}
	memory := o.MaxMemory
	if memory == 0 {
		memory = 256 << 20
	}
	options := &server.Options{
		ServerName: name, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: o.Dir, SyncAlways: !o.Relaxed,
		JetStreamMaxStore: o.MaxStore, JetStreamMaxMemory: memory,
		MaxPayload: 1 << 20, WriteDeadline: 10 * time.Second,
	}
	if o.Address == "" {
		options.DontListen = true
	} else {
		host, port, err := listenable(o.Address)
		if err != nil {
			return nil, err
		}
		options.Host, options.Port = host, port
	}
	if c := o.Cluster; c != nil {
		host, port, err := listenable(c.Address)
		if err != nil {
			return nil, err
		}
		options.Cluster = server.ClusterOpts{Name: c.Name, Host: host, Port: port}
		for _, r := range c.Routes {
			options.Routes = append(options.Routes, &url.URL{Scheme: "nats-route", Host: r})
		}
	}
	switch {
	case o.Operator != nil:
		if err := trust(o.Operator, filepath.Join(o.Dir, "accounts"), options); err != nil {
			return nil, err
		}
	case len(o.Access.Accounts) > 0:
		if err := o.Users.configure(o.Access, options); err != nil {
			return nil, err
		}
	}
	return options, nil
}

func listenable(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("NATS address %q: want host:port", address)
	}
	port, err = strconv.Atoi(text)
	if err != nil {
		return "", 0, fmt.Errorf("NATS address %q: want host:port", address)
	}
	if port == 0 {
		return host, server.RANDOM_PORT, nil
	}
	if err := portFree(address, "NATS"); err != nil {
		return "", 0, err
	}
	return host, port, nil
}

// Connect opens a connection that never leaves the process.
func (n *NATS) Connect(options ...nats.Option) (*nats.Conn, error) {
	return nats.Connect("", append([]nats.Option{nats.InProcessServer(n.server)}, options...)...)
}

// URL is where other processes connect to, empty for a server that listens nowhere.
func (n *NATS) URL() string {
	address, ok := n.server.Addr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	return "nats://" + address.String()
}

// Health is nil while the server stores what it is given, else a sentence about what stopped it.
func (n *NATS) Health() error {
	if !n.server.Running() {
		return errors.New("NATS has stopped")
	}
	why := n.log.whyStopped()
	if why == "" && n.server.JetStreamEnabled() {
		return nil
	}
	return explain(n.dir, fmt.Errorf("NATS has stopped storing: %s", why))
}

// Stop ends the server and returns when its files are closed; a node of a cluster hands its leadership over first.
func (n *NATS) Stop() {
	n.server.Shutdown()
	n.server.WaitForShutdown()
	n.lock.release()
}
