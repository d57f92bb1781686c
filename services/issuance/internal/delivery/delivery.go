// Package delivery brings a freshly made secret to the store its consumer reads, so that no person ever sees it.
package delivery

import (
	"context"
	"errors"
	"regexp"
	"strings"
)

// Store is where secrets may be delivered. What is answered as Refused will not get better by trying again.
type Store interface {
	// Put makes secret what lies at path, unless still refuses: it is asked after Put has looked at what lies there now, and
	// whatever is written there between that look and the write makes the write fail. It reads back what it wrote.
	Put(ctx context.Context, path, secret string, still func(context.Context) error) error
}

var (
	// ErrRefused says that a store does not take the secret.
	ErrRefused = errors.New("the store refuses the secret")
	// ErrDiffers says that a store holds something else than what was written.
	ErrDiffers = errors.New("the store holds something else than what was written")
	// ErrPlace says that there is no such place to deliver to.
	ErrPlace = errors.New("a delivery names a configured store and a path of plain names below it")
)

// Stores are the configured ones by name: the only places a secret can go to (B7).
type Stores map[string]Store

var plainPath = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*(/[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*){0,7}$`)

// Place is where a path of an organisation lies: below the organisation's own folder, in a store that there is.
func (s Stores) Place(store, organization, path string) (string, error) {
	if s[store] == nil || len(path) > 200 || !plainPath.MatchString(path) || !plainPath.MatchString(organization) || strings.Contains(organization, "/") {
		return "", ErrPlace
	}
	return store + ":" + organization + "/" + path, nil
}

func (s Stores) find(place string) (Store, string, error) {
	name, path, _ := strings.Cut(place, ":")
	if s[name] == nil || path == "" {
		return nil, "", ErrPlace
	}
	return s[name], path, nil
}
