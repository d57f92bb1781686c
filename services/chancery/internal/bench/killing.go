package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/secret"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// killing is P8: 100,000 credentials of one organisation, and the one fact that ends them all.
func killing(ctx context.Context, b *bench) ([]row, error) {
	at, w, stop, err := b.serving(ctx, "p8")
	if err != nil {
		return nil, err
	}
	defer stop()
	const probes = 200
	n := b.n(100_000)
	keys, err := w.issueMany(ctx, n, probes)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if err := admitted(ctx, at.Gateway, key); err != nil {
			return nil, err
		}
	}
	c, err := dial(at.Gateway)
	if err != nil {
		return nil, err
	}
	defer c.c.Close()
	begun := time.Now()
	if _, err := w.append(ctx, "identity", "organization", w.organization, w.registered, &identityv1.OrganizationClosed{Reason: "measured"}); err != nil {
		return nil, err
	}
	durable := time.Since(begun)
	for _, key := range keys {
		for status := 204; status == 204; {
			if status, err = c.call(question(key)); err != nil {
				return nil, err
			}
		}
	}
	denied, late := time.Since(begun), 0
	for _, key := range keys {
		if status, err := c.call(question(key)); err != nil || status == 204 {
			late++
		}
	}
	return []row{
		{"P8", fmt.Sprintf("end %d credentials of one organisation → all of %d probes denied", n, probes), short(denied), short(durable) + " until durable",
			fmt.Sprintf("%.2f", float64(denied)/float64(durable)), "< 2 s", denied < 2*time.Second},
		{"P8", "admitted afterwards", fmt.Sprint(late), "", "", "0", late == 0},
	}, nil
}

// issueMany makes n credentials and gives the keys of some of them, the last among these.
func (w *made) issueMany(ctx context.Context, n, some int) (keys []string, err error) {
	log := w.logs["issuance"]
	tail, err := log.Tail(ctx)
	if err != nil {
		return nil, err
	}
	ctx = eventlog.WithMeta(ctx, eventlog.Meta{Seen: tail})
	until := timestamppb.New(time.Now().Add(time.Hour))
	var next atomic.Int64
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			for i := int(next.Add(1)); i <= n && ctx.Err() == nil; i = int(next.Add(1)) {
				k := secret.NewKey(secret.Test)
				sum := w.fingerprints.Of(k.Reveal())
				_, failed := log.Append(ctx, log.Subject("credential", uuid.NewString()), 0, &issuancev1.CredentialIssued{Kind: "api_key", GrantId: w.grant, RequestId: w.request,
					ApplicationId: w.application, OrganizationId: w.organization, ProductId: w.product, Scopes: []string{"accounts:read"}, Environment: "sandbox", Generation: 1,
					Fingerprint: sum[:], ExpiresAt: until})
				mu.Lock()
				if failed != nil {
					err = failed
				} else if i%max(n/some, 1) == 0 || i == n {
					keys = append(keys, k.Reveal())
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return keys, err
}
