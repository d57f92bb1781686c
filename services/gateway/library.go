package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/dpop"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/doors"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
	"github.com/chancery-dev/chancery/services/gateway/internal/quota"
	"github.com/chancery-dev/chancery/services/gateway/internal/record"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// Request is one call that wants to pass, Verdict the answer, Reason why not.
type (
	Request = verdict.Request
	Verdict = verdict.Verdict
	Reason  = verdict.Reason
)

// Options are what a program needs that authorizes in its own process.
type Options struct {
	Log          *eventlog.Log
	Fingerprints *secret.Fingerprints
	// Issuer of access tokens; empty means that none are accepted.
	Issuer string
	// Metadata is where clients that are refused learn who issues tokens (RFC 9728 §5.1); empty if they are not told.
	Metadata string
	// Name of this authorizer in what is recorded; empty for one made up.
	Name string
	// NATS is the log's connection.
	NATS *nats.Conn
	// Lease is how long calls are judged from memory after the newest facts were last known to be there; 0 means 5 s.
	Lease time.Duration
	// Grace is, by class of product, public or partner, how long after that calls still pass by what is known.
	Grace  map[string]time.Duration
	Clock  func() time.Time
	Logger *slog.Logger
}

// Library is the authorizer inside a Go program: the same verdicts as over HTTP, without the way there.
type Library struct {
	doors  *doors.Doors
	book   *record.Book
	member *membership
	cancel context.CancelFunc
	ended  chan error
}

// Open follows the log and returns once everything that was in it is folded. It goes on until Close.
func Open(ctx context.Context, o Options) (*Library, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	live := lineage.NewFold()
	facts := fold.New(live, o.Logger)
	if o.NATS == nil {
		return nil, errors.New("an authorizer needs the log's connection to notice that it is lost")
	}
	if o.Lease == 0 {
		o.Lease = 5 * time.Second
	}
	o.Name = name(o.Name)
	lease := newLease(o.Log.Tail, live, o.Lease, o.Logger)
	member, err := newMembership(o.Log, o.Name, "", o.Logger)
	if err != nil {
		return nil, err
	}
	beats, err := eventlog.OpenPulse(ctx, o.NATS, "gateway")
	if err != nil {
		return nil, err
	}
	lease.member, lease.grace, lease.observe = member, o.Grace, o.Log.Observe
	signer, err := principal.NewSigner("gateway", o.Clock, service.SignerLife)
	if err != nil {
		return nil, err
	}
	l := &Library{
		member: member,
		book:   &record.Book{Observe: o.Log.Observe, Authorizer: o.Name, Now: o.Clock, Logger: o.Logger},
		ended:  make(chan error, 1),
	}
	keeper := quota.New(o.Name, o.Clock)
	l.doors = doors.New(doors.Options{
		Authorizer: &verdict.Authorizer{Fold: facts, Fingerprints: o.Fingerprints, Issuer: o.Issuer, Now: o.Clock, Fresh: lease.fresh, Held: lease.age,
			Proofs: dpop.New(o.Clock), Quota: keeper},
		Count: l.book.Count, Decision: decision.NewSeal(o.Name, o.Fingerprints).ID, Sign: signing(signer), Metadata: o.Metadata,
	})
	l.doors.Authorizer.Grace = lease.lenient
	if err := service.PublishSigner(ctx, o.Log, "gateway", signer.Public()); err != nil {
		return nil, err
	}
	tail, err := o.Log.Tail(ctx)
	if err != nil {
		return nil, err
	}
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	go func() { _ = l.book.Run(following) }()
	go func() {
		_ = (&quota.Words{Keeper: keeper, Beat: beats.Beat, Watch: beats.Watch, Logger: o.Logger}).Run(following)
	}()
	go func() {
		l.ended <- o.Log.Follow(following, 0, func(ctx context.Context, batch []eventlog.Recorded) error {
			if err := errors.Join(facts.Apply(ctx, batch), member.apply(ctx, batch)); err != nil {
				return err
			}
			for _, r := range batch {
				if err := live.Apply(r.Sequence, r.Time, r.Envelope, []proto.Message(r.Facts)); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	go func() { _ = lease.run(following, o.NATS) }()
	go func() {
		_ = service.RenewSigner(following, service.Deps{Name: "gateway", Log: o.Log, Signer: signer, Logger: o.Logger})
	}()
	err = live.WaitFor(ctx, tail)
	go func() { _ = member.run(following) }()
	go func() {
		_ = (&pulse{beat: beats.Beat, fold: live, member: member, clock: o.Clock, logger: o.Logger}).run(following)
	}()
	for err == nil && !lease.fresh() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return l, nil
}

// Authorize judges one call and takes note of it.
func (l *Library) Authorize(ctx context.Context, r Request) Verdict {
	v := l.doors.Authorizer.Authorize(ctx, r)
	l.doors.Count(&v, r.Network)
	return v
}

// Decision is the id of a verdict of this authorizer, which explains it to whoever may ask.
func (l *Library) Decision(v *Verdict) string { return l.doors.Decision(v) }

// Position is how far the log is folded.
func (l *Library) Position() uint64 { return l.doors.Authorizer.Fold.Lineage().Position() }

// Guard lets only calls pass that may, and tells next who calls; what clients say of that themselves is taken away.
func (l *Library) Guard(environment string, next http.Handler) http.Handler {
	return l.doors.Guard(environment, next)
}

// Close stops following and writes down what was counted.
func (l *Library) Close(ctx context.Context) error {
	_ = l.member.leave(ctx)
	l.cancel()
	<-l.ended
	return l.book.Close(ctx)
}
