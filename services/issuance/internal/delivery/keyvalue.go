package delivery

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/chancery-dev/chancery/libs/openbao"
)

// KeyValue is the KV store, version 2, of an OpenBao or HashiCorp Vault.
type KeyValue struct {
	Client *openbao.Client
	// Mount is where the engine is mounted, Prefix the folder in it.
	Mount, Prefix string
}

type kvRead struct {
	Data struct {
		Data     map[string]json.RawMessage `json:"data"`
		Metadata struct {
			Version int `json:"version"`
		} `json:"metadata"`
	} `json:"data"`
}

// Put writes a new version by check-and-set, and reads it back.
func (k *KeyValue) Put(ctx context.Context, path, secret string, still func(context.Context) error) error {
	at := k.Mount + "/data/" + k.Prefix + path
	before, err := k.version(ctx, at)
	if err != nil {
		return named(err)
	}
	if err := still(ctx); err != nil {
		return err
	}
	write := map[string]any{"options": map[string]any{"cas": before}, "data": map[string]string{"secret": secret}}
	if err := k.Client.Call(ctx, http.MethodPost, at, write, nil); err != nil {
		return named(err)
	}
	var after kvRead
	if err := k.Client.Call(ctx, http.MethodGet, at, nil, &after); err != nil {
		return named(err)
	}
	var got string
	if json.Unmarshal(after.Data.Data["secret"], &got) != nil || subtle.ConstantTimeCompare([]byte(got), []byte(secret)) != 1 {
		return ErrDiffers
	}
	return nil
}

// version is that of what lies at a place, 0 where nothing ever did. What was deleted still has its version.
func (k *KeyValue) version(ctx context.Context, at string) (int, error) {
	var now kvRead
	err := k.Client.Call(ctx, http.MethodGet, at, nil, &now)
	var failed *openbao.Error
	if errors.As(err, &failed) && failed.Status == http.StatusNotFound {
		if json.Unmarshal(failed.Body, &now) != nil {
			return 0, nil
		}
		err = nil
	}
	return now.Data.Metadata.Version, err
}

func named(err error) error {
	var failed *openbao.Error
	if errors.As(err, &failed) && !failed.Temporary() {
		return errors.Join(ErrRefused, err)
	}
	return err
}
