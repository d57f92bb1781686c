package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/lib/pq" // the driver of every connection
)

const (
	administrator = "postgres"
	// socketPath is the longest path of a Unix socket that every system takes.
	socketPath = 100
	// patience with a server that runs recovery at its start or checkpoints at its end.
	patience = 2 * time.Minute
)

// PostgresOptions say how the local Postgres runs.
type PostgresOptions struct {
	// Dir holds the database, its password, socket, log and lock; it is created when absent. A process of root runs
	// Postgres as another account: where that account cannot reach Dir, Dir becomes a link to a folder below Elsewhere.
	Dir string
	// Port of the loopback; 0 takes a free one at each start.
	Port int
	// Throwaway gives up durability for speed: for tests.
	Throwaway bool
	// Elsewhere is /var/lib/chancery when empty.
	Elsewhere string
	// Log takes what a person should know about the start; nil discards it.
	Log *slog.Logger
}

// Postgres is a running server, ended at the latest with the process that started it.
type Postgres struct {
	binaries Binaries
	home     home
	port     int
	password string
	process  *child
	lock     *folderLock
}

// StartPostgres returns once the server answers. The first start in a folder makes the database, with a password of its own.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	if o.Dir == "" {
		return nil, errors.New("Postgres needs a folder for its data")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("Postgres did not answer within two minutes"))
	defer cancel()
	found, err := FindPostgres(ctx)
	if err != nil {
		return nil, err
	}
	h, err := settle(o, found[0])
	if err != nil {
		return nil, explain(o.Dir, err)
	}
	lock, err := lockFolder(h.dir, "the database")
	if err != nil {
		return nil, err
	}
	p := &Postgres{home: h, lock: lock}
	if err := p.start(ctx, o, found); err != nil {
		lock.release()
		return nil, explain(h.dir, err)
	}
	o.Log.Info("postgres started", "version", p.binaries.Version, "folder", h.dir, "port", p.port, "account", h.account.name)
	return p, nil
}

func (p *Postgres) start(ctx context.Context, o PostgresOptions, found []Binaries) error {
	var err error
	if p.binaries, err = p.home.matching(found); err != nil {
		return err
	}
	if err := p.home.endStray(ctx); err != nil {
		return err
	}
	if p.password, err = p.home.initialise(ctx, p.binaries); err != nil {
		return err
	}
	for {
		if p.port = o.Port; p.port != 0 {
			err = portFree("127.0.0.1:"+strconv.Itoa(p.port), "Postgres")
		} else {
			var ports []int
			if ports, err = freePorts(1); err == nil {
				p.port = ports[0]
			}
		}
		if err != nil {
			return err
		}
		err = p.run(ctx, o)
		// A free port may have been taken by somebody else since.
		if o.Port != 0 || !errors.Is(err, ErrPortTaken) || ctx.Err() != nil {
			return err
		}
	}
}

// run starts the server on p.port and waits until it answers.
func (p *Postgres) run(ctx context.Context, o PostgresOptions) error {
	log, err := os.OpenFile(p.home.log(), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if size, err := log.Seek(0, io.SeekEnd); err == nil && size > 16<<20 {
		if err := log.Truncate(0); err != nil {
			return err
		}
	}
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	command := p.home.account.command(p.binaries.path("postgres"), p.arguments(o)...)
	command.Dir = p.home.dir
	command.Stdout, command.Stderr = log, log
	if p.process, err = startChild(command); err != nil {
		return p.home.account.explain(err)
	}
	if err = p.answer(ctx); err != nil {
		p.process.stop(syscall.SIGQUIT)
		text, _ := io.ReadAll(io.NewSectionReader(log, from, 1<<20))
		return failedStart(p.port, p.home.log(), string(text), err)
	}
	return nil
}

func (p *Postgres) arguments(o PostgresOptions) []string {
	socket := p.home.dir
	if len(socket) > socketPath-len("/.s.PGSQL.65535.lock") {
		socket = ""
	}
	settings := []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(p.port), "unix_socket_directories=" + socket,
		"cluster_name=chancery", "timezone=UTC", "log_timezone=UTC", "logging_collector=off", "jit=off",
		"shared_buffers=64MB", "max_connections=200", "password_encryption=scram-sha-256",
	}
	if o.Throwaway {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off",
			"wal_level=minimal", "max_wal_senders=0", "checkpoint_timeout=1h", "max_wal_size=4GB")
	}
	arguments := []string{"-D", p.home.data()}
	for _, s := range settings {
		arguments = append(arguments, "-c", s)
	}
	return arguments
}

// answer waits for a connection under the server's own password, which no other server on that port would accept.
func (p *Postgres) answer(ctx context.Context) error {
	db, err := sql.Open("postgres", p.DSN())
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, time.Second)
		err := db.PingContext(try)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-p.process.done:
			return fmt.Errorf("Postgres ended at its start: %w", p.process.failure())
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

func failedStart(port int, log, text string, err error) error {
	if strings.Contains(text, "Address already in use") {
		return fail(ErrPortTaken, "Postgres cannot listen on 127.0.0.1:%d: another program does already; stop it or choose another port", port)
	}
	for line := range strings.Lines(text) {
		if _, reason, found := strings.Cut(line, "FATAL:"); found {
			return fmt.Errorf("Postgres: %s (all it said is in %s)", strings.TrimSpace(reason), log)
		}
	}
	return fmt.Errorf("%w (what it said is in %s)", err, log)
}

// DSN opens the database as its administrator: for making roles and for tests, never for a service.
func (p *Postgres) DSN() string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(administrator, p.password),
		Host: "127.0.0.1:" + strconv.Itoa(p.port), Path: "/postgres", RawQuery: "sslmode=disable",
	}).String()
}

// Version is the server's, "15.18".
func (p *Postgres) Version() string { return p.binaries.Version }

// Dir is where the database really lies.
func (p *Postgres) Dir() string { return p.home.dir }

// PID is the server's process.
func (p *Postgres) PID() int { return p.process.command.Process.Pid }

// Done is closed when the server has ended, by Stop or otherwise.
func (p *Postgres) Done() <-chan struct{} { return p.process.done }

// Stop disconnects every client, writes everything down and returns when the server has ended; at the end of ctx it ends
// the server at once, which costs a recovery at the next start and no data.
func (p *Postgres) Stop(ctx context.Context) error {
	defer p.lock.release()
	if isClosed(p.process.done) {
		return fmt.Errorf("Postgres had ended before: %w (what it said is in %s)", p.process.failure(), p.home.log())
	}
	p.process.signal(syscall.SIGINT)
	select {
	case <-p.process.done:
		return p.process.err
	case <-ctx.Done():
		p.process.stop(syscall.SIGQUIT)
		return fmt.Errorf("Postgres was ended before it was done: %w", context.Cause(ctx))
	}
}

// child is a process of ours that ends when we do.
type child struct {
	command *exec.Cmd
	done    chan struct{}
	err     error
}

func (c *child) failure() error {
	if c.err != nil {
		return c.err
	}
	return errors.New("without an error")
}

func (c *child) signal(s syscall.Signal) { _ = c.command.Process.Signal(s) }

// stop insists: what does not follow the signal within ten seconds is killed.
func (c *child) stop(s syscall.Signal) {
	c.signal(s)
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
		c.signal(syscall.SIGKILL)
		<-c.done
	}
}

func (b Binaries) path(program string) string { return filepath.Join(b.Dir, program) }
