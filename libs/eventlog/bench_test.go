package eventlog_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/eventlog"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

func durable(b *testing.B) *eventlog.Log {
	b.Helper()
	s, err := embedded.StartNATS(within(b), embedded.NATSOptions{Dir: b.TempDir(), Address: "127.0.0.1:0", MaxStore: 8 << 30})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Stop)
	nc := connect(b, s)
	provision(b, nc)
	v := openVault(b, nc, eventlog.VaultOptions{Service: "issuance", Keys: keyFile(b)})
	return open(b, nc, eventlog.Options{Vault: v})
}

func BenchmarkObserveBy64(b *testing.B) {
	l := durable(b)
	ctx := eventlog.WithMeta(context.Background(), eventlog.Meta{Actor: &eventv1.Actor{Id: "c", Kind: "client"},
		Source: &eventv1.Source{Ip: "203.0.113.7", RequestId: "r"}})
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := l.Observe(ctx, "token", &activityv1.StepUpSucceeded{SessionId: "session", Acr: "mfa"}); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkHandle(b *testing.B) {
	l := durable(b)
	for i := 0; b.Loop(); i++ {
		if _, err := signers(l).Handle(context.Background(), fmt.Sprint(i), publish{"x"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			nc := connect(b, startOne(b))
			provision(b, nc)
			l := open(b, nc, eventlog.Options{Cache: -1})
			for range n {
				if _, err := signers(l).Handle(context.Background(), "a", publish{"x"}); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if _, _, err := signers(l).Load(context.Background(), "a"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFollow(b *testing.B) {
	nc := connect(b, startOne(b))
	provision(b, nc)
	l := open(b, nc, eventlog.Options{})
	for i := range 5000 {
		if _, err := l.Append(context.Background(), subject(fmt.Sprint(i)), 0, publish{"x"}.fact()); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		n := 0
		err := l.Follow(context.Background(), 0, func(_ context.Context, batch []eventlog.Recorded) error {
			if n += len(batch); n == 5000 {
				return eventlog.ErrStop
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(5000*b.N)/b.Elapsed().Seconds(), "facts/s")
}
