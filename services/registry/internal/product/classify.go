package product

import (
	"github.com/chancery-dev/chancery/libs/aggregate"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Classify says how much harm the product could do in the wrong hands.
type Classify struct{ Class, Reason string }

// Decide follows rules 3 and 6.
func (c Classify) Decide(s State) ([]aggregate.Event, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	switch c.Class {
	case "public", "partner", "sensitive":
	default:
		return nil, ErrClass
	}
	if err := reason(c.Reason); err != nil {
		return nil, err
	}
	switch {
	case c.Class == s.Class:
		return nil, nil
	case c.Class == "sensitive" && s.Audience == "public":
		return nil, ErrSensitive
	}
	return []aggregate.Event{&registryv1.ProductClassified{Class: c.Class, Reason: c.Reason}}, nil
}
