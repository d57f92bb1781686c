package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// sample is the times of many operations and how long all took together.
type sample struct {
	times []time.Duration
	whole time.Duration
	cpu   time.Duration
}

func (s *sample) rate() float64 { return float64(len(s.times)) / s.whole.Seconds() }

func (s *sample) p(q float64) time.Duration {
	if len(s.times) == 0 {
		return 0
	}
	slices.Sort(s.times)
	return s.times[min(int(q*float64(len(s.times))), len(s.times)-1)]
}

func (s *sample) add(o sample) {
	s.times, s.whole, s.cpu = append(s.times, o.times...), s.whole+o.whole, s.cpu+o.cpu
}

// repeat calls f n times from several workers.
func repeat(ctx context.Context, workers, n int, f func(worker, i int) error) (sample, error) {
	times := make([]time.Duration, n)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	used, started := cpu(), time.Now()
	for w := range workers {
		group.Go(func() {
			for failed.Load() == nil && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				begun := time.Now()
				if err := f(w, i); err != nil {
					failed.Store(&err)
					return
				}
				times[i] = time.Since(begun)
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return sample{}, *err
	}
	return sample{times, time.Since(started), cpu() - used}, ctx.Err()
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fsyncs appends and flushes n small records: what a durable answer costs at least on this disk.
func fsyncs(ctx context.Context, dir string, n int) (sample, error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return sample{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 700)
	return repeat(ctx, 1, n, func(int, int) error {
		if _, err := f.Write(block); err != nil {
			return err
		}
		return f.Sync()
	})
}

// interleave runs a and b in turn, A B A B, and gives what each took together.
func interleave(rounds int, a, b func() (sample, error)) (as, bs sample, err error) {
	for range rounds {
		one, err := a()
		if err != nil {
			return as, bs, err
		}
		two, err := b()
		if err != nil {
			return as, bs, err
		}
		as.add(one)
		bs.add(two)
	}
	return as, bs, nil
}

func perSecond(v float64) string {
	if v >= 10000 {
		return fmt.Sprintf("%.1f k/s", v/1000)
	}
	return fmt.Sprintf("%.0f/s", v)
}

func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", float64(d)/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}
