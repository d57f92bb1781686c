package underway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

const (
	// DeviceFor is how long a device waits for a person (RFC 8628 §3.2).
	DeviceFor = 10 * time.Minute
	// Pause is how long a device waits between two questions at first, and how much longer after each hasty one.
	Pause = 5 * time.Second
	// letters make no words and cannot be taken for one another (RFC 8628 §6.1).
	letters = "BCDFGHJKLMNPQRSTVWXZ"
	length  = 8
)

// The states of a device code.
const (
	Waiting = "waiting"
	Allowed = "allowed"
	Denied  = "denied"
)

// ErrHasty says that a device asked sooner than it may (RFC 8628 §3.5).
var ErrHasty = errors.New("asked too soon")

// UserCode reads what a person typed: letters alone count, in either case. False for what is no code.
func UserCode(typed string) (string, bool) {
	code := strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-' || r == '–' || r == '.':
			return -1
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, typed)
	if len(code) != length || strings.Trim(code, letters) != "" {
		return "", false
	}
	return code[:4] + "-" + code[4:], true
}

func newUserCode() string {
	b := make([]byte, length)
	for i := range b {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			panic(err)
		}
		b[i] = letters[n.Int64()]
	}
	return string(b[:4]) + "-" + string(b[4:])
}

// Await keeps a device's request and gives its two codes.
func (s Store) Await(ctx context.Context, r Request, now time.Time) (device, user string, err error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return "", "", err
	}
	device = Handle()
	for range 5 {
		user = newUserCode()
		_, err = s.DB.ExecContext(ctx, `insert into device_codes (device, user_code, consent_id, request, state, pause_seconds, expires_at, forget_at)
			values ($1,$2,$3,$4,'waiting',$5,$6,$7)`, Digest(device), Digest(user), uuid.Must(uuid.NewV7()).String(), raw, int(Pause.Seconds()), now.Add(DeviceFor), now.Add(rememberedFor))
		var taken *pq.Error
		if !errors.As(err, &taken) || taken.Code != "23505" {
			break // only another's user code is a reason to draw again
		}
	}
	return device, user, err
}

// Typed finds the request a person named by its user code, while nobody has decided about it.
func (s Store) Typed(ctx context.Context, user string, now time.Time) (r Request, err error) {
	var row struct {
		Request []byte `db:"request"`
		Device  []byte `db:"device"`
	}
	err = s.DB.GetContext(ctx, &row, `select request, device from device_codes where user_code=$1 and state='waiting' and expires_at>$2`, Digest(user), now)
	err = read(err, row.Request, &r)
	r.Device = row.Device
	return r, err
}

// Decide writes down what a person decided about a device, once.
func (s Store) Decide(ctx context.Context, device []byte, state string, d Decision, now time.Time) error {
	raw, err := json.Marshal(d)
	if err != nil {
		return err
	}
	done, err := s.DB.ExecContext(ctx, `update device_codes set state=$2, decision=$3 where device=$1 and state='waiting' and expires_at>$4`, device, state, raw, now)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(ErrUnknown, err)
	}
	return nil
}

// Poll tells a device what was decided, and slows it down where it asks too soon: then with the new pause and ErrHasty.
func (s Store) Poll(ctx context.Context, device, clientID string, now time.Time) (c Code, state string, pause time.Duration, err error) {
	var row struct {
		ConsentID string    `db:"consent_id"`
		Request   []byte    `db:"request"`
		Decision  []byte    `db:"decision"`
		State     string    `db:"state"`
		Pause     int       `db:"pause_seconds"`
		Hasty     bool      `db:"hasty"`
		ExpiresAt time.Time `db:"expires_at"`
	}
	err = s.DB.GetContext(ctx, &row, `with asked as (select device, polled_at from device_codes where device=$1 for update)
		update device_codes c set polled_at=$3,
			pause_seconds = c.pause_seconds + case when a.polled_at > $3 - make_interval(secs => c.pause_seconds - 1) then $4 else 0 end
		from asked a where c.device=a.device and c.request->>'client_id'=$2 and c.forget_at>$3
		returning c.consent_id, c.request, c.decision, c.state, c.pause_seconds, c.expires_at,
			coalesce(a.polled_at > $3 - make_interval(secs => c.pause_seconds - 1 - $4), false) as hasty`,
		Digest(device), clientID, now, int(Pause.Seconds()))
	c.ConsentID, c.ExpiresAt = row.ConsentID, row.ExpiresAt
	if err = read(err, row.Request, &c.Request); err == nil && len(row.Decision) > 0 {
		err = json.Unmarshal(row.Decision, &c.Decision)
	}
	if err == nil && row.Hasty && row.State == Waiting {
		err = ErrHasty
	}
	return c, row.State, time.Duration(row.Pause) * time.Second, err
}
