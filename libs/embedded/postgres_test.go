package embedded_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/embedded"
)

func startPostgres(t testing.TB, o embedded.PostgresOptions) *embedded.Postgres {
	t.Helper()
	p, err := embedded.StartPostgres(limit(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func stop(t testing.TB, p *embedded.Postgres) {
	t.Helper()
	if err := p.Stop(limit(t)); err != nil {
		t.Error(err)
	}
	if alive(p.PID()) {
		t.Errorf("process %d is still there", p.PID())
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func run(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(limit(t), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func setting(t testing.TB, db *sql.DB, name string) (value string) {
	t.Helper()
	if err := db.QueryRowContext(limit(t), "SHOW "+name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestPostgresKeepsDataRolesAndPasswordsAcrossStarts(t *testing.T) {
	dir := filepath.Join(room(t), "pg")
	passwords := map[string]string{}
	for round := range 2 {
		p := startPostgres(t, embedded.PostgresOptions{Dir: dir})
		where, err := p.Roles(limit(t), "identity", "registry")
		if err != nil {
			t.Fatal(err)
		}
		db := open(t, where["identity"])
		if round == 0 {
			run(t, db, `CREATE TABLE people (id int)`)
			run(t, db, `INSERT INTO people VALUES (7)`)
		}
		var id int
		if err := db.QueryRow(`SELECT id FROM identity.people`).Scan(&id); err != nil || id != 7 {
			t.Fatalf("round %d: %d, %v", round, id, err)
		}
		for name, want := range map[string]string{"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "listen_addresses": "127.0.0.1", "password_encryption": "scram-sha-256"} {
			if got := setting(t, db, name); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
		password := strings.Split(strings.Split(where["identity"], "@")[0], ":")[2]
		if round == 1 && passwords["identity"] != password {
			t.Error("another password after a restart")
		}
		passwords["identity"] = password
		wrong := open(t, strings.Replace(where["identity"], password, "wrong", 1))
		if err := wrong.Ping(); err == nil || !strings.Contains(err.Error(), "password authentication failed") {
			t.Errorf("a wrong password: %v", err)
		}
		db.Close()
		wrong.Close()
		stop(t, p)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "data"): 0o700, filepath.Join(dir, "password"): 0o600} {
		if s, err := os.Stat(path); err != nil || s.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, s.Mode(), err, want)
		}
	}
}

// X1: one database role per service, none of which reaches another's tables.
func TestARoleReachesNothingOfAnotherService(t *testing.T) {
	p := startPostgres(t, embedded.PostgresOptions{Dir: filepath.Join(room(t), "pg"), Throwaway: true})
	defer stop(t, p)
	where, err := p.Roles(limit(t), "identity", "registry")
	if err != nil {
		t.Fatal(err)
	}
	identity, registry := open(t, where["identity"]), open(t, where["registry"])
	run(t, identity, `CREATE TABLE people (id int)`)
	for _, attempt := range []string{
		`SELECT id FROM identity.people`, `INSERT INTO identity.people VALUES (1)`, `DROP TABLE identity.people`,
		`CREATE TABLE identity.mine (id int)`, `CREATE TABLE public.mine (id int)`, `CREATE SCHEMA mine`, `DROP SCHEMA identity CASCADE`,
		`CREATE ROLE mine`, `SET ROLE chancery_identity`, `CREATE DATABASE mine`, `ALTER ROLE chancery_identity PASSWORD 'x'`,
		`COPY (SELECT 1) TO '/tmp/mine'`, `SELECT pg_read_file('PG_VERSION')`,
	} {
		if _, err := registry.Exec(attempt); err == nil || !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be ") {
			t.Errorf("%s: %v", attempt, err)
		}
	}
	again, err := p.Roles(limit(t), "identity", "registry", "audit")
	if err != nil || again["identity"] != where["identity"] {
		t.Errorf("a second call: %v, %v", again, err)
	}
	if got := setting(t, registry, "fsync"); got != "off" {
		t.Errorf("fsync of a throwaway is %s", got)
	}
}

func TestPostgresRefusesAFolderInUse(t *testing.T) {
	dir := filepath.Join(room(t), "pg")
	p := startPostgres(t, embedded.PostgresOptions{Dir: dir, Throwaway: true})
	defer stop(t, p)
	_, err := embedded.StartPostgres(limit(t), embedded.PostgresOptions{Dir: dir})
	if !errors.Is(err, embedded.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("got %v", err)
	}
	if err := embedded.Remove(dir); !errors.Is(err, embedded.ErrInUse) {
		t.Errorf("remove: %v", err)
	}
}

func TestPostgresRefusesATakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir, port := filepath.Join(room(t), "pg"), l.Addr().(*net.TCPAddr).Port
	_, err = embedded.StartPostgres(limit(t), embedded.PostgresOptions{Dir: dir, Port: port, Throwaway: true})
	if !errors.Is(err, embedded.ErrPortTaken) || !strings.Contains(err.Error(), fmt.Sprint(port)) {
		t.Fatalf("got %v", err)
	}
	l.Close()
	stop(t, startPostgres(t, embedded.PostgresOptions{Dir: dir, Port: port, Throwaway: true}))
}

func TestPostgresRefusesDataOfAnotherMajorVersion(t *testing.T) {
	dir := filepath.Join(room(t), "pg")
	stop(t, startPostgres(t, embedded.PostgresOptions{Dir: dir, Throwaway: true}))
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.StartPostgres(limit(t), embedded.PostgresOptions{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "made by PostgreSQL 99") || !strings.Contains(err.Error(), "install PostgreSQL 99") {
		t.Errorf("got %v", err)
	}
	if err := embedded.Remove(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

func TestPostgresStartsAnewAfterAnInterruptedFirstStart(t *testing.T) {
	dir := filepath.Join(room(t), "pg")
	stop(t, startPostgres(t, embedded.PostgresOptions{Dir: dir, Throwaway: true}))
	if err := os.Rename(filepath.Join(dir, "data"), filepath.Join(dir, "data.new")); err != nil {
		t.Fatal(err)
	}
	stop(t, startPostgres(t, embedded.PostgresOptions{Dir: dir, Throwaway: true}))
}

func TestPostgresSaysHowToGetOne(t *testing.T) {
	t.Setenv("PG_BIN", "/nowhere")
	_, err := embedded.FindPostgres(limit(t))
	if !errors.Is(err, embedded.ErrNoPostgres) || !strings.Contains(err.Error(), "PG_BIN is /nowhere") {
		t.Errorf("got %v", err)
	}
}

func TestPostgresServesFromAFolderTooLongForASocket(t *testing.T) {
	dir := filepath.Join(room(t), strings.Repeat("long", 30), "pg")
	stop(t, startPostgres(t, embedded.PostgresOptions{Dir: dir, Throwaway: true}))
}

func TestPostgresTellsOfItsEnd(t *testing.T) {
	p := startPostgres(t, embedded.PostgresOptions{Dir: filepath.Join(room(t), "pg"), Throwaway: true})
	if err := syscall.Kill(p.PID(), syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	case <-limit(t).Done():
		t.Fatal("no word of it")
	}
	if err := p.Stop(context.Background()); err == nil {
		t.Error("a stop of what had ended says nothing")
	}
}

func TestPostgresStopsAtOnceWhenThereIsNoTime(t *testing.T) {
	dir := filepath.Join(room(t), "pg")
	p := startPostgres(t, embedded.PostgresOptions{Dir: dir})
	ctx, cancel := context.WithDeadline(context.Background(), time.Now())
	defer cancel()
	if err := p.Stop(ctx); err != nil && alive(p.PID()) {
		t.Error(err)
	}
	stop(t, startPostgres(t, embedded.PostgresOptions{Dir: dir}))
}
