package demo

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// caller calls the API as a consumer does.
type caller struct{ http *http.Client }

func newCaller(connections int) *caller {
	return &caller{&http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: connections}}}
}

// answer is the status and the problem's code and sentence, if it is one.
type answer struct {
	status       int
	code, detail string
}

func (c *caller) do(ctx context.Context, method, url, key string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return answer{}, err
	}
	out := answer{status: response.StatusCode}
	var p struct{ Code, Detail string }
	if json.Unmarshal(raw, &p) == nil {
		out.code, out.detail = p.Code, p.Detail
	}
	return out, nil
}

// verify asks the authorizer itself, as a gateway does.
func (c *caller) verify(ctx context.Context, authorizer, method, target, key string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, authorizer+"/nginx/sandbox", http.NoBody)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("X-Original-Method", method)
	r.Header.Set("X-Original-Uri", target)
	response, err := c.http.Do(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Body.Close()
}

// spread calls f n times from several workers and stops at the first error.
func spread(ctx context.Context, workers, n int, f func(i int) error) error {
	var next atomic.Int64
	var once sync.Once
	var failed error
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range workers {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(i); err != nil {
					once.Do(func() { failed = err })
					cancel()
					return
				}
			}
		})
	}
	group.Wait()
	return failed
}

func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
