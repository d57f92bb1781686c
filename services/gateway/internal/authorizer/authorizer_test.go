package authorizer_test

import (
	"testing"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	gatewayv1 "github.com/chancery-dev/chancery/proto/gateway/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/authorizer"
)

func TestOneThatJoinsAnewIsNotLeftByItsPredecessor(t *testing.T) {
	testkit.EvolvesAll[authorizer.State](t, gatewayv1.File_gateway_v1_authorizer_proto)
	s := aggregate.Fold(authorizer.State{}, aggregate.Event(&gatewayv1.AuthorizerJoined{KeyId: "first"}), &gatewayv1.AuthorizerJoined{KeyId: "second"})
	for key, facts := range map[string]int{"first": 0, "second": 1} {
		if out, err := (authorizer.Leave{KeyID: key}).Decide(s); err != nil || len(out) != facts {
			t.Errorf("%s: %v %v", key, out, err)
		}
	}
	if _, err := (authorizer.Join{}).Decide(s); err != authorizer.ErrNoKey {
		t.Error(err)
	}
}
