package consent

import (
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Refresh replaces a refresh token, known to be ours, by the next.
type Refresh struct {
	Number      uint32
	Fingerprint []byte
	// KeyThumbprint is the key whose possession was proven; empty for none.
	KeyThumbprint string
	Now           time.Time
	Next          []byte
}

// Decide follows rules 2, 3 and 4. One that was replaced ends the family, whoever shows it and by whatever key.
func (c Refresh) Decide(s State) ([]aggregate.Event, error) {
	switch {
	case !s.Given:
		return nil, ErrUnknown
	case s.Ended:
		return nil, ErrEnded
	case c.Number > 0 && c.Number < s.Number:
		return []aggregate.Event{&issuancev1.ConsentReuseDetected{Number: c.Number}}, nil
	case !c.Now.Before(s.ExpiresAt):
		return nil, ErrEnded
	case c.Number != s.Number, !s.Newest(c.Fingerprint):
		return nil, ErrToken
	case s.KeyThumbprint != "" && s.KeyThumbprint != c.KeyThumbprint:
		return nil, ErrKey
	}
	return []aggregate.Event{&issuancev1.ConsentRefreshed{Number: s.Number + 1, Fingerprint: c.Next}}, nil
}
