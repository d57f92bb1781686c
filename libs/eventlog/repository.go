package eventlog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/aggregate"
)

// Repository loads and decides aggregates of one kind.
type Repository[S aggregate.State[S]] struct {
	Log *Log
	// Kind is service and aggregate, for example "approval.request".
	Kind string
}

// Outcome is what became of a command.
type Outcome struct {
	// Position is where the decision stands in EVENTS; where nothing followed, the aggregate's last one.
	Position uint64
	// Repeated says that this command had been decided before.
	Repeated bool
	// Facts are those the command led to; of a repeated one as stored, personal fields sealed.
	Facts []aggregate.Event
}

// folded is an aggregate as loaded.
type folded[S any] struct {
	prior
	state    S
	eventID  string
	commands map[string]uint64
}

// Load is the state of an aggregate and the position of its last decision, 0 and the zero state if there is none. It
// costs the same whatever else the log holds. On a replicated log it may trail the leader by a moment, which an append
// would notice: what rests on a load alone uses LoadLeader. Personal fields are empty in every loaded state.
func (r Repository[S]) Load(ctx context.Context, id string) (S, uint64, error) {
	return r.loadOnce(ctx, id, false)
}

// LoadLeader is Load with the tail read from the leader, for decisions that append nothing to this aggregate.
func (r Repository[S]) LoadLeader(ctx context.Context, id string) (S, uint64, error) {
	return r.loadOnce(ctx, id, true)
}

func (r Repository[S]) loadOnce(ctx context.Context, id string, leader bool) (S, uint64, error) {
	ctx, cancel := r.Log.bound(ctx)
	defer cancel()
	f, err := r.load(ctx, r.subject(id), leader)
	return f.state, f.sequence, err
}

func (r Repository[S]) subject(id string) string { return "events." + r.Kind + "." + id }

func (r Repository[S]) load(ctx context.Context, subject string, leader bool) (folded[S], error) {
	if parts := strings.Split(subject, "."); len(parts) != 4 || !token.MatchString(parts[3]) {
		// No such aggregate can exist: a name with wildcards must not reach the server.
		return folded[S]{}, nil
	}
	last, err := r.Log.tail(ctx, subject, leader)
	if err != nil || last == nil {
		return folded[S]{}, err
	}
	f := folded[S]{}
	if kept, ok := r.Log.cache.get(subject); ok {
		if state, ok := kept.state.(S); ok && kept.sequence <= last.Sequence {
			f = folded[S]{kept.prior, state, kept.eventID, kept.commands}
		}
	}
	if f.sequence == last.Sequence && f.sequence != 0 {
		if f.eventID == last.Envelope.GetEventId() && f.version == last.Envelope.GetVersion() {
			return f, nil
		}
		// The log under this connection is another one.
		r.Log.cache.drop(subject)
		f = folded[S]{}
	}
	records, err := r.Log.since(ctx, *last, f.prior)
	if errors.Is(err, ErrIncomplete) && f.sequence != 0 {
		r.Log.cache.drop(subject)
		f = folded[S]{}
		records, err = r.Log.since(ctx, *last, prior{})
	}
	if err != nil {
		return folded[S]{}, err
	}
	commands := make(map[string]uint64, len(f.commands)+len(records))
	maps.Copy(commands, f.commands)
	for _, rec := range records {
		if rec.Forged {
			return folded[S]{}, fmt.Errorf("%w: %s #%d tells of what is another's", ErrCorrupt, subject, rec.Sequence)
		}
		if !rec.Known() {
			return folded[S]{}, fmt.Errorf("%w: %s #%d", ErrUpgradeNeeded, subject, rec.Sequence)
		}
		f.state = aggregate.Fold(f.state, rec.Facts...)
		commands[rec.Envelope.GetCommandId()] = rec.Sequence
	}
	if f.prior, err = priorOf(*last); err != nil {
		return folded[S]{}, err
	}
	f.eventID, f.commands = last.Envelope.GetEventId(), commands
	r.keep(subject, f)
	return f, nil
}

func (r Repository[S]) keep(subject string, f folded[S]) {
	r.Log.cache.put(cached{f.prior, subject, f.eventID, f.state, f.commands})
}

// Handle decides cmd on the aggregate's state and stores what follows, deciding again when somebody else was first.
// It waits until the log's Frontier has reached the aggregate's tail and what the caller was shown. A command id that is
// already in the aggregate answers with what it led to.
func (r Repository[S]) Handle(ctx context.Context, id string, cmd aggregate.Command[S]) (Outcome, error) {
	return r.handle(ctx, id, false, func(ctx context.Context, tail uint64) (aggregate.Command[S], uint64, error) {
		seen, err := r.Log.seen(ctx, tail)
		return cmd, seen, err
	})
}

// seen is the position of the fold a decision rests on, once it has reached tail and what the caller was shown.
func (l *Log) seen(ctx context.Context, tail uint64) (uint64, error) {
	m := MetaFrom(ctx)
	switch {
	case m.Seen != 0:
		return m.Seen, reached(m.Seen, tail, m.Shown)
	case l.frontier == nil:
		// Nothing but the aggregate itself was looked at.
		return tail, nil
	}
	if must := max(tail, m.Shown); l.frontier.Position() < must {
		if err := l.frontier.WaitFor(ctx, must); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrBehind, err)
		}
	}
	return l.frontier.Position(), nil
}

