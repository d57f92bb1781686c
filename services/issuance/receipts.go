package issuance

import (
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/issuance/internal/applied"
	"github.com/chancery-dev/chancery/services/issuance/internal/authorizer"
	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
)

// receipts makes what says how far authorizers are.
func receipts(d service.Deps, keys *oauth.Keys, issuer string) *applied.Maker {
	return &applied.Maker{
		Positions:   &applied.Positions{Watch: d.Pulse.Watch, Observe: d.Log.Observe, Now: d.Clock, Logger: d.Logger},
		Authorizers: eventlog.Repository[authorizer.State]{Log: d.Log, Kind: "issuance.authorizer"},
		Issuer:      issuer, Get: d.Log.Get, Tail: d.Log.Tail, Keys: keys, Private: keys.Private, Now: d.Clock, Logger: d.Logger,
	}
}
