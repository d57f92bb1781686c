package testkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/embedded"
)

// Postgres is a database of the test's own, opened as an account that owns one schema and no more, like a service's, in
// which the given statements were run. It ends with the test.
func Postgres(t testing.TB, schema ...string) *sqlx.DB {
	t.Helper()
	return OpenPostgres(t, PostgresURL(t, schema...))
}

// OpenPostgres opens one more pool of connections to a database, closed with the test.
func OpenPostgres(t testing.TB, dsn string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	return db
}

// PostgresURL is where the database that Postgres opens can be reached, for tests that start several instances.
func PostgresURL(t testing.TB, schema ...string) string {
	t.Helper()
	s := server(t)
	template, err := s.template(strings.Join(schema, ";\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s.clone(t, template, serviceRole)
}

// PostgresAdministrator is where an empty database of the test's own can be reached by an account that may make roles.
func PostgresAdministrator(t testing.TB) string {
	t.Helper()
	return server(t).clone(t, "template1", "")
}

// serviceRole stands for the role of a service: it owns the schema of its name.
const serviceRole = "service"

// shared is the one server of a test program.
type shared struct {
	postgres *embedded.Postgres
	admin    *sqlx.DB
	clones   atomic.Int64

	mu        sync.Mutex
	templates map[string]error
}

var once = sync.OnceValues(startShared)

func server(t testing.TB) *shared {
	t.Helper()
	s, err := once()
	if err != nil {
		t.Fatalf("Postgres for the tests: %v", err)
	}
	return s
}

// startShared takes the first folder that no other test program uses. The folders are kept, since making one takes longer
// than most tests; the server ends with the program, because the kernel sees to it.
func startShared() (*shared, error) {
	base := filepath.Join(os.TempDir(), fmt.Sprintf("chancery-postgres-%d", os.Geteuid()))
	if err := os.MkdirAll(base, 0o711); err != nil {
		return nil, err
	}
	if err := ownFolder(base); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), starting)
	defer cancel()
	for slot := 0; ; slot++ {
		o := embedded.PostgresOptions{Dir: filepath.Join(base, fmt.Sprint(slot)), Throwaway: true}
		p, err := embedded.StartPostgres(ctx, o)
		if errors.Is(err, embedded.ErrInUse) {
			continue
		}
		if err != nil && !errors.Is(err, embedded.ErrNoPostgres) && ctx.Err() == nil {
			// A throwaway survives no crash of the machine.
			if embedded.Remove(o.Dir) == nil {
				p, err = embedded.StartPostgres(ctx, o)
			}
		}
		if err != nil {
			return nil, err
		}
		s := &shared{postgres: p, templates: map[string]error{}}
		return s, s.sweep(ctx)
	}
}

// ownFolder refuses one that somebody else made in the common temporary folder.
func ownFolder(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || int(owner.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is not a folder of this account alone: remove it", path)
	}
	return nil
}

// sweep removes what an earlier program left in the folder.
func (s *shared) sweep(ctx context.Context) error {
	var err error
	if s.admin, err = sqlx.Open("postgres", s.postgres.DSN()); err != nil {
		return err
	}
	s.admin.SetMaxOpenConns(2)
	var left []string
	if err := s.admin.SelectContext(ctx, &left, `SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'`); err != nil {
		return err
	}
	for _, name := range left {
		if err := s.drop(ctx, name); err != nil {
			return err
		}
	}
	_, err = s.admin.ExecContext(ctx, `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'service') THEN
		CREATE ROLE service LOGIN; END IF; END $$`)
	if err != nil {
		return err
	}
	_, err = s.admin.ExecContext(ctx, `ALTER ROLE service PASSWORD 'service'; ALTER ROLE service SET search_path = service`)
	return err
}

func (s *shared) drop(ctx context.Context, name string) error {
	_, err := s.admin.ExecContext(ctx, `DROP DATABASE IF EXISTS `+pq.QuoteIdentifier(name)+` WITH (FORCE)`)
	return err
}

// template is the database in which the statements were run, once for all tests that want the same.
func (s *shared) template(schema string) (string, error) {
	name := fmt.Sprintf("template_%x", sha256.Sum256([]byte(schema)))[:32]
	s.mu.Lock()
	defer s.mu.Unlock()
	if err, known := s.templates[name]; known {
		return name, err
	}
	err := s.makeTemplate(name, schema)
	s.templates[name] = err
	return name, err
}

func (s *shared) makeTemplate(name, schema string) error {
	ctx, cancel := context.WithTimeout(context.Background(), starting)
	defer cancel()
	if _, err := s.admin.ExecContext(ctx, `CREATE DATABASE `+name); err != nil {
		return err
	}
	for _, step := range []struct{ role, statements string }{
		{"", `REVOKE ALL ON SCHEMA public FROM PUBLIC; CREATE SCHEMA service AUTHORIZATION service`},
		{serviceRole, schema},
	} {
		if step.statements == "" {
			continue
		}
		if err := s.execute(ctx, s.url(name, step.role), step.statements); err != nil {
			return fmt.Errorf("the schema for the tests: %w", err)
		}
	}
	return nil
}

func (s *shared) execute(ctx context.Context, dsn, statements string) error {
	db, err := sqlx.Open("postgres", dsn)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statements)
	return errors.Join(err, db.Close())
}

func (s *shared) clone(t testing.TB, template, role string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.clones.Add(1))
	ctx, cancel := context.WithTimeout(context.Background(), starting)
	defer cancel()
	// A template is locked while it is copied, and for a moment by whoever made it.
	for {
		_, err := s.admin.ExecContext(ctx, `CREATE DATABASE `+name+` TEMPLATE `+template)
		if err == nil {
			break
		}
		var busy *pq.Error
		if !errors.As(err, &busy) || busy.Code != "55006" {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), starting)
		defer cancel()
		if err := s.drop(ctx, name); err != nil {
			t.Error(err)
		}
	})
	return s.url(name, role)
}

func (s *shared) url(name, role string) string {
	u, err := url.Parse(s.postgres.DSN())
	if err != nil {
		panic(err) // the server's own URL
	}
	u.Path = "/" + name
	if role != "" {
		u.User = url.UserPassword(role, role)
	}
	return u.String()
}
