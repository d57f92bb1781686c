package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// suspended is the least aggregate there can be.
type suspended struct{ times int }

func (s suspended) Evolve(aggregate.Event) suspended { s.times++; return s }

// loading is P14: an aggregate of ten messages spread over a log of 1,000 and of 100,000 others.
func loading(ctx context.Context, b *bench) ([]row, error) {
	server, err := embedded.StartNATS(ctx, embedded.NATSOptions{Dir: filepath.Join(b.dir, "p14"), Relaxed: true})
	if err != nil {
		return nil, err
	}
	defer server.Stop()
	nc, err := server.Connect()
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	if err := eventlog.Provision(ctx, nc, eventlog.ProvisionOptions{Services: []string{"registry"}}); err != nil {
		return nil, err
	}
	log, err := eventlog.Open(ctx, nc, eventlog.Options{Service: "registry", Cache: -1})
	if err != nil {
		return nil, err
	}
	repository := eventlog.Repository[suspended]{Log: log, Kind: "registry.application"}
	probes := make([]string, 50)
	at := make([]uint64, len(probes))
	for i := range probes {
		probes[i] = uuid.NewString()
	}
	filled := 0
	fill := func(to int) error {
		for ; filled < to; filled++ {
			if _, err := log.Append(ctx, log.Subject("application", uuid.NewString()), 0, &registryv1.ApplicationSuspended{Reason: "filling"}); err != nil {
				return err
			}
		}
		return nil
	}
	small, large := 1000, b.n(100_000)
	probe := func() error {
		for i, id := range probes {
			if at[i], err = log.Append(ctx, log.Subject("application", id), at[i], &registryv1.ApplicationSuspended{Reason: "probe"}); err != nil {
				return err
			}
		}
		return nil
	}
	// Ten messages an aggregate in all, five spread over each part.
	for i := range 5 {
		if err := fill((i + 1) * small / 5); err != nil {
			return nil, err
		}
		if err := probe(); err != nil {
			return nil, err
		}
	}
	load := func() (sample, error) {
		return repeat(ctx, 1, b.n(4000), func(_, i int) error {
			s, _, err := repository.Load(ctx, probes[i%len(probes)])
			if err == nil && s.times < 5 {
				err = fmt.Errorf("loaded %d messages", s.times)
			}
			return err
		})
	}
	few, err := load()
	if err != nil {
		return nil, err
	}
	if err := fill(large); err != nil {
		return nil, err
	}
	many, err := load()
	if err != nil {
		return nil, err
	}
	ratio := float64(many.p(.5)) / float64(few.p(.5))
	return []row{{
		"P14", "load an aggregate of 5 messages, p50", fmt.Sprintf("%s among %d", us(many.p(.5)), large),
		fmt.Sprintf("%s among %d", us(few.p(.5)), small), fmt.Sprintf("%.2f", ratio), "≤ 2", ratio <= 2,
	}}, nil
}

func us(d time.Duration) string { return fmt.Sprintf("%.0f µs", float64(d)/1e3) }