func reached(seen, tail, shown uint64) error {
	if must := max(tail, shown); seen < must {
		return fmt.Errorf("%w: at %d of %d", ErrBehind, seen, must)
	}
	return nil
}

// HandleWith is Handle for commands that carry what was read elsewhere: build is called anew for every attempt with the
// aggregate's tail and answers the command and the position of the fold it read from, which must have reached tail and
// what the caller was shown.
func (r Repository[S]) HandleWith(ctx context.Context, id string, build func(ctx context.Context, tail uint64) (cmd aggregate.Command[S], seen uint64, err error)) (Outcome, error) {
	return r.handle(ctx, id, false, r.reaching(build))
}

func (r Repository[S]) reaching(build prepare[S]) prepare[S] {
	return func(ctx context.Context, tail uint64) (aggregate.Command[S], uint64, error) {
		cmd, seen, err := build(ctx, tail)
		if err == nil {
			err = reached(seen, tail, MetaFrom(ctx).Shown)
		}
		return cmd, seen, err
	}
}

// HandleNew is HandleWith for an id that was made for this very command: nothing is looked up before the append, which
// finds out if something is there after all.
func (r Repository[S]) HandleNew(ctx context.Context, id string, build func(ctx context.Context, tail uint64) (cmd aggregate.Command[S], seen uint64, err error)) (Outcome, error) {
	return r.handle(ctx, id, true, r.reaching(build))
}

// prepare makes the command of one attempt and says which fold it rests on.
type prepare[S aggregate.State[S]] func(ctx context.Context, tail uint64) (aggregate.Command[S], uint64, error)

func (r Repository[S]) handle(ctx context.Context, id string, fresh bool, build prepare[S]) (Outcome, error) {
	ctx, cancel := r.Log.bound(ctx)
	defer cancel()
	subject := r.subject(id)
	if _, _, err := r.Log.parse(subject); err != nil {
		return Outcome{}, err
	}
	m := MetaFrom(ctx)
	if m.CommandID == "" {
		fresh, err := uuid.NewV7()
		if err != nil {
			return Outcome{}, err
		}
		m.CommandID = fresh.String()
		ctx = WithMeta(ctx, m)
	}
	leader := false
	for try := 0; ; try++ {
		out, err := r.decide(ctx, subject, leader, fresh && !leader, build)
		switch {
		case errors.Is(err, errLookAgain):
			leader = true
			continue
		case errors.Is(err, ErrConflict):
			leader = true
		default:
			return out, err
		}
		if werr := wait(ctx, min(try, 3)); werr != nil {
			return Outcome{}, err
		}
	}
}

// errLookAgain says that a refusal rested on a state the leader knows to be old.
var errLookAgain = errors.New("the state was old")

func (r Repository[S]) decide(ctx context.Context, subject string, leader, fresh bool, build prepare[S]) (Outcome, error) {
	var f folded[S]
	var err error
	if !fresh {
		if f, err = r.load(ctx, subject, leader); err != nil {
			return Outcome{}, err
		}
	}
	m := MetaFrom(ctx)
	if at, ok := f.commands[m.CommandID]; ok {
		before, err := r.Log.at(ctx, subject, at)
		return Outcome{Position: at, Repeated: true, Facts: before.Facts}, err
	}
	cmd, seen, err := build(ctx, f.sequence)
	if err != nil {
		return Outcome{}, err
	}
	facts, err := cmd.Decide(f.state)
	if (err != nil || len(facts) == 0) && !leader {
		// What appends nothing is not checked by an append.
		last, terr := r.Log.tail(ctx, subject, true)
		if terr != nil {
			return Outcome{}, terr
		}
		if last != nil && last.Sequence != f.sequence {
			return Outcome{}, errLookAgain
		}
	}
	if err != nil || len(facts) == 0 {
		return Outcome{Position: f.sequence}, err
	}
	after := aggregate.Fold(f.state, facts...)
	d := draft{facts: facts, organization: m.Organization, seen: seen}
	if owned, ok := any(after).(aggregate.Owned); ok {
		d.organization = owned.OrganizationID()
	}
	if personal, ok := any(after).(aggregate.Personal); ok {
		d.person = personal.PersonID()
	}
	w, err := r.Log.append(ctx, subject, f.prior, d)
	if err != nil {
		return Outcome{}, err
	}
	if w.repeated {
		return Outcome{Position: w.sequence, Repeated: true, Facts: w.facts}, nil
	}
	commands := make(map[string]uint64, len(f.commands)+1)
	maps.Copy(commands, f.commands)
	commands[m.CommandID] = w.sequence
	// The next load folds nothing if nobody else was here. Kept is what a load would give, without personal values.
	r.keep(subject, folded[S]{w.prior, aggregate.Fold(f.state, w.facts...), w.envelope.GetEventId(), commands})
	return Outcome{Position: w.sequence, Facts: facts}, nil
}
