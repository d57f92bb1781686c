package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/chancery-dev/chancery/libs/secret"
)

// Config is what a service is configured with.
type Config struct {
	Variables
	// Host is what a program that runs several services in one process gives each of them.
	Host Host
	// Lookup is where the variables come from; a service reads its own with Load(ctx, Lookup, …).
	Lookup envconfig.Lookuper
}

// Variables are the environment variables every service knows. A secret may instead stand in a file named by the variable
// with _FILE at its end.
type Variables struct {
	HTTPAddr  Address `env:"HTTP_ADDR, default=127.0.0.1:8080" doc:"where the API listens" want:"host:port"`
	AdminAddr Address `env:"ADMIN_ADDR, default=127.0.0.1:8081" doc:"where health, metrics and profiles are served, never to the public" want:"host:port"`

	TLSAddr     Address `env:"CHANCERY_TLS_ADDR" doc:"where the API listens with TLS too, for clients that come with a certificate" want:"host:port"`
	TLSCert     string  `env:"CHANCERY_TLS_CERT" doc:"path of the server's certificate chain, PEM; read again when it changes" want:"the path of a file"`
	TLSKey      string  `env:"CHANCERY_TLS_KEY" doc:"path of the server's private key, PEM" want:"the path of a file"`
	TLSClientCA string  `env:"CHANCERY_TLS_CLIENT_CA" doc:"path of the authorities whose client certificates are let in, PEM; any certificate if empty, which alone opens nothing" want:"the path of a file"`

	DatabaseURL secret.String `env:"DATABASE_URL" doc:"Postgres, as the service's own role" want:"postgres://user:password@host:port/database"`
	DBConns     int           `env:"CHANCERY_DB_CONNS, default=8" doc:"connections to Postgres at most" want:"a number from 1 to 100"`

	NATSURL   string        `env:"NATS_URL, default=nats://127.0.0.1:4222" doc:"NATS servers, separated by commas" want:"nats://host:port"`
	NATSUser  string        `env:"NATS_USER" doc:"NATS user of the service"`
	NATSPass  secret.String `env:"NATS_PASSWORD" doc:"its password"`
	NATSCreds string        `env:"NATS_CREDS" doc:"path of a NATS credentials file, in place of user and password" want:"the path of a file"`
	NATSNkey  string        `env:"NATS_NKEY" doc:"path of a NATS user key (seed), in place of user and password" want:"the path of a file"`
	Replicas  int           `env:"CHANCERY_REPLICAS, default=1" doc:"replicas the streams must have" want:"1, 3 or 5"`

	KeyFile string `env:"CHANCERY_KEY_FILE" doc:"path of the service's key file, created at the first start" want:"the path of a file"`

	TransitURL       string `env:"CHANCERY_TRANSIT_URL" doc:"an OpenBao or HashiCorp Vault whose transit engine seals the key file; in clear if empty" want:"https://host[:port]"`
	TransitKey       string `env:"CHANCERY_TRANSIT_KEY, default=chancery" doc:"key of the transit engine" want:"a name"`
	TransitMount     string `env:"CHANCERY_TRANSIT_MOUNT, default=transit" doc:"where the transit engine is mounted" want:"a path"`
	TransitTokenFile string `env:"CHANCERY_TRANSIT_TOKEN_FILE" doc:"file with a token, read for each call" want:"the path of a file with mode 0600"`
	TransitRoleID    string `env:"CHANCERY_TRANSIT_ROLE_ID" doc:"AppRole in place of a token" want:"a role id"`
	TransitSecretID  string `env:"CHANCERY_TRANSIT_SECRET_ID_FILE" doc:"file with the AppRole's secret id" want:"the path of a file with mode 0600"`
	TransitCA        string `env:"CHANCERY_TRANSIT_CA_FILE" doc:"certificates the server is trusted by; the system's if empty" want:"the path of a PEM file"`
	TransitNamespace string `env:"CHANCERY_TRANSIT_NAMESPACE" doc:"namespace of the server" want:"a name"`

	Node string `env:"CHANCERY_NODE" doc:"name of this instance among its like; host and process if empty" want:"letters, digits, - and _"`

	LogLevel  slog.Level `env:"LOG_LEVEL, default=INFO" doc:"least level of log lines" want:"DEBUG, INFO, WARN or ERROR"`
	LogFormat string     `env:"LOG_FORMAT, default=json" doc:"form of log lines" want:"json or text"`

	TrustedProxies Networks      `env:"CHANCERY_TRUSTED_PROXIES, default=127.0.0.0/8,::1/128" doc:"networks whose X-Forwarded-For is believed" want:"networks such as 10.0.0.0/8, separated by commas"`
	LimitFactor    int           `env:"CHANCERY_LIMIT_FACTOR, default=1" doc:"multiplies every limit on callers, for load tests" want:"a number from 1 to 100000"`
	StartTimeout   time.Duration `env:"CHANCERY_START_TIMEOUT, default=30s" doc:"how long to wait for NATS and Postgres at start" want:"a duration such as 30s"`
	DrainDelay     time.Duration `env:"CHANCERY_DRAIN_DELAY, default=0s" doc:"how long to answer as not ready before closing, for load balancers" want:"a duration such as 5s"`
	DrainTimeout   time.Duration `env:"CHANCERY_DRAIN_TIMEOUT, default=20s" doc:"how long requests under way may take to end" want:"a duration such as 20s"`
}

