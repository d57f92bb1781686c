package authority

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

// Create publishes the certificate of a new authority.
type Create struct {
	ID          string
	Certificate []byte // DER
	NotAfter    time.Time
}

// Decide follows rule 1.
func (c Create) Decide(s State) ([]aggregate.Event, error) {
	if s.Created {
		return nil, nil
	}
	return []aggregate.Event{&issuancev1.CertificateAuthorityCreated{AuthorityId: c.ID, Certificate: c.Certificate, NotAfter: timestamppb.New(c.NotAfter)}}, nil
}
