// Package policy is what audit does by itself when facts arrive.
package policy

import (
	"context"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/deadline"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	auditv1 "github.com/chancery-dev/chancery/proto/audit/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/audit/internal/carrier"
	"github.com/chancery-dev/chancery/services/audit/internal/subscription"
	"github.com/chancery-dev/chancery/services/audit/internal/view"
)

// Policies are what they decide on and act through.
type Policies struct {
	Rows          view.Rows
	Subscriptions eventlog.Repository[subscription.State]
	Durables      carrier.Durables
}

// All are audit's policies.
func (p Policies) All() []projection.Policy {
	return []projection.Policy{
		{Name: "subscriber_ended", On: p.onSubscriberEnded, To: names(&registryv1.ApplicationDisabled{}, &registryv1.ApplicationOffboarded{}, &identityv1.OrganizationClosed{})},
		{Name: "subscription_carried", On: p.onSubscription, To: names(&auditv1.SubscriptionCreated{}, &auditv1.SubscriptionEnded{})},
	}
}

func names(facts ...aggregate.Event) (all []protoreflect.FullName) {
	for _, f := range facts {
		all = append(all, f.ProtoReflect().Descriptor().FullName())
	}
	return all
}

// onSubscriberEnded ends the subscriptions of an application or organisation that ended (X9).
func (p Policies) onSubscriberEnded(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	id, application, organization, reason := r.Envelope.GetSubject().GetId(), "", "", ""
	switch fact.(type) {
	case *registryv1.ApplicationDisabled:
		application, reason = id, "the application was disabled"
	case *registryv1.ApplicationOffboarded:
		application, reason = id, "the application was offboarded"
	case *identityv1.OrganizationClosed:
		organization, reason = id, "the organisation was closed"
	}
	open, err := p.Rows.Open(ctx, application, organization)
	if err != nil {
		return err
	}
	for _, subscribed := range open {
		row, _, err := p.Rows.Subscription(ctx, subscribed)
		if err != nil {
			return err
		}
		if row.Position > r.Sequence {
			continue // made after the application was enabled again
		}
		if _, err := p.Subscriptions.Handle(ctx, subscribed, subscription.End{Reason: reason}); err != nil {
			return err
		}
	}
	return nil
}

// onSubscription makes a subscription's consumer and, once it ended, removes it with what it was replaying.
func (p Policies) onSubscription(ctx context.Context, r eventlog.Recorded, _ int, fact aggregate.Event) error {
	id := r.Envelope.GetSubject().GetId()
	switch f := fact.(type) {
	case *auditv1.SubscriptionCreated:
		state, _, err := p.Subscriptions.LoadLeader(ctx, id)
		if err != nil || state.Standing() != nil {
			return err
		}
		return p.Durables.Create(ctx, carrier.Subscribed{ID: id, Types: f.Types, Organizations: f.OrganizationIds, After: f.After})
	case *auditv1.SubscriptionEnded:
		return p.Durables.Drop(ctx, id)
	}
	return nil
}

// OnDue ends the subscription whose time has come (C6).
func (p Policies) OnDue(ctx context.Context, d deadline.Due) error {
	if d.Kind != "subscription" {
		return nil
	}
	_, err := p.Subscriptions.Handle(ctx, d.ID, subscription.End{Reason: "its time has come"})
	return err
}
