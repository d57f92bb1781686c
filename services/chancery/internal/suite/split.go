package suite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/chancery-dev/chancery/libs/embedded"
)

// StartSplit starts everything as Start does, each service, each NATS server and Postgres as a process of its own, and
// returns once every service is ready. A process that ends is started again; all end with this one.
func StartSplit(ctx context.Context, o Options) (_ *Suite, err error) {
	s := &Suite{Dir: o.Dir, NATSVersion: server.VERSION, urls: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if o.Program == "" {
		if o.Program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	o.Replicas = max(o.Replicas, 1)
	if err := os.MkdirAll(filepath.Join(o.Dir, "logs"), 0o711); err != nil {
		return nil, err
	}
	if err := s.own(ctx); err != nil {
		return nil, err
	}
	portal, err := reserve(o.Portal)
	if err != nil {
		return nil, fmt.Errorf("the portal: %w (choose another with --portal)", err)
	}
	s.Portal, s.Front = "http://"+portal, portal
	if o.Gateway, err = reserve(o.Gateway); err != nil {
		return nil, fmt.Errorf("the gateway: %w (choose another with --gateway)", err)
	}
	databases, err := s.splitPostgres(ctx, o)
	if err != nil {
		return nil, err
	}
	at, err := s.splitNATS(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.startIdP(o.IdP); err != nil {
		return nil, fmt.Errorf("the development identity provider: %w (choose another with --idp)", err)
	}
	return s, s.splitServices(ctx, o, at, databases)
}

// splitPostgres keeps Postgres on one port, where its clients find it again.
func (s *Suite) splitPostgres(ctx context.Context, o Options) (map[string]string, error) {
	port, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	var first *embedded.Postgres
	err = s.begin(ctx, &child{name: "postgres", say: o.Say, start: func(ctx context.Context) (process, error) {
		p, err := embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: filepath.Join(o.Dir, "pg"), Port: port[0], Throwaway: o.Relaxed, Log: o.Logger})
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = p
		}
		return p, nil
	}})
	if err != nil {
		return nil, err
	}
	s.PostgresVersion = first.Version()
	return first.Roles(ctx, WithDatabase()...)
}

// splitNATS starts the servers and makes the streams, and says where clients connect.
func (s *Suite) splitNATS(ctx context.Context, o Options) (at string, err error) {
	keys := filepath.Join(o.Dir, "keys", "nats")
	if _, s.users, err = Users(keys); err != nil {
		return "", err
	}
	ports, err := freePorts(2 * o.Replicas)
	if err != nil {
		return "", err
	}
	var clients, routes []string
	for i := range o.Replicas {
		clients = append(clients, loopback(ports[i]))
		routes = append(routes, loopback(ports[o.Replicas+i]))
	}
	for i := range o.Replicas {
		name, dir := "nats", filepath.Join(o.Dir, "nats")
		arguments := []string{"serve", "nats", "--keys", keys, "--address", clients[i]}
		if o.Replicas > 1 {
			node := strconv.Itoa(i + 1)
			name, dir = "nats-"+node, filepath.Join(dir, "node-"+node)
			arguments = append(arguments, "--node", node, "--of", strconv.Itoa(o.Replicas), "--between", routes[i], "--routes", strings.Join(routes, ","))
		}
		if o.Relaxed {
			arguments = append(arguments, "--relaxed")
		}
		if err := s.begin(ctx, s.program(o, name, nil, append(arguments, "--data", dir)...)); err != nil {
			return "", err
		}
	}
	at = "nats://" + strings.Join(clients, ",nats://")
	s.at = at
	return at, s.whileUp(ctx, func(ctx context.Context) error { return Provision(ctx, o.Replicas, s.as) })
}

// Settle returns once every service of a split suite is ready.
func (s *Suite) Settle(ctx context.Context) error {
	for _, p := range parts {
		for {
			err := answersReady(ctx, p.name, s.admin[p.name])
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return err
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

func (s *Suite) splitServices(ctx context.Context, o Options, at string, databases map[string]string) error {
	ports, err := freePorts(2 * len(parts))
	if err != nil {
		return err
	}
	s.admin = map[string]string{}
	places := Places{NATS: at, Replicas: o.Replicas, Services: map[string]map[string]string{}}
	for i, p := range parts {
		s.admin[p.name] = loopback(ports[2*i+1])
		env := map[string]string{
			"NATS_URL": at, "NATS_NKEY": filepath.Join(o.Dir, "keys", "nats", p.name+".nk"), "CHANCERY_REPLICAS": strconv.Itoa(o.Replicas), "LOG_LEVEL": "WARN", "LOG_FORMAT": "text",
		}
		from := s.environment(p, o, databases)
		from["ADMIN_ADDR"] = s.admin[p.name]
		if from["HTTP_ADDR"] == "127.0.0.1:0" {
			from["HTTP_ADDR"] = loopback(ports[2*i])
		}
		s.urls[p.name] = "http://" + from["HTTP_ADDR"]
		maps.Copy(env, from)
		places.Services[p.name] = env
		arguments := []string{"serve", p.name}
		if p.name == "portal" {
			arguments = append(arguments, "--demo-world")
		}
		if err := s.begin(ctx, s.program(o, p.name, env, arguments...)); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	s.Gateway = s.urls["gateway"]
	if err := s.moreAuthorizers(ctx, o, at, places.Services["gateway"]); err != nil {
		return err
	}
	if err := places.write(o.Dir); err != nil {
		return err
	}
	for _, p := range parts {
		if err := s.whileUp(ctx, func(ctx context.Context) error { return answersReady(ctx, p.name, s.admin[p.name]) }); err != nil {
			return err
		}
	}
	return nil
}

// program is a child of this program; what it says goes to a log of its name.
func (s *Suite) program(o Options, name string, env map[string]string, arguments ...string) *child {
	log := filepath.Join(o.Dir, "logs", name+".log")
	return &child{name: name, say: o.Say, start: func(context.Context) (process, error) {
		out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return nil, err
		}
		defer out.Close()
		command := exec.Command(o.Program, arguments...)
		command.Env = inherited()
		for _, key := range slices.Sorted(maps.Keys(env)) {
			command.Env = append(command.Env, key+"="+env[key])
		}
		command.Stdout, command.Stderr = out, out
		// With the lock in hand of every process, the folder is free only when the last of them has ended.
		command.ExtraFiles = []*os.File{s.lock}
		return embedded.StartProcess(command)
	}}
}

// inherited is what a child may see of this process's environment.
func inherited() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return !slices.Contains([]string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR", "GOMAXPROCS", "GOMEMLIMIT"}, name) && !strings.HasPrefix(name, "OTEL_")
	})
}

func (s *Suite) begin(ctx context.Context, c *child) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	s.children = append(s.children, c)
	return nil
}

// whileUp repeats try until it succeeds, unless a process ends: it then says what that one said last.
func (s *Suite) whileUp(ctx context.Context, try func(context.Context) error) error {
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		for _, c := range s.children {
			if _, restarts := c.running(); restarts > 0 {
				return fmt.Errorf("%s ended at its start: %s", c.name, lastLine(filepath.Join(s.Dir, "logs", c.name+".log")))
			}
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func lastLine(log string) string {
	text, err := os.ReadFile(log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if err != nil || lines[0] == "" {
		return "it said nothing"
	}
	return lines[len(lines)-1]
}

func answersReady(ctx context.Context, name, admin string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not ready", name)
	}
	return nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
