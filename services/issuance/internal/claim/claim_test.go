package claim_test

import (
	"testing"

	"github.com/chancery-dev/chancery/libs/testkit"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/claim"
)

func TestAKeyBelongsToOneGenerationForEver(t *testing.T) { // D4
	testkit.EvolvesAll[claim.State](t, issuancev1.File_issuance_v1_key_proto)
	mine := claim.Claim{CredentialID: "c", Generation: 1, Organization: "o"}
	s := testkit.Given[claim.State](t).When(mine).Then(&issuancev1.KeyClaimed{CredentialId: "c", Generation: 1, OrganizationId: "o"})
	s.When(mine).Then()
	s.When(claim.Claim{CredentialID: "c", Generation: 2, Organization: "o"}).Refused(claim.ErrTaken)
	s.When(claim.Claim{CredentialID: "d", Generation: 1, Organization: "p"}).Refused(claim.ErrTaken)
}
