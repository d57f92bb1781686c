package intake

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/secret"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/applied"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/fingerprints"
	"github.com/chancery-dev/chancery/services/issuance/internal/leak"
	"github.com/chancery-dev/chancery/services/issuance/internal/standing"
)

const (
	// takenUp is after how long a report that was not brought to its end is taken up once more.
	takenUp = 10 * time.Second
	// atOnce is how many credentials are seen to at a time.
	atOnce = 48
	// wholly bounds the whole of one report.
	wholly = 2 * time.Minute
)

// Authorizers tell which of them have applied a position, after a bounded wait.
type Authorizers interface {
	Wait(ctx context.Context, position uint64) applied.Receipt
}

// Intake ends leaked secrets. It is safe for concurrent use.
type Intake struct {
	Leaks        eventlog.Repository[leak.State]
	Credentials  eventlog.Repository[credential.State]
	Known        *fingerprints.Index
	Applications *standing.Fold
	Fingerprints *secret.Fingerprints
	// Folded is the fold of EVENTS that Known and Applications are part of, Tail the end of the log.
	Folded  eventlog.Frontier
	Tail    func(context.Context) (uint64, error)
	Applied Authorizers
	Now     func() time.Time
	Logger  *slog.Logger
}

// Report is what somebody sends in.
type Report struct {
	// ID makes the same report recognisable.
	ID, Source string
	ReceivedAt time.Time
	Findings   []Finding
}

// Receipt is what became of a report.
type Receipt struct {
	// Ours says of each finding whether the secret is one of ours, dead or alive.
	Ours []bool
	// Known counts the secrets of ours; the report was not recorded if there are none.
	Known int
	// Repeated says that the same report was brought to its end before.
	Repeated bool
	// Position is where the report, or its closing, stands.
	Position uint64
}

// spaces of ids made of what is already unique.
var (
	reports  = uuid.MustParse("c4a1f2de-6a3b-5c0e-9f5d-1d3c5b7a9e01")
	commands = uuid.MustParse("c4a1f2de-6a3b-5c0e-9f5d-1d3c5b7a9e02")
)

// ReportID is the id of a report with this content from this source: the same however often it is sent.
func ReportID(source string, body []byte) string {
	return uuid.NewSHA1(uuid.NewSHA1(reports, []byte(source)), body).String()
}

// Places are where secrets were seen, for the owners alone; a report that is taken up again has forgotten them.
type Places map[fingerprints.Secret]string

// Take finds the secrets that are ours and takes the report down; nothing is written of one that names none. Finish, or
// the deadline of the report, brings it to its end.
func (i *Intake) Take(ctx context.Context, r Report) (Receipt, Places, error) {
	out := Receipt{Ours: make([]bool, len(r.Findings))}
	tail, err := i.Tail(ctx)
	if err == nil {
		err = i.Folded.WaitFor(ctx, tail) // a secret issued a moment ago is known
	}
	if err != nil {
		return out, nil, errors.Join(eventlog.ErrBehind, err)
	}
	at, places := map[fingerprints.Secret]int{}, Places{}
	var secrets []leak.Secret
	for n, f := range r.Findings {
		value := f.Secret.Reveal()
		if value == "" || len(value) > MaxSecret {
			continue
		}
		s, ok := i.Known.Find(i.Fingerprints.Of(value))
		if !ok {
			continue
		}
		out.Ours[n] = true
		where, before := at[s]
		if !before {
			where = len(secrets)
			at[s] = where
			secrets = append(secrets, leak.Secret{CredentialID: s.CredentialID, Generation: s.Generation, ExposedSince: f.Since})
		} else if !f.Since.IsZero() && (secrets[where].ExposedSince.IsZero() || f.Since.Before(secrets[where].ExposedSince)) {
			secrets[where].ExposedSince = f.Since
		}
		if places[s] == "" {
			places[s] = f.Place
		}
	}
	out.Known = len(secrets)
	if out.Known == 0 {
		return out, nil, nil
	}
	before, _, err := i.Leaks.Load(ctx, r.ID)
	if err != nil {
		return out, nil, err
	}
	taken, err := i.Leaks.Handle(named(ctx, r.ID, "receive", len(before.Secrets)), r.ID, leak.Receive{
		Source: r.Source, ReceivedAt: r.ReceivedAt, FinishAt: i.Now().Add(takenUp), Secrets: secrets,
	})
	out.Repeated = before.Closed && len(taken.Facts) == 0
	out.Position = taken.Position
	return out, places, err
}

// Finish ends every secret a report names, waits until the authorizers have felt it, and closes the report. It may be
// called again, and from several sides, without doing anything twice.
func (i *Intake) Finish(ctx context.Context, id string, places Places) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, wholly)
	defer cancel()
	s, _, err := i.Leaks.LoadLeader(ctx, id)
	if err != nil || !s.Received || s.Closed {
		return 0, err
	}
	groups := map[string][]leak.Secret{}
	for _, x := range s.Secrets {
		groups[x.CredentialID] = append(groups[x.CredentialID], x)
	}
	done := &tally{}
	slots, all := make(chan struct{}, atOnce), sync.WaitGroup{}
	for _, group := range groups {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			// The newest first: it ends the older ones with it.
			slices.SortFunc(group, func(a, b leak.Secret) int { return cmp.Compare(b.Generation, a.Generation) })
			for _, x := range group {
				done.add(i.end(ctx, id, s.Source, x, places[fingerprints.Secret{CredentialID: x.CredentialID, Generation: x.Generation}]))
			}
		})
	}
	all.Wait()
	if done.err != nil {
		return 0, done.err
	}
	felt := i.Applied.Wait(ctx, done.position)
	out, err := i.Leaks.Handle(named(ctx, id, "close", len(s.Secrets)), id, leak.Close{
		Secrets: len(s.Secrets), Ended: done.ended, EndedBefore: done.before, Position: done.position, DeadAt: i.Now(), Confirmed: felt.Confirmed, Pending: felt.Pending,
	})
	return out.Position, err
}

// end reports one secret leaked, under a command id that is the same each time.
func (i *Intake) end(ctx context.Context, report, source string, x leak.Secret, place string) (eventlog.Outcome, error) {
	state, _, err := i.Credentials.Load(ctx, x.CredentialID)
	if err != nil {
		return eventlog.Outcome{}, err
	}
	app, _ := i.Applications.Application(state.ApplicationID)
	return i.Credentials.Handle(named(ctx, report, "end", int(x.Generation)), x.CredentialID, credential.ReportLeak{
		Generation: x.Generation, Source: source, FoundAt: place, ExposedSince: x.ExposedSince, ReportID: report,
		OwnerID: app.OwnerID, BackupOwnerID: app.BackupOwnerID,
	})
}

// named gives a step of a report a command id of its own, the same each time: the steps of one report stand beside each
// other, and none stands twice. Nobody's organisation hears of what others lost.
func named(ctx context.Context, report, step string, number int) context.Context {
	m := eventlog.MetaFrom(ctx)
	m.CommandID, m.Organization = uuid.NewSHA1(commands, []byte(report+"/"+step+"/"+strconv.Itoa(number))).String(), ""
	return eventlog.WithMeta(ctx, m)
}

// tally adds up what was done.
type tally struct {
	mu            sync.Mutex
	ended, before int
	position      uint64
	err           error
}

func (t *tally) add(out eventlog.Outcome, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.err = errors.Join(t.err, err)
		return
	}
	t.position = max(t.position, out.Position)
	for _, fact := range out.Facts {
		if _, ok := fact.(*issuancev1.CredentialLeakReported); ok {
			t.ended++
			return
		}
	}
	t.before++
}
