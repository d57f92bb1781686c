package pki

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/libs/lineage"
)

// ListLife is how long a revocation list says it is good; ListAge how long one is handed out again before it is made anew.
const (
	ListLife = time.Hour
	ListAge  = 10 * time.Second
)

const (
	ceased = 5 // cessationOfOperation, RFC 5280 §5.3.1
	onHold = 6 // certificateHold
)

// Bundle is the certificates of every authority that may have signed one in circulation, in PEM, newest first.
func (a *Authorities) Bundle() []byte {
	now := a.Now()
	a.mu.RLock()
	defer a.mu.RUnlock()
	var out []byte
	for _, k := range slices.Backward(a.all) {
		if !k.compromised && now.Before(k.certificate.NotAfter) {
			out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.certificate.Raw})...)
		}
	}
	return out
}

// List is the signed revocation list of an authority in DER (RFC 5280 §5): every certificate it signed whose time is not over and
// that is not live, for whatever reason; one that is suspended is on hold.
func (a *Authorities) List(ctx context.Context, id string) ([]byte, error) {
	k := a.find(id)
	if k == nil {
		return nil, ErrUnknown
	}
	now := a.Now()
	a.mu.RLock()
	list, until, all := k.list, k.listedUntil, k.signed
	a.mu.RUnlock()
	if now.Before(until) {
		return list, nil
	}
	private, err := a.key(ctx, k)
	if err != nil {
		return nil, err
	}
	template := &x509.RevocationList{
		// The number grows with time, whichever instance makes the list.
		Number: big.NewInt(now.UnixMilli()), ThisUpdate: now.Truncate(time.Second), NextUpdate: now.Add(ListLife).Truncate(time.Second),
	}
	for _, s := range all {
		if now.Before(s.expires) {
			if entry, over := a.entry(s, now); over {
				template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, entry)
			}
		}
	}
	if list, err = x509.CreateRevocationList(rand.Reader, template, k.certificate, private); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(k.signed) == len(all) {
		k.list, k.listedUntil = list, now.Add(ListAge)
	}
	return list, nil
}

func (a *Authorities) find(id string) *known {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, k := range a.all {
		if k.id == id && !k.compromised {
			return k
		}
	}
	return nil
}

func (a *Authorities) entry(s signed, now time.Time) (x509.RevocationListEntry, bool) {
	var dead *lineage.Dead
	err := a.Live(lineage.Part("generation", s.credential, s.generation), now)
	if err == nil {
		return x509.RevocationListEntry{}, false
	}
	e := x509.RevocationListEntry{SerialNumber: new(big.Int).SetBytes(s.serial), RevocationTime: now.Truncate(time.Second), ReasonCode: ceased}
	switch {
	case !errors.As(err, &dead):
	case dead.Cause == lineage.Paused:
		e.ReasonCode = onHold
	case !dead.Until.IsZero():
		e.RevocationTime = dead.Until.Truncate(time.Second)
	case dead.Position > 0:
		e.RevocationTime = a.minuteOf(dead.Position)
	}
	return e, true
}

// minuteOf is the minute of the log in which a message stands, so that every instance names the same time.
func (a *Authorities) minuteOf(position uint64) time.Time {
	a.mu.RLock()
	defer a.mu.RUnlock()
	i, found := slices.BinarySearchFunc(a.minutes, position, func(m minute, p uint64) int {
		switch {
		case m.sequence < p:
			return -1
		case m.sequence > p:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	return a.minutes[max(i, 0)].at.UTC().Truncate(time.Second)
}
