package authorizer_test

import (
	"testing"

	"github.com/chancery-dev/chancery/libs/testkit"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/authorizer"
)

func TestOnlyAMemberIsSignedOffAndWithAReason(t *testing.T) {
	testkit.EvolvesAll[authorizer.State](t, issuancev1.File_issuance_v1_authorizer_proto)
	for want, c := range map[error]authorizer.SignOff{
		authorizer.ErrNoMember: {Reason: "gone"}, authorizer.ErrNoReason: {Member: true, Reason: " "}, nil: {Member: true, Reason: "gone"},
	} {
		if out, err := c.Decide(authorizer.State{Times: 1}); err != want || (err == nil) != (len(out) == 1) {
			t.Errorf("%+v: %v %v", c, out, err)
		}
	}
}
