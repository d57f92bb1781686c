package suite

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/audit/fsck"
)

// Stores are NATS and Postgres of a suite, its services running or not.
type Stores struct {
	configs map[string]service.Config
	stop    func(context.Context) error
}

// OpenStores finds the split suite that runs on a folder, or starts NATS and Postgres there for as long as the stores are
// open.
func OpenStores(ctx context.Context, o Options) (_ *Stores, err error) {
	s := &Stores{configs: map[string]service.Config{}, stop: func(context.Context) error { return nil }}
	if places, err := ReadPlaces(o.Dir); err == nil && places.runs() {
		for name, env := range places.Services {
			if s.configs[name], err = s.config(ctx, env, o); err != nil {
				return nil, err
			}
		}
		return s, nil
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(o.Dir, "nats")); err != nil {
		return nil, fmt.Errorf("%s holds no suite: name its folder with --data", o.Dir)
	}
	kept := &Suite{Dir: o.Dir, urls: map[string]string{}}
	s.stop = kept.Stop
	defer func() {
		if err != nil {
			err = errors.Join(err, kept.Stop(context.WithoutCancel(ctx)))
		}
	}()
	databases, err := kept.startStores(ctx, o)
	if err != nil {
		return nil, err
	}
	// Nothing will listen there: the services are looked at, not served.
	const nowhere = "http://127.0.0.1:1"
	kept.Portal, kept.Front, kept.IdP, o.Gateway = nowhere, "127.0.0.1:1", nowhere, "127.0.0.1:1"
	for _, name := range Names() {
		kept.urls[name] = nowhere
	}
	for _, p := range parts {
		if s.configs[p.name], err = s.config(ctx, kept.environment(p, o, databases), o); err != nil {
			return nil, err
		}
		c := s.configs[p.name]
		c.Host.Connect = kept.as(p.name)
		s.configs[p.name] = c
	}
	return s, nil
}

func (s *Stores) config(ctx context.Context, env map[string]string, o Options) (service.Config, error) {
	c, err := service.LoadConfig(ctx, envconfig.MapLookuper(env))
	c.Host.Version, c.Host.Logger = o.Version, o.Logger
	return c, err
}

// Close ends what OpenStores started.
func (s *Stores) Close(ctx context.Context) error { return s.stop(ctx) }

// Each inspects every service with a database, or only the one that is named.
func (s *Stores) Each(ctx context.Context, only string, look func(*service.Inspection) error) error {
	for _, name := range WithDatabase() {
		if only != "" && name != only {
			continue
		}
		if err := Inspect(ctx, name, s.configs[name], look); err != nil {
			return err
		}
	}
	return nil
}

// Inspect looks at one service.
func Inspect(ctx context.Context, name string, c service.Config, look func(*service.Inspection) error) (err error) {
	i, err := service.Inspect(ctx, name, c, Wires[name])
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	if err := look(i); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Check derives every view of a service anew and says of each what it found; of audit, whether each fact and observation
// is recorded once and in order and whether the tree is that of the records too. The count is of what differs.
func Check(ctx context.Context, i *service.Inspection, say func(string, ...any)) (wrong int, err error) {
	for _, v := range i.Views {
		name := i.Deps.Name + "." + v.Name
		verdict, err := projection.Verify(ctx, i.Deps.DB, v.Follow, v.View)
		if err != nil {
			return wrong, fmt.Errorf("view %s: %w", v.Name, err)
		}
		if err := verdict.Err(); err != nil {
			wrong++
			say("%-26s differs: %v", name, err)
			continue
		}
		say("%-26s %6d rows at #%d, as the log has it (%.12s)", name, verdict.Found.Rows, verdict.Position, verdict.Found.SHA256)
	}
	if i.Deps.Name == "audit" {
		differ, err := checkRecords(ctx, i, say)
		return wrong + differ, err
	}
	return wrong, nil
}

// checkRecords compares the records with what they were made of, and the tree and its newest checkpoint with them.
func checkRecords(ctx context.Context, i *service.Inspection, say func(string, ...any)) (wrong int, err error) {
	var out strings.Builder
	for _, failed := range []error{fsck.Records(ctx, &out, i.Deps.NATS, i.Deps.Log), fsck.Tree(ctx, &out, i.Deps.NATS, i.Deps.DB)} {
		if errors.Is(failed, fsck.ErrDiffers) {
			wrong++
		} else if err == nil {
			err = failed
		}
	}
	for line := range strings.Lines(out.String()) {
		say("%s", strings.TrimSuffix(line, "\n"))
	}
	return wrong, err
}

// Rebuild empties the named view of a service.
func Rebuild(ctx context.Context, i *service.Inspection, view string) error {
	at := slices.IndexFunc(i.Views, func(v service.Derived) bool { return v.Name == view })
	if at < 0 {
		return fmt.Errorf("there is no view %s", view)
	}
	return projection.Rebuild(ctx, i.Deps.DB, i.Views[at].View)
}

// timeToAnswer is how long a server of this machine may take.
const timeToAnswer = 2 * time.Second

// runs is true while a server listens where NATS of the suite does.
func (p Places) runs() bool {
	for _, at := range strings.Split(p.NATS, ",") {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(at, "nats://"), timeToAnswer)
		if err == nil {
			return conn.Close() == nil
		}
	}
	return false
}
