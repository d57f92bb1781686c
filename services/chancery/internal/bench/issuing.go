package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
	"github.com/chancery-dev/chancery/services/chancery/internal/world"
)

// scene is a running suite with one grant.
type scene struct {
	suite *suite.Suite
	cast  *world.Cast
	grant string
}

// scene starts the suite once for all measurements that need one: durable, every service a process of its own.
func (b *bench) scene(ctx context.Context) (*scene, error) {
	if b.running != nil {
		return b.running, nil
	}
	program := filepath.Join(b.dir, "chancery")
	if text, err := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/chancery-dev/chancery/services/chancery").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	s, err := suite.StartSplit(ctx, suite.Options{Dir: filepath.Join(b.dir, "suite"), Portal: "127.0.0.1:0", IdP: "127.0.0.1:0", Gateway: "127.0.0.1:0", Version: "bench", LimitFactor: 100000, Program: program})
	if err != nil {
		return nil, err
	}
	out := &scene{suite: s}
	b.running = out
	if out.cast, err = world.Sign(ctx, s.Portal, s.IdP); err != nil {
		return nil, err
	}
	product, _, err := out.cast.Publish(ctx, "ledger")
	if err != nil {
		return nil, err
	}
	application, err := out.cast.Register(ctx, "noor", "sam", "Bench", "Measures how fast it goes", "sandbox")
	if err != nil {
		return nil, err
	}
	request, digest, err := out.cast.Request(ctx, "noor", application, product, []string{"accounts:read"}, 30, "measuring how fast it goes")
	if err != nil {
		return nil, err
	}
	if err := out.cast.Review(ctx, "mara", "product_reviewer", request, digest); err != nil {
		return nil, err
	}
	out.grant, err = out.cast.Grant(ctx, "noor", application, request)
	return out, err
}

func (b *bench) end(ctx context.Context) error {
	if b.running == nil {
		return nil
	}
	return b.running.suite.Stop(ctx)
}

var loaded = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}, Timeout: 30 * time.Second}

// tokens is P5: client credentials for an EdDSA access token, recorded durably before it is handed out.
func tokens(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.scene(ctx)
	if err != nil {
		return nil, err
	}
	key, err := s.cast.Issue(ctx, "noor", s.grant, "client_secret", "tokens")
	if err != nil {
		return nil, err
	}
	endpoint, form := s.suite.URL("issuance")+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}}.Encode()
	ask := func(int, int) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(key.ID, key.Secret)
		response, err := loaded.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		var answer struct {
			Token string `json:"access_token"`
		}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
			return fmt.Errorf("token endpoint: %s %w", response.Status, err)
		}
		return nil
	}
	load := func() (sample, error) { return repeat(ctx, connections, b.n(6000), ask) }
	ours, disk, err := interleave(3,
		func() (sample, error) { return spent(s.suite, load, "issuance") },
		func() (sample, error) { return fsyncs(ctx, b.dir, b.n(1000)) })
	if err != nil {
		return nil, err
	}
	perCore := float64(len(ours.times)) / ours.cpu.Seconds()
	limit := 3*disk.p(.99) + 5*time.Millisecond
	return []row{
		{"P5", "issue an access token, durable before the answer, 32 connections", fmt.Sprintf("%s, %.0f per core-second", perSecond(ours.rate()), perCore),
			"raw fsync " + perSecond(disk.rate()), fmt.Sprintf("%.2f", ours.rate()/disk.rate()), "≥ 2,000 per core-second", perCore >= 2000},
		{"P5", "… p99", short(ours.p(.99)), "raw fsync p99 " + short(disk.p(.99)), fmt.Sprintf("%.2f", float64(ours.p(.99))/float64(limit)), "≤ 1 × (3 × fsync p99 + 5 ms)", ours.p(.99) <= limit},
	}, nil
}

// credentials is P6: issuing through the portal, beside INSERT and commit in Postgres from as many writers.
func credentials(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.scene(ctx)
	if err != nil {
		return nil, err
	}
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: filepath.Join(b.dir, "p6")})
	if err != nil {
		return nil, err
	}
	defer func() { _ = pg.Stop(context.WithoutCancel(ctx)) }()
	dsn, err := pg.Roles(ctx, "bench")
	if err != nil {
		return nil, err
	}
	db, err := sqlx.Open("postgres", dsn["bench"])
	if err != nil {
		return nil, err
	}
	defer db.Close()
	const writers = 16
	db.SetMaxOpenConns(writers)
	db.SetMaxIdleConns(writers)
	if _, err := db.ExecContext(ctx, `create table events (id bigserial primary key, aggregate text not null, version bigint not null, body bytea not null, unique (aggregate, version))`); err != nil {
		return nil, err
	}
	body := make([]byte, 600)
	ours, theirs, err := interleave(3,
		func() (sample, error) {
			return repeat(ctx, writers, b.n(1200), func(w, i int) error {
				_, err := s.cast.Issue(ctx, []string{"noor", "sam"}[w%2], s.grant, "api_key", fmt.Sprint("bench ", i))
				return err
			})
		},
		func() (sample, error) {
			return repeat(ctx, writers, b.n(4000), func(w, i int) error {
				_, err := db.ExecContext(ctx, `insert into events (aggregate, version, body) values ($1,$2,$3)`, fmt.Sprint(w, "/", time.Now().UnixNano()), i, body)
				return err
			})
		})
	if err != nil {
		return nil, err
	}
	ratio := ours.rate() / theirs.rate()
	return []row{{"P6", "issue a credential through the portal, fsynced fact, 16 writers, R1", fmt.Sprintf("%s, p50 %s", perSecond(ours.rate()), short(ours.p(.5))),
		"INSERT + commit " + perSecond(theirs.rate()), fmt.Sprintf("%.2f", ratio), "≥ 0.8", ratio >= .8}}, nil
}
