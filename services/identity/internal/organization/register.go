package organization

import (
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
)

// Register takes an organisation into the register.
type Register struct {
	ID, Name, Kind, Contract string
	ContractEndsAt           time.Time // zero for none
	Now                      time.Time
}

// Decide follows rule 1.
func (c Register) Decide(s State) ([]aggregate.Event, error) {
	name := strings.TrimSpace(c.Name)
	switch {
	case s.Kind != "":
		return nil, ErrRegistered
	case Roles(c.Kind) == nil, (c.Kind == Provider) != (c.ID == ProviderID):
		return nil, ErrKind
	case name == "" || utf8.RuneCountInString(name) > 120:
		return nil, ErrName
	case !c.ContractEndsAt.IsZero() && (c.Kind == Provider || !c.ContractEndsAt.After(c.Now)):
		return nil, ErrContractEnd
	}
	e := &identityv1.OrganizationRegistered{OrganizationId: c.ID, Name: name, Kind: c.Kind, Contract: c.Contract}
	if !c.ContractEndsAt.IsZero() {
		e.ContractEndsAt = timestamppb.New(c.ContractEndsAt)
	}
	return []aggregate.Event{e}, nil
}
