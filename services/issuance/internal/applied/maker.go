package applied

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/receipt"
	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/authorizer"
)

// ErrNothingEnded says that at this position stands nothing that ends anything.
var ErrNothingEnded = errors.New("nothing ended at this position")

// Keys are those issuance signs with.
type Keys interface {
	Active() (id string, notAfter time.Time, ok bool)
}

// Maker makes signed receipts.
type Maker struct {
	*Positions
	Authorizers eventlog.Repository[authorizer.State]
	Issuer      string
	// Get reads the decision at a position of EVENTS.
	Get func(ctx context.Context, position uint64) (eventlog.Recorded, error)
	// Tail is EVENTS' last position.
	Tail    func(ctx context.Context) (uint64, error)
	Keys    Keys
	Private func(ctx context.Context, keyID string) (ed25519.PrivateKey, error)
	Now     func() time.Time
	Logger  *slog.Logger

	signing sync.Mutex
	keyID   string
	key     ed25519.PrivateKey
}

// Make is the receipt of an ending as it stands now, and its signed form.
func (m *Maker) Make(ctx context.Context, position uint64) (receipt.Receipt, string, error) {
	r, err := m.Get(ctx, position)
	if errors.Is(err, eventlog.ErrIncomplete) {
		return receipt.Receipt{}, "", ErrNothingEnded
	}
	if err != nil {
		return receipt.Receipt{}, "", err
	}
	if !Ends(r) {
		return receipt.Receipt{}, "", ErrNothingEnded
	}
	out := receipt.Receipt{Issuer: m.Issuer, IssuedAt: jwt.NewNumericDate(m.Now()), Position: position, Cause: cause(r)}
	out.Confirmed, out.NotConfirmed, out.SignedOff = m.state(position)
	out.Complete = len(out.NotConfirmed) == 0
	id, key, err := m.signer(ctx)
	if err != nil {
		return receipt.Receipt{}, "", err
	}
	signed, err := receipt.Sign(id, key, out)
	return out, signed, err
}

// Answer waits for the authorizers and answers an ending with its receipt. That it was signed is recorded; a failure to
// sign takes nothing from the ending, which is in the log.
func (m *Maker) Answer(ctx context.Context, position uint64) Receipt {
	a := m.Wait(ctx, position)
	r, signed, err := m.Make(ctx, position)
	if err != nil {
		if !errors.Is(err, ErrNothingEnded) {
			m.Logger.WarnContext(ctx, "no receipt was signed", "position", position, "error", err)
		}
		return a
	}
	a.Signed = signed
	go m.record(context.WithoutCancel(ctx), r, signed)
	return a
}

func (m *Maker) record(ctx context.Context, r receipt.Receipt, signed string) {
	sum := sha256.Sum256([]byte(signed))
	fact := &activityv1.ReceiptSigned{Position: r.Position, Digest: sum[:]}
	for _, c := range r.Confirmed {
		fact.Confirmed = append(fact.Confirmed, c.Authorizer)
	}
	for _, c := range r.NotConfirmed {
		fact.NotConfirmed = append(fact.NotConfirmed, c.Authorizer)
	}
	meta := eventlog.MetaFrom(ctx)
	meta.Subject = &eventv1.Subject{Kind: r.Cause.SubjectKind, Id: r.Cause.SubjectID}
	meta.Organization = r.Cause.Organization
	if err := m.Observe(eventlog.WithMeta(ctx, meta), "receipt", fact); err != nil {
		m.Logger.WarnContext(ctx, "that a receipt was signed was not recorded", "position", r.Position, "error", err)
	}
}

func (m *Maker) signer(ctx context.Context) (string, ed25519.PrivateKey, error) {
	id, _, ok := m.Keys.Active()
	if !ok {
		return "", nil, errors.New("no signing key is active")
	}
	m.signing.Lock()
	defer m.signing.Unlock()
	if m.keyID != id {
		key, err := m.Private(ctx, id)
		if err != nil {
			return "", nil, fmt.Errorf("signing key %s: %w", id, err)
		}
		m.keyID, m.key = id, key
	}
	return m.keyID, m.key, nil
}

func cause(r eventlog.Recorded) receipt.Cause {
	sum := sha256.Sum256(r.Raw)
	e := r.Envelope
	c := receipt.Cause{
		FactID: r.FactID(0), SubjectKind: e.GetSubject().GetKind(), SubjectID: e.GetSubject().GetId(), Organization: e.GetOrganization(),
		ActorID: e.GetActor().GetId(), ActorKind: e.GetActor().GetKind(), At: r.Time.UTC(), Digest: hex.EncodeToString(sum[:]),
	}
	for _, packed := range e.GetFacts() {
		c.Types = append(c.Types, string(packed.MessageName()))
	}
	return c
}

// Ends says whether a decision takes something from somebody: whether one of its facts ends, pauses or lapses a node.
func Ends(r eventlog.Recorded) bool {
	for _, fact := range r.Facts {
		if fact == nil {
			continue
		}
		d := fact.ProtoReflect().Descriptor()
		if proto.HasExtension(d.Options(), eventv1.E_Ends) || proto.HasExtension(d.Options(), eventv1.E_Pauses) {
			return true
		}
		for i := range d.Fields().Len() {
			if proto.HasExtension(d.Fields().Get(i).Options(), eventv1.E_Lapses) {
				return true
			}
		}
	}
	return false
}
