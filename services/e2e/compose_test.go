package e2e

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// serviceNames are the folders of services/ that run as processes of their own in production.
var serviceNames = []string{"identity", "registry", "approval", "issuance", "audit", "gateway", "portal"}

func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	// No environment at all: whatever is not set must have a default.
	o, err := cli.NewProjectOptions([]string{"../../docker-compose.yaml"}, cli.WithoutEnvironmentResolution, cli.WithName("chancery"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// X1
func TestComposeRunsEveryServiceAsItself(t *testing.T) {
	p := loadCompose(t)
	users, homes := map[string]string{}, map[string]string{}
	for _, name := range serviceNames {
		s, ok := p.Services[name]
		if !ok {
			t.Errorf("%s has no container", name)
			continue
		}
		if s.HealthCheck == nil || s.HealthCheck.Disable || len(s.HealthCheck.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
		if !slices.Equal(s.Command, types.ShellCommand{"serve", name}) {
			t.Errorf("%s runs %v", name, s.Command)
		}
		if s.DependsOn["provision"].Condition != types.ServiceConditionCompletedSuccessfully {
			t.Errorf("%s does not wait for provisioning", name)
		}
		user := value(s, "NATS_NKEY")
		if other, taken := users[user]; taken || !strings.HasSuffix(user, "/"+name+".nk") {
			t.Errorf("%s is NATS user %q, as is %q", name, user, other)
		}
		users[user] = name
		// The database's address lies among the service's own secrets, so its role differs as the volumes do.
		for _, v := range s.Volumes {
			if v.Target != "/secrets/own" {
				continue
			}
			if other, taken := homes[v.Source]; taken || v.Source != name+"-own" {
				t.Errorf("%s has the secrets %q of %q", name, v.Source, other)
			}
			homes[v.Source] = name
		}
		if (value(s, "DATABASE_URL_FILE") == "/secrets/own/database_url") == (name == "gateway") {
			t.Errorf("%s: DATABASE_URL_FILE is %q", name, value(s, "DATABASE_URL_FILE"))
		}
		if !s.ReadOnly || len(s.CapDrop) == 0 || s.Privileged {
			t.Errorf("%s may do more than it needs", name)
		}
	}
	if len(homes) != len(serviceNames) {
		t.Errorf("secrets of their own: %v", homes)
	}
	for _, name := range []string{"nats", "postgres"} {
		if p.Services[name].HealthCheck == nil {
			t.Errorf("%s has no health check", name)
		}
	}
}

// E2
func TestComposePublishesOnTheLoopbackAlone(t *testing.T) {
	published := 0
	for name, s := range loadCompose(t).Services {
		for _, port := range s.Ports {
			published++
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s on %q", name, port.Published, port.HostIP)
			}
			if name != "portal" && name != "gateway" {
				t.Errorf("%s is published", name)
			}
		}
	}
	if published != 2 {
		t.Errorf("%d ports are published, want the portal's and the authorizer's", published)
	}
}

func TestComposeHasADefaultForEveryVariable(t *testing.T) {
	text, err := os.ReadFile("../../docker-compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		for _, part := range strings.Split(line, "${")[1:] {
			if name, _, _ := strings.Cut(part, "}"); !strings.Contains(name, ":-") {
				t.Errorf("line %d: %s has no default", i+1, name)
			}
		}
	}
	for name, s := range loadCompose(t).Services {
		for key, v := range s.Environment {
			if v == nil {
				t.Errorf("%s: %s is not set", name, key)
			}
		}
	}
}

func value(s types.ServiceConfig, name string) string {
	if v := s.Environment[name]; v != nil {
		return *v
	}
	return ""
}
