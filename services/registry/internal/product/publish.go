package product

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Version is the contract to publish with, as the registry knows it when it decides.
type Version struct {
	ID, ProductID, Version string
	// Published is false for one that is unknown, not yet published or retired.
	Published bool
}

// Publish is the explicit decision to show the product to its audience with one of its versions.
type Publish struct {
	ProductID string
	Version   Version
}

// Decide follows rules 2 and 3.
func (c Publish) Decide(s State) ([]aggregate.Event, error) {
	if err := s.Publishable(); err != nil {
		return nil, err
	}
	switch {
	case c.Version.ID == "" || c.Version.ProductID != c.ProductID || !c.Version.Published:
		return nil, ErrVersion
	case s.Shown && s.VersionID == c.Version.ID:
		return nil, nil
	}
	return []aggregate.Event{&registryv1.ProductPublished{VersionId: c.Version.ID, Version: c.Version.Version}}, nil
}

// Publishable is why the product could not be published with any version, or nil.
func (s State) Publishable() error {
	if err := s.alive(); err != nil {
		return err
	}
	switch {
	case s.Class == "":
		return ErrNoClass
	case s.Audience == "":
		return ErrNoAudience
	}
	for _, seat := range Seats {
		if s.Holders[seat] == "" {
			return ErrSeatEmpty
		}
	}
	return nil
}
