package api

import (
	"cmp"
	"context"
	"slices"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/services/registry/internal/application"
	"github.com/chancery-dev/chancery/services/registry/internal/view"
)

type applicationsRequest struct {
	endpoint.Paging
	State          string `query:"state" enum:"active,suspended,disabled,orphaned,offboarded"`
	Environment    string `query:"environment" enum:"sandbox,production"`
	OrganizationID string `query:"organization_id" maxLength:"64" doc:"One organisation, for those who see several"`
}

func (s *Service) listApplications(ctx context.Context, in applicationsRequest) (endpoint.Answer[endpoint.Page[view.Application]], error) {
	var before uint64
	if err := in.Cursor(&before); err != nil {
		return endpoint.Answer[endpoint.Page[view.Application]]{}, err
	}
	caller := principal.Caller(ctx)
	filter := view.ApplicationFilter{OrganizationID: in.OrganizationID, State: in.State, Environment: in.Environment}
	if !oversees(caller) {
		if in.OrganizationID != "" && in.OrganizationID != caller.Organization {
			return endpoint.List(in.Paging, []view.Application{}, func(view.Application) any { return nil }), nil
		}
		filter.OrganizationID = caller.Organization
	}
	rows, err := s.Views.Now().Applications(ctx, filter, before, in.Fetch())
	return endpoint.List(in.Paging, rows, func(a view.Application) any { return a.Position }), err
}

type registerRequest struct {
	Body struct {
		Name          string `json:"name" minLength:"1" maxLength:"100"`
		Purpose       string `json:"purpose" minLength:"1" maxLength:"2000" doc:"What it uses the access for"`
		Environment   string `json:"environment" enum:"sandbox,production"`
		OwnerID       string `json:"owner_id,omitempty" maxLength:"64" doc:"The caller if absent"`
		BackupOwnerID string `json:"backup_owner_id" minLength:"1" maxLength:"64" doc:"Another person of the same organisation"`
	}
}

func (s *Service) registerApplication(ctx context.Context, in registerRequest) (endpoint.Answer[endpoint.Receipt], error) {
	caller := principal.Caller(ctx)
	id := endpoint.NewID(ctx, "application")
	out, err := decide(ctx, s, s.Applications, id, 0, func(ctx context.Context, rows view.Rows) (aggregate.Command[application.State], error) {
		o, _, err := rows.Organization(ctx, caller.Organization)
		if err != nil {
			return nil, err
		}
		owner, err := rows.Person(ctx, cmp.Or(in.Body.OwnerID, caller.ID))
		if err != nil {
			return nil, err
		}
		backup, err := rows.Person(ctx, in.Body.BackupOwnerID)
		return application.Register{
			Name: in.Body.Name, Purpose: in.Body.Purpose, Environment: in.Body.Environment,
			Organization: application.Organization{ID: o.ID, Kind: o.Kind, Open: o.Open},
			Owner:        named(owner, cmp.Or(in.Body.OwnerID, caller.ID)), BackupOwner: named(backup, in.Body.BackupOwnerID),
		}, err
	})
	return done(id, out, err)
}

// named keeps the id of somebody unknown, so that the refusal is about who they are and not about how many.
func named(p view.Person, id string) application.Person {
	return application.Person{ID: id, OrganizationID: p.OrganizationID, Here: p.Here}
}

// ApplicationDetail is one application with what the caller may do about it.
type ApplicationDetail struct {
	view.Application
	Allowed endpoint.Allowed `json:"allowed"`
}

func (s *Service) showApplication(ctx context.Context, in Object) (endpoint.Answer[ApplicationDetail], error) {
	var none endpoint.Answer[ApplicationDetail]
	caller := principal.Caller(ctx)
	row, _, err := s.Views.Now().Application(ctx, in.ID)
	if err != nil {
		return none, err
	}
	state, _, err := s.Applications.Load(ctx, in.ID)
	if err != nil {
		return none, err
	}
	would := func(needed endpoint.Permission, c aggregate.Command[application.State]) endpoint.Verdict {
		return verdict(caller, needed, s.mayActOn(caller, state), func() error { _, err := c.Decide(state); return err })
	}
	return endpoint.OK(ApplicationDetail{Application: row, Allowed: endpoint.Allowed{
		"owners":   would(assignOwner, application.Offboard{Reason: "x"}),
		"suspend":  would(stopApplication, application.Suspend{Reason: "x"}),
		"resume":   would(startApplication, application.Resume{Reason: "x", ByProvider: state.Organization != caller.Organization}),
		"disable":  would(stopApplication, application.Disable{Reason: "x"}),
		"enable":   would(startApplication, application.Enable{Reason: "x", ByProvider: state.Organization != caller.Organization}),
		"offboard": would(stopApplication, application.Offboard{Reason: "x"}),
	}}), nil
}

