package issuance

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/issuance/internal/authority"
	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
	"github.com/chancery-dev/chancery/services/issuance/internal/pki"
)

// authorities wires what signs client certificates.
func authorities(d service.Deps, base string) *pki.Authorities {
	return &pki.Authorities{
		Base: base, Vault: d.Vault, Live: d.Lineage.Live, Now: d.Clock,
		Repository: eventlog.Repository[authority.State]{Log: d.Log, Kind: "issuance.certificate_authority"},
	}
}

// notices are when, before the ends of signing keys and authorities, their turn is over.
func notices() map[string][]time.Duration {
	all := maps.Clone(oauth.Notices)
	maps.Copy(all, pki.Notices)
	return all
}

// withKinds adds what the kinds of credentials need to the service.
func withKinds(s *service.Service, signers *pki.Authorities) *service.Service {
	s.Folds = append(s.Folds, signers.Apply)
	before := s.Start
	s.Start = func(ctx context.Context) error { return errors.Join(before(ctx), signers.Ensure(ctx)) }
	return s
}
