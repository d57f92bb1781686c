package issuance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/openbao"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/issuance/internal/authority"
	"github.com/chancery-dev/chancery/services/issuance/internal/credential"
	"github.com/chancery-dev/chancery/services/issuance/internal/delivery"
	"github.com/chancery-dev/chancery/services/issuance/internal/oauth"
	"github.com/chancery-dev/chancery/services/issuance/internal/pki"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// authorities wires what signs client certificates.
func authorities(d service.Deps, base string) *pki.Authorities {
	return &pki.Authorities{
		Base: base, Vault: d.Vault, Live: d.Lineage.Live, Now: d.Clock,
		Repository: eventlog.Repository[authority.State]{Log: d.Log, Kind: "issuance.certificate_authority"},
	}
}

// notices are when, before the ends of signing keys and authorities, their turn is over.
func notices() map[string][]time.Duration {
	all := maps.Clone(oauth.Notices)
	maps.Copy(all, pki.Notices)
	return all
}

// courier wires what brings secrets into the configured stores.
func courier(ctx context.Context, d service.Deps, names string, credentials eventlog.Repository[credential.State]) (*delivery.Courier, error) {
	stores := delivery.Stores{}
	for name := range strings.SplitSeq(names, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		store, err := openStore(ctx, d, name)
		if err != nil {
			return nil, err
		}
		stores[name] = store
	}
	return &delivery.Courier{Stores: stores, Vault: d.Vault, Rows: view.Rows{DB: d.DB}, Credentials: credentials, Now: d.Clock, Logger: d.Logger}, nil
}

// openStore reads the variables of one store.
func openStore(ctx context.Context, d service.Deps, name string) (delivery.Store, error) {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return nil, errors.New("CHANCERY_DELIVERY_STORES is wrong: it should be names of lower-case letters, digits and _, separated by commas")
	}
	prefix := "CHANCERY_DELIVERY_" + strings.ToUpper(name) + "_"
	var c storeConfig
	if err := service.Load(ctx, envconfig.PrefixLookuper(prefix, d.Config.Lookup), &c); err != nil {
		return nil, errors.New(prefix + err.Error())
	}
	if c.Folder != "" && c.URL != "" || c.Folder == "" && c.URL == "" {
		return nil, errors.New(prefix + "FOLDER or " + prefix + "URL is to be set, and not both")
	}
	if c.Folder != "" {
		store, err := delivery.OpenFolder(c.Folder)
		if err != nil {
			return nil, fmt.Errorf("%sFOLDER: %w", prefix, err)
		}
		return store, nil
	}
	client, err := openbao.New(openbao.Options{URL: c.URL, TokenFile: c.TokenFile, RoleID: c.RoleID, SecretIDFile: c.SecretIDFile, CAFile: c.CAFile, Namespace: c.Namespace})
	if err != nil {
		return nil, fmt.Errorf("%sURL: %w", prefix, err)
	}
	folder := strings.Trim(c.Prefix, "/")
	if folder != "" {
		folder += "/"
	}
	return &delivery.KeyValue{Client: client, Mount: strings.Trim(c.Mount, "/"), Prefix: folder}, nil
}

// withKinds adds what the kinds of credentials need to the service.
func withKinds(s *service.Service, signers *pki.Authorities, post *delivery.Courier) *service.Service {
	s.Background["deliveries"] = post.Run
	s.Folds = append(s.Folds, signers.Apply)
	before := s.Start
	s.Start = func(ctx context.Context) error { return errors.Join(before(ctx), signers.Ensure(ctx)) }
	return s
}

// storeConfig is what is read of one store, each name with the store's own prefix.
type storeConfig struct {
	Folder       string `env:"FOLDER" doc:"folder of secret files" want:"the path of a folder with mode 0700"`
	URL          string `env:"URL" doc:"address of an OpenBao or HashiCorp Vault" want:"https://host[:port]"`
	Mount        string `env:"MOUNT, default=secret" doc:"where its KV engine, version 2, is mounted" want:"a path"`
	Prefix       string `env:"PREFIX, default=chancery" doc:"folder in the engine below which each organisation has its own" want:"a path"`
	TokenFile    string `env:"TOKEN_FILE" doc:"file with a token, read for each call" want:"the path of a file with mode 0600"`
	RoleID       string `env:"ROLE_ID" doc:"AppRole in place of a token" want:"a role id"`
	SecretIDFile string `env:"SECRET_ID_FILE" doc:"file with the AppRole's secret id" want:"the path of a file with mode 0600"`
	CAFile       string `env:"CA_FILE" doc:"certificates the server is trusted by" want:"the path of a PEM file"`
	Namespace    string `env:"NAMESPACE" doc:"namespace of the server" want:"a name"`
}
