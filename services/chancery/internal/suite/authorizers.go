package suite

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
)

// moreAuthorizers starts further authorizers beside the first, each with a name and a state of its own.
func (s *Suite) moreAuthorizers(ctx context.Context, o Options, at string, first map[string]string) error {
	s.Authorizers = []string{s.Gateway}
	for n := 2; n <= o.Authorizers; n++ {
		name := fmt.Sprintf("gateway-%d", n)
		ports, err := freePorts(2)
		if err != nil {
			return err
		}
		env := maps.Clone(first)
		env["HTTP_ADDR"], env["ADMIN_ADDR"] = loopback(ports[0]), loopback(ports[1])
		env["CHANCERY_NODE"], env["CHANCERY_GATEWAY_STATE"] = name, filepath.Join(o.Dir, name)
		if o.Through != nil {
			env["NATS_URL"] = o.Through(name, at)
		}
		if err := s.begin(ctx, s.program(o, name, env, "serve", "gateway")); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := s.whileUp(ctx, func(ctx context.Context) error { return answersReady(ctx, name, env["ADMIN_ADDR"]) }); err != nil {
			return err
		}
		s.Authorizers = append(s.Authorizers, "http://"+env["HTTP_ADDR"])
	}
	return nil
}
