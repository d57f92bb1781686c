package openbao

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
)

// Transit seals under a key of the transit engine, which the key never leaves.
type Transit struct {
	Client     *Client
	Mount, Key string
}

// Seal encrypts under the newest version of the key.
func (t Transit) Seal(plain []byte) (string, error) {
	var out struct {
		Data struct {
			Ciphertext string `json:"ciphertext"`
		} `json:"data"`
	}
	in := map[string]string{"plaintext": base64.StdEncoding.EncodeToString(plain)}
	if err := t.Client.Call(context.Background(), http.MethodPost, t.path("encrypt"), in, &out); err != nil {
		return "", err
	}
	if out.Data.Ciphertext == "" {
		return "", errors.New("the transit engine answered no ciphertext")
	}
	return out.Data.Ciphertext, nil
}

// Open decrypts under whichever version of the key sealed.
func (t Transit) Open(sealed string) ([]byte, error) {
	var out struct {
		Data struct {
			Plaintext string `json:"plaintext"`
		} `json:"data"`
	}
	if err := t.Client.Call(context.Background(), http.MethodPost, t.path("decrypt"), map[string]string{"ciphertext": sealed}, &out); err != nil {
		return nil, err
	}
	plain, err := base64.StdEncoding.DecodeString(out.Data.Plaintext)
	if err != nil || len(plain) == 0 {
		return nil, errors.New("the transit engine answered no plaintext")
	}
	return plain, nil
}

func (t Transit) path(operation string) string {
	return strings.Trim(t.Mount, "/") + "/" + operation + "/" + t.Key
}
