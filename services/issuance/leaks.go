package issuance

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/issuance/internal/api"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/fingerprints"
	"github.com/chancery-dev/chancery/services/issuance/internal/intake"
	"github.com/chancery-dev/chancery/services/issuance/internal/leak"
	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
	"github.com/chancery-dev/chancery/services/issuance/internal/standing"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// leaks is the intake of leaked secrets and what it is made of.
type leaks struct {
	known  *fingerprints.Index
	intake *intake.Intake
	doors  api.LeakDeps

	under sync.WaitGroup
}

func newLeaks(d service.Deps, own config, credentials eventlog.Repository[credential.State], applications *standing.Fold, authorizers intake.Authorizers, keys *oauth.Keys) (*leaks, error) {
	l := &leaks{known: &fingerprints.Index{}}
	l.intake = &intake.Intake{
		Leaks: eventlog.Repository[leak.State]{Log: d.Log, Kind: "issuance.leak"}, Credentials: credentials, Known: l.known, Applications: applications,
		Fingerprints: d.Fingerprints, Folded: d.Lineage, Tail: d.Log.Tail, Applied: authorizers, Now: d.Clock, Logger: d.Logger,
	}
	api.ImportRoutes(d.API, api.Deps{Credentials: credentials, Fold: d.Lineage, Standing: applications, Fingerprints: d.Fingerprints, Now: d.Clock},
		api.ImportDeps{Known: l.known, Tail: d.Log.Tail})
	l.doors = api.LeakDeps{Rows: view.Rows{DB: d.DB}, Now: d.Clock, Intake: l.intake, Signer: receiptKeys{keys}, Issuer: own.Issuer, Background: l.background}
	if own.LeakGitHubKeys == "" {
		api.LeakRoutes(d.API, l.doors)
		return l, nil
	}
	if u, err := url.Parse(own.LeakGitHubKeys); err == nil && u.Scheme == "http" {
		if a, err := netip.ParseAddr(u.Hostname()); err != nil || !a.IsLoopback() {
			return nil, fmt.Errorf("CHANCERY_LEAK_GITHUB_KEYS: a key list comes by https, from a loopback address, or from a file")
		}
	}
	l.doors.GitHub = &intake.Keys{From: own.LeakGitHubKeys, Client: &http.Client{Timeout: 10 * time.Second}, Now: d.Clock}
	api.LeakRoutes(d.API, l.doors)
	return l, nil
}

// receiptKeys are the keys that sign tokens, which sign receipts too.
type receiptKeys struct{ *oauth.Keys }

func (k receiptKeys) PrivateKey(ctx context.Context, id string) (ed25519.PrivateKey, error) {
	return k.Private(ctx, id)
}

// background runs what no answer waits for; a stop waits for it, and what it cuts off the report's deadline takes up.
func (l *leaks) background(f func(context.Context)) {
	l.under.Go(func() { f(context.Background()) })
}

// finish takes a report up again whose time has come; a closed one stays as it is.
func (l *leaks) finish(ctx context.Context, id string) error {
	_, err := l.intake.Finish(ctx, id, nil)
	return err
}

// run lasts as long as the service, and then until what runs in the background is done.
func (l *leaks) run(ctx context.Context) error {
	<-ctx.Done()
	l.under.Wait()
	return ctx.Err()
}
