package quota

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// suffix tells these words from an authorizer's beats, which lie beside them.
const suffix = "-spent"

// maxShares bounds one word; it stays below the size of a message.
const maxShares = 10_000

// Words is how keepers talk.
type Words struct {
	Keeper *Keeper
	Beat   func(ctx context.Context, node string, body []byte) error
	Watch  func(ctx context.Context, apply func(eventlog.Beat) error) error
	Logger *slog.Logger
	// Recent is live usage by credential and organisation since it was asked last; nil tells none.
	Recent func() (credentials, organizations map[string]uint64)

	counted time.Time
}

// Run tells and listens until ctx ends, and says then that this authorizer holds nothing any more.
func (w *Words) Run(ctx context.Context) error {
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		w.listen(ctx)
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	last, told := time.Now(), time.Time{}
	for {
		select {
		case <-tick.C:
			now := time.Now()
			shares := w.Keeper.look(w.Keeper.now(), now.Sub(last))
			last = now
			if len(shares) > 0 || now.Sub(told) >= time.Second {
				told = now
				w.tell(ctx, shares, false)
			}
		case <-ctx.Done():
			<-listening
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			w.tell(ending, w.Keeper.look(w.Keeper.now(), every), true)
			cancel()
			return ctx.Err()
		}
	}
}

func (w *Words) tell(ctx context.Context, shares []*eventv1.Share, leaving bool) {
	shares = shares[:min(len(shares), maxShares)]
	said := &eventv1.Spent{Authorizer: w.Keeper.node, Leaving: leaving, Shares: shares, At: w.Keeper.now().UnixMilli()}
	if now := time.Now(); w.Recent != nil && now.Sub(w.counted) >= time.Second {
		w.counted = now
		said.Credentials, said.Organizations = w.Recent()
	}
	body, err := proto.Marshal(said)
	if err == nil {
		sending, cancel := context.WithTimeout(ctx, quiet)
		err = w.Beat(sending, w.Keeper.node+suffix, body)
		cancel()
	}
	if err != nil && ctx.Err() == nil {
		w.Logger.DebugContext(ctx, "what was spent was not told", "error", err)
	}
	w.Keeper.mu.Lock()
	w.Keeper.cut = err != nil
	w.Keeper.mu.Unlock()
}

func (w *Words) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := w.Watch(ctx, w.hear); err != nil && ctx.Err() == nil {
			w.Logger.WarnContext(ctx, "what others spend is not heard", "error", err)
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (w *Words) hear(b eventlog.Beat) error {
	var said eventv1.Spent
	if b.Service != "gateway" || proto.Unmarshal(b.Body, &said) != nil || said.Authorizer == "" || said.Authorizer+suffix != b.Node {
		return nil
	}
	w.Keeper.hear(&said)
	return nil
}

func (k *Keeper) hear(said *eventv1.Spent) {
	now := k.now()
	if said.Authorizer == k.node || now.Sub(time.UnixMilli(said.At)) > gone {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.peers[said.Authorizer]
	if p == nil {
		p = &peer{shares: map[key]*share{}}
		k.peers[said.Authorizer] = p
	}
	p.heard, p.left = now, said.Leaving
	for _, s := range said.Shares {
		if len(s.Key) != len(key{}) {
			continue
		}
		id := key(s.Key)
		known := p.shares[id]
		if known == nil {
			if len(p.shares) >= most {
				continue
			}
			known = &share{peer: p}
			p.shares[id] = known
			if e := k.entries[id]; e != nil {
				e.others = append(e.others, known)
			}
		}
		known.window, known.admitted, known.ceiling, known.wanted = s.Window, s.Admitted, s.Ceiling, float64(s.Wanted)
	}
}
