package gateway

import (
	"context"
	"errors"

	"github.com/chancery-dev/chancery/libs/service"
)

// joined makes the service a member: it judges only while it is one, says how far it is, and leaves before it stops.
func joined(s *service.Service, d service.Deps, node string, l *lease, state *snapshots) error {
	m, err := newMembership(d.Log, node, "", d.Logger)
	if err != nil {
		return err
	}
	l.member = m
	s.Folds = append(s.Folds, m.apply, state.signers.apply)
	if state.folder != "" {
		s.Background["snapshots"] = state.run
	}
	s.Background["member"] = m.run
	s.Background["pulse"] = (&pulse{beat: d.Pulse.Beat, fold: d.Lineage, member: m, clock: d.Clock, logger: d.Logger}).run
	stop := s.Stop
	s.Stop = func(ctx context.Context) error { return errors.Join(m.leave(ctx), stop(ctx), state.save(ctx)) }
	return nil
}
