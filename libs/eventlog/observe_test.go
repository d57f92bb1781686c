package eventlog_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/chancery-dev/chancery/libs/eventlog"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

func TestObservationsArePackedAndDurable(t *testing.T) {
	l, _ := one(t)
	ctx := eventlog.WithMeta(within(t), eventlog.Meta{Actor: &eventv1.Actor{Id: "c-1", Kind: "client"}, Organization: "org"})
	const writers, each = 64, 50
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := l.Observe(ctx, "sign_in", &activityv1.StepUpSucceeded{SessionId: fmt.Sprintf("%d-%d", w, i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	seen, messages := map[string]bool{}, uint64(0)
	err := l.FollowActivity(within(t), 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			seen[r.Facts[0].(*activityv1.StepUpSucceeded).GetSessionId()] = true
			messages = r.Sequence
			if r.Subject != "activity.issuance.sign_in" || r.Envelope.GetSubject().GetId() != "c-1" || r.Envelope.GetOrganization() != "org" || r.Envelope.GetVersion() != 0 {
				return fmt.Errorf("%v", r)
			}
		}
		if len(seen) == writers*each {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if messages > writers*each/2 {
		t.Errorf("%d observations took %d messages", writers*each, messages)
	}
}

func TestBeatsAreWatched(t *testing.T) {
	_, nc := one(t)
	ctx := within(t)
	issuance, err := eventlog.OpenPulse(ctx, nc, "issuance")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := issuance.Beat(ctx, "n1", fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := issuance.Beat(ctx, "n2", []byte("x")); err != nil {
		t.Fatal(err)
	}
	var got []string
	err = issuance.Watch(ctx, func(b eventlog.Beat) error {
		got = append(got, b.Service+"/"+b.Node+"="+string(b.Body))
		if len(got) == 2 {
			go issuance.Beat(ctx, "n1", []byte("next"))
		}
		if len(got) == 3 {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != "[issuance/n1=2 issuance/n2=x issuance/n1=next]" {
		t.Fatal(got)
	}
}

func TestBlobsAreWrittenOnce(t *testing.T) {
	_, nc := one(t)
	ctx := within(t)
	blobs, err := eventlog.OpenBlobs(ctx, nc, "registry")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 512 << 10, 512<<10 + 1, 3 << 20} {
		content := bytes.Repeat([]byte{byte(size), 7}, size)[:size]
		for range 2 {
			digest, err := blobs.Put(ctx, content)
			if err != nil {
				t.Fatal(err)
			}
			got, err := blobs.Of("registry").Get(ctx, digest)
			if err != nil || !bytes.Equal(got, content) {
				t.Fatalf("%d bytes came back as %d: %v", size, len(got), err)
			}
		}
	}
}
