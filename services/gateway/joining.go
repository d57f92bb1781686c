package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/gateway/internal/doors"
)

// joined makes the service a member: it judges only while it is one, says how far it is, and leaves before it stops.
func (c *config) joined(s *service.Service, d service.Deps, node string, l *lease, state *snapshots, door *doors.Doors) error {
	m, err := newMembership(d.Log, node, "", d.Logger)
	if err != nil {
		return err
	}
	if l.grace, err = c.grace(); err != nil {
		return err
	}
	l.member, l.observe, door.Authorizer.Grace = m, d.Log.Observe, l.lenient
	s.Folds = append(s.Folds, m.apply, state.signers.apply)
	if state.folder != "" {
		s.Background["snapshots"] = state.run
	}
	s.Background["member"] = m.run
	s.Background["pulse"] = (&pulse{beat: d.Pulse.Beat, fold: d.Lineage, member: m, clock: d.Clock, logger: d.Logger}).run
	s.Admin = func(mux *http.ServeMux) {
		mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			_ = json.NewEncoder(w).Encode(l.status())
		})
	}
	stop := s.Stop
	s.Stop = func(ctx context.Context) error {
		if !d.NATS.IsConnected() {
			return stop(ctx) // nobody hears that it leaves, and of which log the state is cannot be asked
		}
		return errors.Join(m.leave(ctx), stop(ctx), state.save(ctx))
	}
	return nil
}

// grace is how long each class goes on without a lease.
func (c *config) grace() (map[string]time.Duration, error) {
	out := map[string]time.Duration{}
	for class, said := range map[string]string{"public": c.Public, "partner": c.Partner} {
		if said == "closed" {
			continue
		}
		d, err := time.ParseDuration(said)
		if err != nil || d <= 0 || d > time.Hour {
			return nil, fmt.Errorf("CHANCERY_GATEWAY_STALE_%s is wrong: it should be closed, or a duration up to 1h", strings.ToUpper(class))
		}
		out[class] = d
	}
	return out, nil
}
