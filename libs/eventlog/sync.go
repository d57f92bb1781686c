package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// ErrLazySync says that a server acknowledges what it has not yet flushed to its disk.
var ErrLazySync = errors.New("acknowledges messages before they are on disk")

// CheckSync asks every server of a cluster of this size, over a connection of the system account, whether it flushes
// each message before it acknowledges it, and refuses those that do not, by name.
func CheckSync(ctx context.Context, system *nats.Conn, servers int) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	var err error
	for try := 0; ; try++ {
		var answered int
		if answered, err = checkSync(ctx, system, servers); err == nil || answered == servers {
			return err
		}
		if wait(ctx, try+4) != nil {
			return err
		}
	}
}

func checkSync(ctx context.Context, system *nats.Conn, servers int) (int, error) {
	inbox := system.NewInbox()
	answers, err := system.SubscribeSync(inbox)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := system.PublishRequest("$SYS.REQ.SERVER.PING.JSZ", inbox, []byte(`{"config":true}`)); err != nil {
		return 0, err
	}
	soon, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	seen := map[string]bool{}
	var lazy []error
	for len(seen) < servers {
		m, err := answers.NextMsgWithContext(soon)
		if err != nil {
			return len(seen), fmt.Errorf("%d of %d servers told how they sync: %w", len(seen), servers, err)
		}
		var answer struct {
			Server struct {
				Name string `json:"name"`
				ID   string `json:"id"`
			} `json:"server"`
			Data struct {
				Config struct {
					SyncAlways   bool          `json:"sync_always"`
					SyncInterval time.Duration `json:"sync_interval"`
				} `json:"config"`
			} `json:"data"`
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return len(seen), fmt.Errorf("a server tells how it syncs: %w", err)
		}
		if seen[answer.Server.ID] {
			continue
		}
		seen[answer.Server.ID] = true
		if c := answer.Data.Config; !c.SyncAlways {
			lazy = append(lazy, fmt.Errorf("server %s %w: jetstream sync_interval is %s, expected always", answer.Server.Name, ErrLazySync, c.SyncInterval))
		}
	}
	return len(seen), errors.Join(lazy...)
}
