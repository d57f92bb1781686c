package suite

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/embedded"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/approval"
	"github.com/chancery-dev/chancery/services/audit"
	"github.com/chancery-dev/chancery/services/chancery/internal/world"
	"github.com/chancery-dev/chancery/services/gateway"
	"github.com/chancery-dev/chancery/services/identity"
	"github.com/chancery-dev/chancery/services/issuance"
	"github.com/chancery-dev/chancery/services/portal"
	"github.com/chancery-dev/chancery/services/registry"
)

// part is one service and what it is configured with in a suite of one machine.
type part struct {
	name string
	wire service.New
	env  func(s *Suite, o Options) map[string]string
}

// Wires is how each service is wired.
var Wires = map[string]service.New{
	"identity": identity.New, "registry": registry.New, "approval": approval.New, "issuance": issuance.New,
	"audit": audit.New, "gateway": gateway.New, "portal": portal.New,
}

// Variables are those a service reads beside what every service does, to be filled with service.Load.
var Variables = map[string]func() any{
	"identity": identity.Variables, "approval": approval.Variables, "issuance": issuance.Variables, "audit": audit.Variables, "gateway": gateway.Variables, "portal": portal.Variables,
}

// parts are started in this order: the portal needs the addresses of the others.
var parts = []part{
	{"identity", identity.New, func(s *Suite, _ Options) map[string]string {
		var groups []string
		provider := world.Organizations[0]
		roles := world.GroupRoles[provider.Kind]
		for _, group := range slices.Sorted(maps.Keys(roles)) {
			groups = append(groups, group+":"+roles[group])
		}
		return map[string]string{
			"CHANCERY_PUBLIC_URL": s.Portal, "CHANCERY_LOOPBACK_PROVIDERS": "true", "CHANCERY_PLATFORM_NAME": provider.Name,
			"CHANCERY_PLATFORM_ISSUER": s.IdP + "/" + provider.Slug, "CHANCERY_PLATFORM_CLIENT_ID": world.ClientID,
			"CHANCERY_PLATFORM_DOMAINS": provider.Domain, "CHANCERY_PLATFORM_GROUPS": strings.Join(groups, ","),
			"CHANCERY_FIRST_ADMINISTRATOR": world.FirstAdministrator,
		}
	}},
	{"registry", registry.New, nothing},
	{"approval", approval.New, nothing},
	{"issuance", issuance.New, func(s *Suite, _ Options) map[string]string {
		return map[string]string{"CHANCERY_ISSUER": s.Portal, "CHANCERY_PUSH_LOOPBACK": "true"}
	}},
	{"audit", audit.New, func(_ *Suite, o Options) map[string]string {
		return map[string]string{"CHANCERY_NATS_DOOR": embedded.DoorKey(filepath.Join(o.Dir, "keys", "nats"))}
	}},
	{"gateway", gateway.New, func(s *Suite, o Options) map[string]string {
		every := max(o.SnapshotEvery, 0)
		if every == 0 {
			every = time.Minute
		}
		return map[string]string{"CHANCERY_ISSUER": s.Portal, "CHANCERY_GATEWAY_STATE": filepath.Join(o.Dir, "gateway"), "CHANCERY_GATEWAY_SNAPSHOT_EVERY": every.String(), "HTTP_ADDR": o.Gateway}
	}},
	{"portal", portal.With(world.Personas()), func(s *Suite, _ Options) map[string]string {
		env := map[string]string{"CHANCERY_PUBLIC_URL": s.Portal, "HTTP_ADDR": s.Front}
		for _, name := range []string{"identity", "registry", "approval", "issuance", "audit", "gateway"} {
			env["CHANCERY_"+strings.ToUpper(name)+"_URL"] = s.urls[name]
		}
		return env
	}},
}

func nothing(*Suite, Options) map[string]string { return nil }

// Names are those of all services, in the order they are started.
func Names() []string {
	all := make([]string, len(parts))
	for i, p := range parts {
		all[i] = p.name
	}
	return all
}

// WithDatabase are the services with a schema of their own.
func WithDatabase() []string {
	return slices.DeleteFunc(Names(), func(n string) bool { return n == "gateway" })
}