// mayActOn is why the caller, within whose reach the application is, may not command it, or nil: an owner of it, an
// administrator of its organisation, or one of the platform may.
func (s *Service) mayActOn(p principal.Principal, state application.State) error {
	own := state.Organization == p.Organization
	switch {
	case own && (p.Has(principal.OrgAdmin) || slices.Contains(state.Accountable(), p.ID)):
		return nil
	case !own && p.Has(principal.PlatformAdmin):
		return nil
	}
	return errNotOwner
}

// act decides a command about one application once the caller may.
func (s *Service) act(ctx context.Context, id string, command func(imposed bool) aggregate.Command[application.State]) (endpoint.Answer[endpoint.Receipt], error) {
	caller := principal.Caller(ctx)
	out, err := s.Applications.Handle(ctx, id, judged{s, caller, command})
	return done(id, out, err)
}

// judged asks who the caller is to the application on the very state the command is decided on.
type judged struct {
	service *Service
	caller  principal.Principal
	command func(imposed bool) aggregate.Command[application.State]
}

// Decide refuses who may not act, then decides the command.
func (j judged) Decide(state application.State) ([]aggregate.Event, error) {
	if err := j.service.mayActOn(j.caller, state); err != nil {
		return nil, err
	}
	return j.command(state.Organization != j.caller.Organization).Decide(state)
}

type ownerRequest struct {
	Object
	Body struct {
		Seat     string `json:"seat" enum:"owner,backup_owner"`
		PersonID string `json:"person_id" minLength:"1" maxLength:"64"`
	}
}

func (s *Service) assignOwner(ctx context.Context, in ownerRequest) (endpoint.Answer[endpoint.Receipt], error) {
	caller := principal.Caller(ctx)
	out, err := decide(ctx, s, s.Applications, in.ID, 0, func(ctx context.Context, rows view.Rows) (aggregate.Command[application.State], error) {
		p, err := rows.Person(ctx, in.Body.PersonID)
		return judged{s, caller, func(bool) aggregate.Command[application.State] {
			return application.AssignOwner{Seat: in.Body.Seat, Person: named(p, in.Body.PersonID)}
		}}, err
	})
	return done(in.ID, out, err)
}

func (s *Service) suspendApplication(ctx context.Context, in Reasoned) (endpoint.Answer[endpoint.Receipt], error) {
	return s.act(ctx, in.ID, func(imposed bool) aggregate.Command[application.State] {
		return application.Suspend{Reason: in.Body.Reason, Imposed: imposed}
	})
}

func (s *Service) resumeApplication(ctx context.Context, in Reasoned) (endpoint.Answer[endpoint.Receipt], error) {
	return s.act(ctx, in.ID, func(byProvider bool) aggregate.Command[application.State] {
		return application.Resume{Reason: in.Body.Reason, ByProvider: byProvider}
	})
}

func (s *Service) disableApplication(ctx context.Context, in Reasoned) (endpoint.Answer[endpoint.Receipt], error) {
	return s.act(ctx, in.ID, func(imposed bool) aggregate.Command[application.State] {
		return application.Disable{Reason: in.Body.Reason, Imposed: imposed}
	})
}

func (s *Service) enableApplication(ctx context.Context, in Reasoned) (endpoint.Answer[endpoint.Receipt], error) {
	return s.act(ctx, in.ID, func(byProvider bool) aggregate.Command[application.State] {
		return application.Enable{Reason: in.Body.Reason, ByProvider: byProvider}
	})
}

func (s *Service) offboardApplication(ctx context.Context, in Reasoned) (endpoint.Answer[endpoint.Receipt], error) {
	return s.act(ctx, in.ID, func(bool) aggregate.Command[application.State] { return application.Offboard{Reason: in.Body.Reason} })
}
