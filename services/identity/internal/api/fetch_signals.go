package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/projection"
	"github.com/chancery-dev/chancery/services/identity/internal/organization"
	"github.com/chancery-dev/chancery/services/identity/internal/signon"
	"github.com/chancery-dev/chancery/services/identity/internal/view"
)

// SignalSecrets is the kind under which the vault keeps the Authorization headers of fetching.
const SignalSecrets = "signal_source"

type signalsRequest struct {
	ID   string `path:"id"`
	Body struct {
		PollEndpoint  string `json:"poll_endpoint" maxLength:"500" doc:"Where the provider's security events are fetched (RFC 8936); empty for nowhere"`
		Authorization string `json:"authorization_header,omitempty" maxLength:"2000" doc:"Sent with every request; kept in the vault and never shown again"`
	}
}

func (a *API) configureSignals(ctx context.Context, in signalsRequest) (receipt, error) {
	c := organization.ConfigureSignals{Signals: organization.Signals{Endpoint: in.Body.PollEndpoint}}
	if in.Body.Authorization != "" {
		c.SecretID = uuid.NewString()
		if err := a.Vault.Put(ctx, SignalSecrets, c.SecretID, []byte(in.Body.Authorization)); err != nil {
			return receipt{}, err
		}
	}
	return a.change(ctx, in.ID, c)
}

// pause is how long a source is left alone that did not answer, and how long none keeps the fetcher waiting.
const pause = 2 * time.Second

// FetchSignals fetches security events of every organisation that has them fetched, until ctx ends; one instance does.
func (a *API) FetchSignals(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := projection.Alone(ctx, a.Rows.DB, "signals", a.fetchAll); err != nil && ctx.Err() == nil {
			a.Logger.WarnContext(ctx, "security events are not fetched", "error", err)
		}
		wait(ctx, pause)
	}
	return ctx.Err()
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// fetchAll keeps one reader for each source, and looks for new and changed sources.
func (a *API) fetchAll(ctx context.Context) error {
	readers := map[view.SignalSource]context.CancelFunc{}
	var all sync.WaitGroup
	defer all.Wait()
	defer func() {
		for _, stop := range readers {
			stop()
		}
	}()
	for {
		sources, err := a.Rows.SignalSources(ctx)
		if err != nil {
			return err
		}
		wanted := map[view.SignalSource]bool{}
		for _, s := range sources {
			if wanted[s] = true; readers[s] == nil {
				reading, stop := context.WithCancel(ctx)
				readers[s] = stop
				all.Go(func() { a.fetchFrom(reading, s) })
			}
		}
		for s, stop := range readers {
			if !wanted[s] {
				stop()
				delete(readers, s)
			}
		}
		wait(ctx, pause)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

type polled struct {
	Sets map[string]string `json:"sets"`
}

type refusedSet struct {
	Err         string `json:"err"`
	Description string `json:"description,omitempty"`
}

// fetchFrom is RFC 8936 §2.4: what was taken or refused is said with the next request, after its effect is in the log.
func (a *API) fetchFrom(ctx context.Context, s view.SignalSource) {
	ack, refused := []string{}, map[string]refusedSet{}
	for ctx.Err() == nil {
		sets, err := a.poll(ctx, s, ack, refused)
		if err != nil {
			if ctx.Err() == nil {
				a.Logger.WarnContext(ctx, "a provider's security events could not be fetched", "organization", s.OrganizationID, "error", err)
			}
			wait(ctx, pause)
			continue
		}
		ack, refused = []string{}, map[string]refusedSet{}
		failed := false
		for id, compact := range sets {
			err := a.Hear(ctx, s.OrganizationID, compact)
			code, final := refusalOf(err)
			switch {
			case err == nil:
				ack = append(ack, id)
			case final:
				refused[id] = refusedSet{code, strings.TrimPrefix(err.Error(), code+": ")}
			default:
				failed = true
				a.Logger.ErrorContext(ctx, "a security event token could not be taken", "organization", s.OrganizationID, "error", err)
			}
		}
		if failed || len(sets) == 0 {
			wait(ctx, pause/8)
		}
	}
}

// refusalOf is the code of a token that will never be taken.
func refusalOf(err error) (code string, final bool) {
	for _, known := range []error{signon.ErrSignal, signon.ErrSignalKey, signon.ErrSignalIssuer, signon.ErrSignalAudience} {
		if errors.Is(err, known) {
			return known.Error(), true
		}
	}
	return "", false
}

func (a *API) poll(ctx context.Context, s view.SignalSource, ack []string, refused map[string]refusedSet) (map[string]string, error) {
	body := map[string]any{"ack": ack, "returnImmediately": len(ack)+len(refused) > 0}
	if len(refused) > 0 {
		body["setErrs"] = refused
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if s.SecretID != "" {
		header, err := a.Vault.Get(ctx, SignalSecrets, s.SecretID)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", string(header))
	}
	response, err := a.Outbound.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the provider answered %d", response.StatusCode)
	}
	var answer polled
	err = json.NewDecoder(response.Body).Decode(&answer)
	return answer.Sets, err
}
