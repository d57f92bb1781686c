package authority_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/testkit"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/authority"
)

func TestAnAuthoritySignsUntilItIsRetiredOrCompromised(t *testing.T) { // D5
	testkit.EvolvesAll[authority.State](t, issuancev1.File_issuance_v1_certificate_authority_proto)
	end := time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	create := authority.Create{ID: "a", Certificate: []byte{1}, NotAfter: end}
	s := testkit.Given[authority.State](t)
	s.When(authority.Retire{ID: "a"}).Refused(authority.ErrUnknown)
	s.When(authority.Compromise{ID: "a"}).Refused(authority.ErrUnknown)
	s.When(create).Then(&issuancev1.CertificateAuthorityCreated{AuthorityId: "a", Certificate: []byte{1}, NotAfter: timestamppb.New(end)})
	s.When(create).Then()
	s.When(authority.Retire{ID: "a"}).Then(&issuancev1.CertificateAuthorityRetired{AuthorityId: "a"})
	s.When(authority.Retire{ID: "a"}).Then()
	s.When(authority.Compromise{ID: "a", Reason: "stolen"}).Then(&issuancev1.CertificateAuthorityCompromised{AuthorityId: "a", Reason: "stolen"})
	s.When(authority.Compromise{ID: "a", Reason: "stolen"}).Then()
}
