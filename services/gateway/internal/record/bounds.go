package record

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	activityv1 "github.com/chancery-dev/chancery/proto/activity/v1"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

const (
	// maxNetworks and maxOperations bound what is told apart in one window.
	maxNetworks   = 32
	maxOperations = 100
	// others stands for the networks beyond.
	others = "other"
)

// add counts calls from a network.
func add(calls map[string]uint64, network string, n uint64) {
	if _, known := calls[network]; !known && len(calls) >= maxNetworks {
		network = others
	}
	calls[network] += n
}

// trim puts all but the most used operations under the empty name.
func trim(calls map[string]uint64) {
	if len(calls) <= maxOperations {
		return
	}
	names := slices.SortedFunc(maps.Keys(calls), func(a, b string) int { return cmp.Or(cmp.Compare(calls[b], calls[a]), cmp.Compare(a, b)) })
	rest := uint64(0)
	for _, name := range names[maxOperations-1:] {
		rest += calls[name]
		delete(calls, name)
	}
	calls[""] = rest
}

// retired tells that a secret that is no good for ever was shown again (D4).
func (b *Book) retired(k denied, d denial) (observation, bool) {
	if k.credential == 0 || !k.secret || k.reason != verdict.Retired && k.reason != verdict.Revoked {
		return observation{}, false
	}
	fact := &activityv1.RetiredCredentialUsed{
		CredentialId: d.id, ApplicationId: d.application, ProductId: d.product, Generation: k.generation, State: string(k.reason), Count: d.count,
		FirstAt: timestamppb.New(d.first), LastAt: timestamppb.New(d.last), Authorizer: b.Authorizer, Network: d.from,
	}
	return observation{id: d.id, organization: d.organization, fact: fact, key: k}, true
}

// exhausted tells that a consumer used up a limit.
func (b *Book) exhausted(k denied, d denial) (observation, bool) {
	if k.credential == 0 || d.over == nil {
		return observation{}, false
	}
	fact := &activityv1.QuotaExhausted{
		CredentialId: d.id, ApplicationId: d.application, ProductId: d.product, Limit: d.over.Name, Per: d.over.Per, Calls: d.over.Calls,
		WindowSeconds: d.over.Window, Count: d.count, FirstAt: timestamppb.New(d.first), LastAt: timestamppb.New(d.last), Authorizer: b.Authorizer,
	}
	return observation{id: d.id, organization: d.organization, fact: fact, key: k}, true
}
