package policy

import (
	"context"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/libs/lineage"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
)

// endWhatWasMade records the end of what was made in sessions that were not in their person's hands: whole credentials, and
// of those made elsewhere the generations that were made there (A17).
func (d Deps) endWhatWasMade(ctx context.Context, personID string) error {
	for _, m := range d.Made(personID, d.Now()) {
		if m.Standing != lineage.Gone {
			continue
		}
		switch m.Kind {
		case "credential":
			if _, err := d.Credentials.Handle(ctx, m.ID, credential.Revoke{Reason: "session_compromised"}); err != nil {
				return err
			}
		case "generation":
			id, number, _ := strings.Cut(m.ID, "/")
			n, err := strconv.ParseUint(number, 10, 32)
			if err != nil {
				return err
			}
			if _, err := d.Credentials.Handle(ctx, id, credential.Withdraw{Generation: uint32(n), Reason: "session_compromised"}); err != nil {
				return err
			}
		}
	}
	return nil
}
