package view

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var scopes = projection.View{Name: "scopes", Version: 1, Schema: `
create table scopes (version_id text not null, name text not null, risk text not null, description text not null, primary key (version_id, name))`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, _ eventlog.Recorded, id string, fact aggregate.Event) error {
		f, ok := fact.(*registryv1.VersionSubmitted)
		if !ok {
			return nil
		}
		for _, s := range f.Scopes {
			if err := projection.Exec(ctx, tx, `insert into scopes (version_id, name, risk, description) values ($1,$2,$3,$4)`, id, s.Name, s.Risk, s.Description); err != nil {
				return err
			}
		}
		return nil
	})}

// Scope is one scope of a version.
type Scope struct {
	Name        string `db:"name" json:"name"`
	Risk        string `db:"risk" json:"risk" enum:"low,medium,high"`
	Description string `db:"description" json:"description,omitempty"`
}

// Scopes are those of a version, by name.
func (r Rows) Scopes(ctx context.Context, version string) (scopes []Scope, err error) {
	err = r.Many(ctx, &scopes, `select name, risk, description from scopes where version_id=$1 order by name`, version)
	return scopes, err
}
