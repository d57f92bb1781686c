package gateway

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/receipt"
)

const (
	// beatEvery is how often an authorizer says how far it is when nothing happens, beatSoon when something does.
	beatEvery = time.Second
	beatSoon  = 2 * time.Millisecond
)

// pulse says on PULSE how far the authorizer has applied the log. A beat is true from the moment it is sent: no verdict
// begun later rests on less.
type pulse struct {
	beat   func(ctx context.Context, node string, body []byte) error
	fold   *lineage.Fold
	member *membership
	clock  func() time.Time
	logger *slog.Logger
}

func (p *pulse) run(ctx context.Context) error {
	for {
		position := p.fold.Position()
		said := receipt.Beat{Authorizer: p.member.name, Environment: p.member.environment, Position: position, At: p.clock(), KeyID: p.member.keyID}
		body, err := proto.Marshal(said.Sign(p.member.key).Message())
		if err != nil {
			return err
		}
		sending, cancel := context.WithTimeout(ctx, beatEvery)
		if err := p.beat(sending, p.member.name, body); err != nil && ctx.Err() == nil {
			p.logger.DebugContext(ctx, "a beat was not sent", "error", err)
		}
		cancel()
		soon := time.After(beatSoon)
		waiting, cancel := context.WithTimeout(ctx, beatEvery)
		_ = p.fold.WaitFor(waiting, position+1)
		cancel()
		select {
		case <-soon:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// name is what this authorizer is called: as configured, else host, process and chance.
func name(configured string) string {
	if configured != "" {
		return configured
	}
	host, _ := os.Hostname()
	host = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(host))
	return host[:min(len(host), 32)] + "-" + strconv.Itoa(os.Getpid()) + "-" + uuid.NewString()[:4]
}
