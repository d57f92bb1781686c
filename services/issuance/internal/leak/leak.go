// Package leak is one report of secrets that lie open, from its receipt until each of them has ended.
//
// Rules:
//  1. A report names generations of credentials, never a secret, and each of them once; from that fact on none of them is live.
//  2. The same report again adds what it had not named, and nothing otherwise.
//  3. It is closed once, when all it names has ended; what is added later opens it again.
package leak

import (
	"errors"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Secret is one generation of one credential.
type Secret struct {
	CredentialID string
	Generation   uint32
	// ExposedSince is zero where nobody knows.
	ExposedSince time.Time
}

// State is one report; its zero value is a report nobody sent.
type State struct {
	Received   bool
	Closed     bool
	Source     string
	ReceivedAt time.Time
	Secrets    []Secret
}

// Refusals.
var (
	ErrUnknown = errors.New("no such leak report")
	ErrEmpty   = errors.New("the report names no secret of ours")
)

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *issuancev1.LeakReceived:
		s.Source = e.Source
		if !s.Received {
			s.Received, s.ReceivedAt = true, e.ReceivedAt.AsTime()
		}
		s.Closed = false
		s.Secrets = append([]Secret(nil), s.Secrets...)
		for _, x := range e.Secrets {
			one := Secret{CredentialID: x.CredentialId, Generation: x.Generation}
			if x.ExposedSince != nil {
				one.ExposedSince = x.ExposedSince.AsTime()
			}
			s.Secrets = append(s.Secrets, one)
		}
	case *issuancev1.LeakClosed:
		s.Closed = true
	}
	return s
}

// Receive takes a report down before anything comes of it.
type Receive struct {
	Source     string
	ReceivedAt time.Time
	// FinishAt is when it is seen to again if it was not closed by then.
	FinishAt time.Time
	Secrets  []Secret
}

// Decide follows rules 1 and 2.
func (c Receive) Decide(s State) ([]aggregate.Event, error) {
	if len(c.Secrets) == 0 {
		return nil, ErrEmpty
	}
	type one struct {
		id         string
		generation uint32
	}
	known := map[one]bool{}
	for _, x := range s.Secrets {
		known[one{x.CredentialID, x.Generation}] = true
	}
	fact := &issuancev1.LeakReceived{Source: c.Source, ReceivedAt: timestamppb.New(c.ReceivedAt), FinishAt: timestamppb.New(c.FinishAt)}
	for _, x := range c.Secrets {
		if known[one{x.CredentialID, x.Generation}] {
			continue
		}
		known[one{x.CredentialID, x.Generation}] = true
		named := &issuancev1.LeakedSecret{CredentialId: x.CredentialID, Generation: x.Generation}
		if !x.ExposedSince.IsZero() {
			named.ExposedSince = timestamppb.New(x.ExposedSince)
		}
		fact.Secrets = append(fact.Secrets, named)
		for n := max(1, x.Generation-min(1, x.Generation)); n <= x.Generation; n++ { // at most two live at a time
			fact.Generations = append(fact.Generations, x.CredentialID+"/"+strconv.FormatUint(uint64(n), 10))
		}
	}
	if len(fact.Secrets) == 0 {
		return nil, nil
	}
	fact.Count = uint32(len(fact.Secrets))
	return []aggregate.Event{fact}, nil
}