// Address is host:port to listen on; empty stands for nowhere.
type Address string

// UnmarshalText refuses what cannot be listened on.
func (a *Address) UnmarshalText(b []byte) error {
	if _, _, err := net.SplitHostPort(string(b)); err != nil && len(b) > 0 {
		return errors.New("not host:port")
	}
	*a = Address(b)
	return nil
}

// Networks is a list of networks, separated by commas.
type Networks []netip.Prefix

// UnmarshalText refuses what is no list of networks.
func (n *Networks) UnmarshalText(b []byte) error {
	*n = nil
	for text := range strings.SplitSeq(string(b), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return errors.New("not a network")
		}
		*n = append(*n, p.Masked())
	}
	return nil
}

func (c Variables) check() error {
	switch {
	case c.DBConns < 1 || c.DBConns > 100:
		return wrong(c, "DBConns")
	case c.Replicas != 1 && c.Replicas != 3 && c.Replicas != 5:
		return wrong(c, "Replicas")
	case c.LimitFactor < 1 || c.LimitFactor > 100_000:
		return wrong(c, "LimitFactor")
	case c.LogFormat != "json" && c.LogFormat != "text":
		return wrong(c, "LogFormat")
	case c.StartTimeout <= 0:
		return wrong(c, "StartTimeout")
	case c.DrainDelay < 0:
		return wrong(c, "DrainDelay")
	case c.DrainTimeout <= 0:
		return wrong(c, "DrainTimeout")
	case c.HTTPAddr == "":
		return wrong(c, "HTTPAddr")
	case c.AdminAddr == "":
		return wrong(c, "AdminAddr")
	case c.TLSAddr != "" && c.TLSCert == "":
		return wrong(c, "TLSCert")
	case c.TLSAddr != "" && c.TLSKey == "":
		return wrong(c, "TLSKey")
	case !isNode(c.Node):
		return wrong(c, "Node")
	}
	return nil
}

func isNode(s string) bool {
	return len(s) <= 60 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// Environment is the process's environment.
func Environment() envconfig.Lookuper { return envconfig.OsLookuper() }

// LoadConfig reads the common configuration; nil means the process's environment. What is wrong is named by its variable,
// never by its value.
func LoadConfig(ctx context.Context, from envconfig.Lookuper) (Config, error) {
	var c Config
	if from == nil {
		from = &asked{from: Environment(), names: map[string]bool{}}
	}
	if err := Load(ctx, from, &c.Variables); err != nil {
		return Config{}, err
	}
	if err := c.check(); err != nil {
		return Config{}, err
	}
	c.Lookup = from
	return c, nil
}

// asked remembers which variables were asked for: the others of our prefix are most likely misspelt.
type asked struct {
	from  envconfig.Lookuper
	mu    sync.Mutex
	names map[string]bool
}

func (a *asked) Lookup(key string) (string, bool) {
	a.mu.Lock()
	a.names[key] = true
	a.mu.Unlock()
	return a.from.Lookup(key)
}

// warnOfUnknown names the CHANCERY_ variables of the environment that nothing has asked for.
func (c Config) warnOfUnknown(logger *slog.Logger) {
	a, ok := c.Lookup.(*asked)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "CHANCERY_") && !a.names[name] {
			logger.Warn("unknown variable, misspelt?", "variable", name)
		}
	}
}

