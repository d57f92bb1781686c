package underway

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Registration is leave to register one client under a grant, and who gave it.
type Registration struct {
	GrantID      string
	CredentialID string
	Decision     Decision
	Roles        []string
}

// Permit keeps a registration under its token until a moment.
func (s Store) Permit(ctx context.Context, token, grantID string, d Decision, roles []string, until time.Time) error {
	decision, err := json.Marshal(struct {
		Decision
		Roles []string `json:"roles"`
	}{d, roles})
	if err != nil {
		return err
	}
	_, err = s.DB.ExecContext(ctx, `insert into registrations (token, grant_id, credential_id, decision, expires_at) values ($1,$2,$3,$4,$5)`,
		Digest(token), grantID, uuid.Must(uuid.NewV7()).String(), decision, until)
	return err
}

// Registration gives what a token permits. It permits one credential, whose id was drawn before, so that two cannot come of it.
func (s Store) Registration(ctx context.Context, token string, now time.Time) (r Registration, err error) {
	var row struct {
		GrantID      string `db:"grant_id"`
		CredentialID string `db:"credential_id"`
		Decision     []byte `db:"decision"`
	}
	err = s.DB.GetContext(ctx, &row, `select grant_id, credential_id, decision from registrations where token=$1 and expires_at>$2`, Digest(token), now)
	var d struct {
		Decision
		Roles []string `json:"roles"`
	}
	err = read(err, row.Decision, &d)
	return Registration{row.GrantID, row.CredentialID, d.Decision, d.Roles}, err
}

// Registered ends a token.
func (s Store) Registered(ctx context.Context, token string) error {
	_, err := s.DB.ExecContext(ctx, `delete from registrations where token=$1`, Digest(token))
	return err
}

// Forget removes what is under way of a person.
func (s Store) Forget(ctx context.Context, personID string) error {
	for _, statement := range []string{
		`delete from authorization_codes where decision->>'person_id'=$1`,
		`delete from device_codes where decision->>'person_id'=$1`,
		`delete from registrations where decision->>'person_id'=$1`,
	} {
		if _, err := s.DB.ExecContext(ctx, statement, personID); err != nil {
			return err
		}
	}
	return nil
}
