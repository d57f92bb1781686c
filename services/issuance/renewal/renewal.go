// Package renewal keeps a machine's secret fresh: the live secret asks for its own successor before its time is over.
package renewal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/secret"
)

// Keeper keeps one file that holds one secret and nothing else. Whoever uses the secret reads the file anew for each use.
type Keeper struct {
	// Server is the public address of the suite.
	Server string
	// ID is the credential's, Kind api_key or client_secret.
	ID, Kind string
	// File is the secret's; beside it lies File.state, which says when it is to be renewed.
	File string
	HTTP *http.Client
	Now  func() time.Time
}

// Renewed says what a secret is good for.
type Renewed struct {
	ID         string    `json:"id"`
	Generation uint32    `json:"generation"`
	ExpiresAt  time.Time `json:"expires_at"`
	// From is when it may be renewed.
	From time.Time `json:"renew_from"`
}

// Refused is an answer that trying again at once does not change.
type Refused struct {
	Status            int
	Code, Description string
}

// Error is the code and the sentence.
func (r *Refused) Error() string { return r.Code + ": " + r.Description }

const maxAnswer = 256 << 10

// Renew asks for a successor and puts it in the file's place. If the answer is lost, the secret in the file asks again.
func (k *Keeper) Renew(ctx context.Context) (Renewed, error) {
	held, err := k.read()
	if err != nil {
		return Renewed{}, err
	}
	form := url.Values{"client_id": {k.ID}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(k.Server, "/")+"/oauth2/renew", strings.NewReader(form.Encode()))
	if err != nil {
		return Renewed{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if k.Kind == "client_secret" {
		r.SetBasicAuth(url.QueryEscape(k.ID), url.QueryEscape(held.Reveal()))
	} else {
		r.Header.Set("Authorization", "Bearer "+held.Reveal())
	}
	response, err := k.HTTP.Do(r)
	if err != nil {
		return Renewed{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return Renewed{}, err
	}
	if response.StatusCode != http.StatusCreated {
		refused := struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}{Error: http.StatusText(response.StatusCode)}
		_ = json.Unmarshal(body, &refused)
		return Renewed{}, &Refused{response.StatusCode, refused.Error, refused.Description}
	}
	var answer struct {
		Renewed
		Secret secret.String `json:"secret"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return Renewed{}, errors.New("the answer to a renewal cannot be read")
	}
	if answer.Secret.IsZero() {
		return Renewed{}, errors.New("the answer to a renewal holds no secret")
	}
	if err := replace(k.File, []byte(answer.Secret.Reveal())); err != nil {
		return Renewed{}, err
	}
	state, err := json.Marshal(answer.Renewed)
	if err == nil {
		err = replace(k.File+".state", state)
	}
	return answer.Renewed, err
}

// Due is when the secret in the file is to be renewed; zero if nothing says so.
func (k *Keeper) Due() (time.Time, error) {
	text, err := os.ReadFile(k.File + ".state")
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	var state Renewed
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil || state.ID != k.ID {
		return time.Time{}, err // another credential's says nothing of this one
	}
	return state.From, nil
}

func (k *Keeper) read() (secret.String, error) {
	info, err := os.Stat(k.File)
	if err != nil {
		return secret.String{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return secret.String{}, fmt.Errorf("%s: mode %04o lets others read it, must be 0600", k.File, info.Mode().Perm())
	}
	text, err := os.ReadFile(k.File)
	return secret.New(strings.TrimSpace(string(text))), err
}

// replace puts content in a file's place, so that whoever reads it has the old or the new, whole.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".renewal-*") // CreateTemp's mode is 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
