package service_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
)

const planted = "hunter2-planted-secret"

func load(env map[string]string) (service.Config, error) {
	return service.LoadConfig(context.Background(), envconfig.MapLookuper(env))
}

func TestAWrongVariableIsNamedWithWhatItShouldBeAndNotQuoted(t *testing.T) {
	for name, want := range map[string]string{
		"HTTP_ADDR": "host:port", "ADMIN_ADDR": "host:port", "CHANCERY_DB_CONNS": "a number from 1 to 100", "CHANCERY_REPLICAS": "1, 3 or 5",
		"LOG_LEVEL": "DEBUG, INFO, WARN or ERROR", "LOG_FORMAT": "json or text", "CHANCERY_TRUSTED_PROXIES": "networks such as",
		"CHANCERY_START_TIMEOUT": "a duration such as 30s", "CHANCERY_DRAIN_DELAY": "a duration such as 5s", "CHANCERY_DRAIN_TIMEOUT": "a duration such as 20s",
		"CHANCERY_NODE": "letters, digits, - and _",
	} {
		_, err := load(map[string]string{name: planted + "!"})
		if err == nil || !strings.HasPrefix(err.Error(), name+" is wrong: it should be "+want) || strings.Contains(err.Error(), planted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, value := range map[string]string{"CHANCERY_DB_CONNS": "0", "CHANCERY_REPLICAS": "2", "CHANCERY_DRAIN_TIMEOUT": "0s", "CHANCERY_DRAIN_DELAY": "-1s"} {
		if _, err := load(map[string]string{name: value}); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	c, err := load(nil)
	if err != nil || c.HTTPAddr != "127.0.0.1:8080" || c.DrainTimeout != 20*time.Second || len(c.TrustedProxies) != 2 {
		t.Errorf("nothing set: %+v, %v", c.Variables, err)
	}
}

func TestASecretMayStandInAFileAndIsNeverPrinted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	url := "postgres://u:" + planted + "@127.0.0.1/x"
	if err := os.WriteFile(file, []byte(url+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(map[string]string{"DATABASE_URL_FILE": file, "LOG_FORMAT": "text"})
	if err != nil || c.DatabaseURL.Reveal() != url {
		t.Fatalf("%v", err)
	}
	var out bytes.Buffer
	service.PrintConfig(&out, c.Variables)
	if s := out.String(); !strings.Contains(s, "DATABASE_URL=[redacted]\n") || !strings.Contains(s, "NATS_PASSWORD=\n") || !strings.Contains(s, "LOG_FORMAT=text\n") || strings.Contains(s, planted) {
		t.Errorf("printed:\n%s", s)
	}
	if _, err := load(map[string]string{"DATABASE_URL_FILE": file, "DATABASE_URL": url}); err == nil || !strings.Contains(err.Error(), "both set") || strings.Contains(err.Error(), planted) {
		t.Errorf("both: %v", err)
	}
	if _, err := load(map[string]string{"DATABASE_URL_FILE": file + ".none"}); err == nil || !strings.HasPrefix(err.Error(), "DATABASE_URL_FILE") {
		t.Errorf("unreadable: %v", err)
	}
	if c, err := load(map[string]string{"NATS_USER_FILE": file}); err != nil || c.NATSUser != "" {
		t.Errorf("what is no secret is not read from files: %v", err)
	}
}

func TestAMisspeltVariableIsWarnedOf(t *testing.T) {
	s := servicetest.New(t, nil)
	for name, value := range map[string]string{"CHANCERY_DB_CONN": "1", "CHANCERY_NODE": "a", "CHANCERY_ISSUER": "https://x", "CHANCERY_THING_FILE": "/dev/null", "CHANCERY_ISSUER_FILE": "x"} {
		t.Setenv(name, value)
	}
	type own struct {
		Issuer string        `env:"CHANCERY_ISSUER, required" doc:"issuer" want:"https://host"`
		Thing  secret.String `env:"CHANCERY_THING" doc:"secret"`
	}
	read, err := service.LoadConfig(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := s.Config("registry", false)
	c.Lookup = read.Lookup
	c.Host.Logger = slog.New(slog.NewTextHandler(&log, nil))
	err = start(t, c, func(ctx context.Context, d service.Deps) (*service.Service, error) {
		var o own
		return nil, service.Load(ctx, d.Config.Lookup, &o)
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, warned := range map[string]bool{"CHANCERY_DB_CONN": true, "CHANCERY_ISSUER_FILE": true, "CHANCERY_NODE": false, "CHANCERY_ISSUER": false, "CHANCERY_THING_FILE": false} {
		if strings.Contains(log.String(), "variable="+name+"\n") != warned {
			t.Errorf("%s: warned %t expected in\n%s", name, warned, &log)
		}
	}
	var o own
	if err := service.Load(t.Context(), envconfig.MapLookuper(nil), &o); err == nil || err.Error() != "CHANCERY_ISSUER is not set: it should be https://host (issuer)" {
		t.Errorf("%v", err)
	}
}
