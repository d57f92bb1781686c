package embedded

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/lib/pq"
)

// database is the one all services share, each in a schema of its own.
const database = "chancery"

// Roles makes a role and a schema for each service in the suite's database and returns where each connects. Called
// again it restores what is missing and returns the same.
func (p *Postgres) Roles(ctx context.Context, services ...string) (map[string]string, error) {
	admin, err := sql.Open("postgres", p.DSN())
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	var there bool
	if err := admin.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, database).Scan(&there); err != nil {
		return nil, err
	}
	if !there {
		if _, err := admin.ExecContext(ctx, `CREATE DATABASE `+database); err != nil && !isDuplicate(err) {
			return nil, explain(p.home.dir, err)
		}
	}
	shared, err := located(p.DSN(), func(u *url.URL) { u.Path = "/" + database })
	if err != nil {
		return nil, err
	}
	return Roles(ctx, shared, []byte(p.password), services...)
}

// Roles makes a role chancery_<service> for each service in the database that the administrator's DSN opens. A role owns
// the schema of its service's name, which is also its search path, and reaches nothing of the others. Its password
// follows from the seed. The result is a DSN for each service.
func Roles(ctx context.Context, administrator string, seed []byte, services ...string) (map[string]string, error) {
	admin, err := sql.Open("postgres", administrator)
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	tx, err := admin.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("the database for the services: %w", err)
	}
	defer tx.Rollback()
	// Two processes that start at once would collide in the catalogue.
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext('chancery roles'))`); err != nil {
		return nil, err
	}
	var name string
	if err := tx.QueryRowContext(ctx, `SELECT current_database()`).Scan(&name); err != nil {
		return nil, err
	}
	name = pq.QuoteIdentifier(name)
	statements := []string{
		`REVOKE ALL ON DATABASE ` + name + ` FROM PUBLIC`,
		`REVOKE ALL ON SCHEMA public FROM PUBLIC`,
	}
	where := make(map[string]string, len(services))
	for _, service := range services {
		role, password := "chancery_"+service, rolePassword(seed, service)
		var exists bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, role).Scan(&exists); err != nil {
			return nil, err
		}
		verb := "CREATE"
		if exists {
			verb = "ALTER"
		}
		r, schema := pq.QuoteIdentifier(role), pq.QuoteIdentifier(service)
		statements = append(statements,
			verb+` ROLE `+r+` LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD `+pq.QuoteLiteral(password),
			`GRANT CONNECT, TEMPORARY ON DATABASE `+name+` TO `+r,
			`GRANT `+r+` TO CURRENT_USER`, // an administrator who is no superuser gives a schema only to roles he is in
			`CREATE SCHEMA IF NOT EXISTS `+schema+` AUTHORIZATION `+r,
			`ALTER SCHEMA `+schema+` OWNER TO `+r,
			`REVOKE ALL ON SCHEMA `+schema+` FROM PUBLIC`,
			`ALTER ROLE `+r+` IN DATABASE `+name+` SET search_path = `+schema,
		)
		if where[service], err = located(administrator, func(u *url.URL) { u.User = url.UserPassword(role, password) }); err != nil {
			return nil, err
		}
	}
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			verb, _, _ := strings.Cut(s, " PASSWORD ")
			return nil, fmt.Errorf("the administrator of the database may not %q: %w", verb, err)
		}
	}
	return where, tx.Commit()
}

func rolePassword(seed []byte, service string) string {
	mac := hmac.New(sha256.New, seed)
	mac.Write([]byte("role " + service))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

func located(dsn string, change func(*url.URL)) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return "", errors.New("the database is named by a URL, postgres://user:password@host:port/database")
	}
	change(u)
	return u.String(), nil
}

func isDuplicate(err error) bool {
	var e *pq.Error
	return errors.As(err, &e) && (e.Code == "42P04" || e.Code == "23505")
}
