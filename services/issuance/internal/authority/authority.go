// Package authority is one authority that signs client certificates and their revocation list.
//
// Rules:
//  1. An authority is created once and signs certificates until it is retired, compromised or over.
//  2. A retired one signs its revocation list alone; a compromised one nothing at all.
package authority

import (
	"errors"
	"time"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// ErrUnknown says that there is no such authority.
var ErrUnknown = errors.New("no such certificate authority")

// State is one authority; its zero value is one nobody created.
type State struct {
	Created, Retired, Compromised bool
	Certificate                   []byte
	NotAfter                      time.Time
}

// Evolve folds one fact.
func (s State) Evolve(e aggregate.Event) State {
	switch e := e.(type) {
	case *issuancev1.CertificateAuthorityCreated:
		s.Created, s.Certificate, s.NotAfter = true, e.Certificate, e.NotAfter.AsTime()
	case *issuancev1.CertificateAuthorityRetired:
		s.Retired = true
	case *issuancev1.CertificateAuthorityCompromised:
		s.Compromised = true
	}
	return s
}
