package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/chancery-dev/chancery/services/chancery/internal/client"
	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
	"github.com/chancery-dev/chancery/services/chancery/internal/world"
)

// Options say what the demo is told with.
type Options struct {
	Version string
	// Name is what the contract is called, Contract the document and Type its media type.
	Name     string
	Contract []byte
	Type     string
}

// story is the demo while it is told.
type story struct {
	*transcript
	o     Options
	suite *suite.Suite
	cast  *world.Cast
	front *front
	api   string // the API itself, without a gateway
	call  *caller
	dir   string
	told  chapter
	// upstream answers for the API from its contract, set once its path is known.
	upstream atomic.Pointer[http.Handler]
	contract *openapi3.T
}

// Run tells the story on a fresh suite in a temporary folder and leaves nothing behind.
func Run(ctx context.Context, out io.Writer, o Options) (err error) {
	dir, err := os.MkdirTemp("", "chancery-demo-")
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // other accounts' servers pass through
		return err
	}
	log, err := os.Create(filepath.Join(dir, "suite.log"))
	if err != nil {
		return err
	}
	s := &story{transcript: &transcript{out: out, started: time.Now()}, o: o, dir: dir, call: newCaller(32)}
	defer func() {
		err = errors.Join(err, s.end(context.WithoutCancel(ctx)), log.Close())
		if err != nil {
			fmt.Fprintf(out, "\nThe suite's log is kept: %s\n", log.Name())
			return
		}
		if err = os.RemoveAll(dir); err == nil {
			fmt.Fprintf(out, "%s, 0 failed, %.1f s. Nothing is left behind.\n", plural(s.checks, "check"), time.Since(s.started).Seconds())
		}
	}()
	document, err := openapi3.NewLoader().LoadFromData(o.Contract)
	if err != nil {
		return fmt.Errorf("the contract: %w", err)
	}
	s.contract = document
	s.suite, err = suite.Start(ctx, suite.Options{
		Dir: filepath.Join(dir, "data"), Portal: "127.0.0.1:0", IdP: "127.0.0.1:0", Gateway: "127.0.0.1:0", Version: o.Version, LimitFactor: 100,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	})
	if err != nil {
		return err
	}
	// Under which path the API lies is known once its contract is published.
	api, stop, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.upstream.Load()).ServeHTTP(w, r) }))
	if err != nil {
		return err
	}
	defer stop()
	s.api = api
	if s.front, err = startFront(ctx, s.suite, dir, api); err != nil {
		return err
	}
	fmt.Fprintf(out, "chancery %s · fresh suite: %s, NATS %s, PostgreSQL %s, %s · %s, ready in %.1f s\n", o.Version,
		plural(len(s.suite.Services), "service"), s.suite.NATSVersion, s.suite.PostgresVersion, s.front.name, runtime.Version(), time.Since(s.started).Seconds())
	if s.cast, err = world.Sign(ctx, s.suite.Portal, s.suite.IdP); err != nil {
		return err
	}
	for _, tell := range []func(context.Context) error{s.publish, s.register, s.request, s.review, s.grant, s.issue, s.rotate, s.revoke, s.record} {
		if err := tell(ctx); err != nil {
			return err
		}
	}
	return nil
}

// end stops whatever still runs.
func (s *story) end(ctx context.Context) (err error) {
	if s.front != nil {
		s.front.stop()
		s.front = nil
	}
	if s.suite != nil {
		err = s.suite.Stop(ctx)
		s.suite = nil
	}
	return err
}

func (s *story) document() client.Document {
	return client.Document{Type: s.o.Type, Body: bytes.Clone(s.o.Contract)}
}
