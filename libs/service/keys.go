package service

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"github.com/chancery-dev/chancery/libs/openbao"
	"github.com/chancery-dev/chancery/libs/secret"
)

// openKeys opens the key file, sealed under a transit key if one is configured.
func openKeys(c Config) (*secret.KeyFile, error) {
	if c.TransitURL == "" {
		k, err := secret.EnsureKeyFile(c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("CHANCERY_KEY_FILE: %w", err)
		}
		return k, nil
	}
	client, err := openbao.New(openbao.Options{
		URL: c.TransitURL, TokenFile: c.TransitTokenFile, RoleID: c.TransitRoleID, SecretIDFile: c.TransitSecretID,
		CAFile: c.TransitCA, Namespace: c.TransitNamespace,
	})
	if err != nil {
		return nil, fmt.Errorf("CHANCERY_TRANSIT_URL: %w", err)
	}
	k, err := secret.EnsureSealedKeyFile(c.KeyFile, openbao.Transit{Client: client, Mount: c.TransitMount, Key: c.TransitKey})
	if err != nil {
		return nil, fmt.Errorf("CHANCERY_KEY_FILE, sealed at CHANCERY_TRANSIT_URL: %w", err)
	}
	return k, nil
}

// tellAge measures how old the service's wrapping key is.
func tellAge(d Deps) {
	_, err := d.Metrics.Meter("github.com/chancery-dev/chancery/libs/service").Float64ObservableGauge("chancery.wrapping_key.age",
		metric.WithDescription("Age of the key that wraps what the service's vault holds."), metric.WithUnit("s"),
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			if made := d.Keys.Made(d.Name); !made.IsZero() {
				o.Observe(d.Clock().Sub(made).Seconds())
			}
			return nil
		}))
	if err != nil {
		d.Logger.Error("the age of the wrapping key is not measured", "error", err)
	}
}
