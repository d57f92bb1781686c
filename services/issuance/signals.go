package issuance

import (
	"context"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/outbound"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/issuance/internal/api"
	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
	"github.com/chancery-dev/chancery/services/issuance/internal/signalstream"
	"github.com/chancery-dev/chancery/services/issuance/internal/transmit"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// signals makes the transmitter of security events.
func signals(d service.Deps, own config, keys *oauth.Keys) *api.Signals {
	return &api.Signals{
		Transmitter: &transmit.Transmitter{
			Issuer: own.Issuer, Rows: view.Rows{DB: d.DB}, DB: d.DB, Fold: d.Lineage, WaitFor: d.WaitFor, Sign: keys.SignAs, Now: d.Clock, Logger: d.Logger,
			Secret: func(ctx context.Context, id string) ([]byte, error) { return d.Vault.Get(ctx, transmit.Secrets, id) },
			Client: outbound.Client(own.PushLoopback, 10*time.Second),
		},
		Streams: eventlog.Repository[signalstream.State]{Log: d.Log, Kind: "issuance.signal_stream"},
		Keep: func(ctx context.Context, id string, header []byte) error {
			return d.Vault.Put(ctx, transmit.Secrets, id, header)
		},
		Loopback: own.PushLoopback,
	}
}

// withSignals adds what pushes them.
func withSignals(t *api.Signals, s *service.Service) *service.Service {
	start := s.Start
	s.Start = func(ctx context.Context) error {
		if err := t.Prepare(ctx); err != nil {
			return err
		}
		return start(ctx)
	}
	s.Background["signals"] = t.Run
	return s
}