// Load reads a struct of variables, tagged env as in go-envconfig, doc with what it is, and want with what it should be.
func Load(ctx context.Context, from envconfig.Lookuper, into any) error {
	files := &fileLookuper{from: from, secrets: map[string]bool{}}
	for _, v := range variables(into) {
		if v.secret {
			files.secrets[v.name] = true
		}
	}
	err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: into, Lookuper: files})
	if files.err != nil {
		return files.err
	}
	if err == nil {
		return nil
	}
	field, _, _ := strings.Cut(err.Error(), ":")
	for _, v := range variables(into) {
		if v.field != field {
			continue
		}
		if errors.Is(err, envconfig.ErrMissingRequired) {
			return fmt.Errorf("%s is not set: it should be %s (%s)", v.name, v.want, v.doc)
		}
		return fmt.Errorf("%s is wrong: it should be %s (%s)", v.name, v.want, v.doc)
	}
	return errors.New("a variable of the configuration cannot be read: " + field)
}

func wrong(of any, field string) error {
	for _, v := range variables(of) {
		if v.field == field {
			return fmt.Errorf("%s is wrong: it should be %s (%s)", v.name, v.want, v.doc)
		}
	}
	return errors.New(field + " is wrong")
}

// fileLookuper reads a secret from the file its variable with _FILE names.
type fileLookuper struct {
	from    envconfig.Lookuper
	secrets map[string]bool
	err     error
}

func (l *fileLookuper) Lookup(key string) (string, bool) {
	value, set := l.from.Lookup(key)
	if !l.secrets[key] {
		return value, set
	}
	path, fromFile := l.from.Lookup(key + "_FILE") // asked for in any case, so that it counts as known
	switch {
	case !fromFile:
		return value, set
	case set:
		l.fail(fmt.Errorf("%s and %s_FILE are both set: set one", key, key))
		return "", false
	}
	content, err := os.ReadFile(path)
	if err != nil {
		l.fail(fmt.Errorf("%s_FILE names a file that cannot be read: %w", key, err))
		return "", false
	}
	return strings.TrimRight(string(content), "\r\n"), true
}

func (l *fileLookuper) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

type variable struct {
	field, name, doc, want, fallback string
	secret, required                 bool
	value                            reflect.Value
}

// variables lists the variables of a struct in order of its fields, those of nested structs too.
func variables(of any) []variable {
	v := reflect.Indirect(reflect.ValueOf(of))
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	var all []variable
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, ok := f.Tag.Lookup("env")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "" {
			if v.Field(i).Kind() == reflect.Struct {
				all = append(all, variables(v.Field(i).Interface())...)
			}
			continue
		}
		_, fallback, _ := strings.Cut(options, "default=")
		all = append(all, variable{
			field: f.Name, name: strings.TrimSpace(name), doc: f.Tag.Get("doc"), want: f.Tag.Get("want"), fallback: fallback,
			secret: f.Type == reflect.TypeFor[secret.String](), required: strings.Contains(options, "required"), value: v.Field(i),
		})
	}
	return all
}

// Variable is what there is to know of one environment variable.
type Variable struct {
	Name, Doc, Want, Default string
	// Secret says that the variable with _FILE at its end may name a file instead, and that its value is never shown.
	Secret, Required bool
}

// Describe lists the variables of structs in order of their fields.
func Describe(of ...any) []Variable {
	var all []Variable
	for _, o := range of {
		for _, v := range variables(o) {
			all = append(all, Variable{v.name, v.doc, v.want, v.fallback, v.secret, v.required})
		}
	}
	return all
}

// PrintConfig writes what was read, one variable a line, secrets as "[redacted]".
func PrintConfig(w io.Writer, of ...any) {
	for _, o := range of {
		for _, v := range variables(o) {
			shown := fmt.Sprint(v.value.Interface())
			if s, ok := v.value.Interface().(secret.String); ok && s.IsZero() {
				shown = ""
			}
			fmt.Fprintf(w, "%s=%s\n", v.name, shown)
		}
	}
}
