// Package standing is what issuance must know of an application and a grant before it makes a secret, folded from EVENTS in
// memory, so that issuing waits for no database and asks no server.
package standing

import (
	"context"
	"sync"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/authorization"
)

// Application is who answers for an application, empty where a seat has nobody, and whether it may have new secrets:
// active | suspended | disabled | offboarded.
type Application struct {
	OrganizationID, OwnerID, BackupOwnerID, State string
}

// Owners counts the seats that somebody holds.
func (a Application) Owners() (n int) {
	for _, id := range []string{a.OwnerID, a.BackupOwnerID} {
		if id != "" {
			n++
		}
	}
	return n
}

// Fold is every application and every authorization. The zero value is ready; it is safe for concurrent use.
type Fold struct {
	mu  sync.RWMutex
	all map[string]Application
	// grants are authorizations by the grant's id.
	grants map[string]authorization.State
	// classes are those that products have now.
	classes map[string]string
}

// Apply folds a batch.
func (f *Fold) Apply(_ context.Context, batch []eventlog.Recorded) error {
	for _, r := range batch {
		for _, fact := range r.Facts {
			f.apply(r.Envelope.GetSubject().GetId(), fact)
		}
	}
	return nil
}

func (f *Fold) apply(id string, fact aggregate.Event) {
	var change func(*Application)
	switch e := fact.(type) {
	case *registryv1.ApplicationRegistered:
		change = func(a *Application) { *a = Application{e.OrganizationId, e.OwnerId, e.BackupOwnerId, "active"} }
	case *registryv1.ApplicationOwnerAssigned:
		change = func(a *Application) { a.sit(e.Seat, e.PersonId) }
	case *registryv1.ApplicationOrphaned:
		change = func(a *Application) { a.sit(e.Seat, "") }
	case *registryv1.ApplicationSuspended:
		change = func(a *Application) { a.State = "suspended" }
	case *registryv1.ApplicationResumed, *registryv1.ApplicationEnabled:
		change = func(a *Application) { a.State = "active" }
	case *registryv1.ApplicationDisabled:
		change = func(a *Application) { a.State = "disabled" }
	case *registryv1.ApplicationOffboarded:
		change = func(a *Application) { a.State = "offboarded" }
	case *issuancev1.AuthorizationOpened, *issuancev1.AuthorizationNarrowed, *issuancev1.AuthorizationClosed:
		f.note(id, e)
		return
	case *registryv1.ProductClassified:
		f.classify(id, e.Class)
		return
	default:
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[string]Application{}
	}
	a := f.all[id]
	change(&a)
	f.all[id] = a
}

func (f *Fold) note(id string, fact aggregate.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.grants == nil {
		f.grants = map[string]authorization.State{}
	}
	f.grants[id] = f.grants[id].Evolve(fact)
}

func (f *Fold) classify(product, class string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.classes == nil {
		f.classes = map[string]string{}
	}
	f.classes[product] = class
}

// Class is that of a product now, empty if it was never classified.
func (f *Fold) Class(productID string) string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.classes[productID]
}

// Authorization is what is known of a grant now; its zero value is a grant nobody gave.
func (f *Fold) Authorization(grantID string) authorization.State {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.grants[grantID]
}

func (a *Application) sit(seat, person string) {
	if seat == "backup_owner" {
		a.BackupOwnerID = person
	} else {
		a.OwnerID = person
	}
}

// Orphans lists the applications that lack one of their two owners or both, and are not gone.
func (f *Fold) Orphans() []string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	orphans := []string{}
	for id, a := range f.all {
		if a.Owners() < 2 && a.State != "offboarded" {
			orphans = append(orphans, id)
		}
	}
	return orphans
}

// Application is what is known of an application now, or false.
func (f *Fold) Application(id string) (Application, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	a, ok := f.all[id]
	return a, ok
}
