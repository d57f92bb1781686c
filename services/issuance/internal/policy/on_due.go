package policy

import (
	"context"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/services/issuance/internal/authorization"
	"github.com/chancery-dev/chancery/services/issuance/internal/consent"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/signalstream"
)

// OnDue ends what has come to its time: a secret, and with the last one its credential, or a grant's authorization; and
// turns signing keys over, and takes up leak reports that were not brought to their end (D1, L9, L11).
func (d Deps) OnDue(ctx context.Context, due deadline.Due) (err error) {
	switch due.Kind {
	case "leak":
		return d.FinishLeak(ctx, due.ID)
	case "generation":
		id, number, _ := strings.Cut(due.ID, "/")
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return err
		}
		_, err = d.Credentials.Handle(ctx, id, credential.Expire{Generation: uint32(n), Now: d.Now()})
		return err
	case "authorization":
		_, err = d.Authorizations.Handle(ctx, due.ID, authorization.Close{Reason: "grant_expired"})
	case "consent":
		_, err = d.Consents.Handle(ctx, due.ID, consent.Expire{Now: d.Now()})
	case "signal_stream":
		_, err = d.Streams.Handle(ctx, due.ID, signalstream.End{Reason: "expired"})
	case "signing_key":
		err = d.TurnOver(ctx)
	case "certificate_authority":
		err = d.TurnOverAuthority(ctx)
	}
	return err
}
