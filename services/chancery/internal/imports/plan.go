// Package imports reads what other systems know of applications and their secrets, and takes it over in the order and under
// the rules that hold for everybody: applications are registered, access is requested, and only what was approved gets its
// old secret back.
package imports

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/libs/secret"
)

// Application is one consumer of the other system.
type Application struct {
	Line                       int
	Name, Purpose, Environment string
	// Owner and Backup are e-mail addresses of people of the organisation.
	Owner, Backup string
}

// Key is one secret of a consumer.
type Key struct {
	Line int
	// SourceID is what it is called where it comes from.
	SourceID, Application string
	Kind, Name            string
	Secret                secret.String
	// Product is the slug of the product it is for.
	Product   string
	Scopes    []string
	ExpiresAt time.Time
}

// Problem is one thing of the file that is not taken over.
type Problem struct {
	Line int    `json:"line"`
	What string `json:"what"`
}

// Plan is what a file holds, in its order.
type Plan struct {
	Source       string
	Applications []Application
	Keys         []Key
	Problems     []Problem
}

// Defaults are what files of other systems do not say, and what has to be said.
type Defaults struct {
	Environment, Owner, Backup, Purpose, Product string
	Scopes                                       []string
	ExpiresAt                                    time.Time
	Now                                          time.Time
}

// MaxFile is the largest file read, in bytes.
const MaxFile = 16 << 20

// ErrFormat says that a file is not of the format it is said to be.
var ErrFormat = errors.New("the file is not of this format")

// Read takes a file apart: csv, kong or keycloak.
func Read(source string, body []byte, d Defaults) (Plan, error) {
	p := Plan{Source: source}
	var err error
	switch source {
	case "csv":
		err = p.csv(body, d)
	case "kong":
		err = p.kong(body, d)
	case "keycloak":
		err = p.keycloak(body, d)
	default:
		return p, fmt.Errorf("%w: %q is none of csv, kong, keycloak", ErrFormat, source)
	}
	if err != nil {
		return p, err
	}
	p.check(d)
	return p, nil
}

func (p *Plan) wrong(line int, what string, args ...any) {
	p.Problems = append(p.Problems, Problem{line, fmt.Sprintf(what, args...)})
}

// check takes out what could not be taken over whatever is approved, and says so: by line, and by what hangs on it.
func (p *Plan) check(d Defaults) {
	lost := map[string]bool{}
	seen := map[string]bool{}
	p.Applications = slices.DeleteFunc(p.Applications, func(a Application) bool {
		why := ""
		switch {
		case a.Name == "":
			why = "an application without a name"
		case seen[a.Name]:
			return true // named again by its next key
		case a.Owner == "" || a.Backup == "":
			why = "an application needs two owners"
		case a.Owner == a.Backup:
			why = "the two owners are one person"
		case a.Environment != "sandbox" && a.Environment != "production":
			why = "the environment is sandbox or production"
		case a.Purpose == "":
			why = "an application needs a purpose"
		}
		seen[a.Name] = true
		if why != "" {
			lost[a.Name] = true
			p.wrong(a.Line, "%s: %q", why, a.Name)
		}
		return why != ""
	})
	shared, ids := map[string]int{}, map[string]bool{}
	for _, k := range p.Keys {
		shared[k.Secret.Reveal()]++
	}
	p.Keys = slices.DeleteFunc(p.Keys, func(k Key) bool {
		why := ""
		switch {
		case lost[k.Application]:
			why = "its application is not taken over"
		case ids[k.SourceID]:
			why = "another secret has the same name"
		case k.Secret.IsZero():
			why = "it has no secret"
		case shared[k.Secret.Reveal()] > 1:
			why = "its secret is shared by several consumers"
		case k.Product == "" || len(k.Scopes) == 0:
			why = "no product and scopes are named for it"
		case k.ExpiresAt.IsZero():
			why = "it has no expiry; nothing is taken over for ever"
		case !k.ExpiresAt.After(d.Now):
			why = "it has expired"
		}
		ids[k.SourceID] = true
		if why != "" {
			p.wrong(k.Line, "%s: %s", k.SourceID, why)
		}
		return why != ""
	})
	slices.SortStableFunc(p.Problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}
