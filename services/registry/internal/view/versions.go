package view

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

var versions = projection.View{Name: "versions", Version: 1, Schema: `
create table versions (
	id text primary key, product_id text not null, version text not null, title text not null, contract_digest text not null,
	base_path text not null, operations jsonb not null, scopes jsonb not null, gates jsonb not null default '{}',
	state text not null default 'submitted', submitted_at timestamptz not null, published_at timestamptz, sunset_at timestamptz,
	migration text not null default '', position bigint not null);
create index on versions (product_id, position)`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *registryv1.VersionSubmitted:
			operations := make([]Operation, 0, len(f.Operations))
			for _, o := range f.Operations {
				operations = append(operations, Operation{ID: o.Id, Method: o.Method, Path: o.Path, Summary: o.Summary, Scopes: o.Scopes})
			}
			scopes := make([]Scope, 0, len(f.Scopes))
			for _, s := range f.Scopes {
				scopes = append(scopes, Scope{Name: s.Name, Description: s.Description, Risk: s.Risk})
			}
			return projection.Exec(ctx, tx, `insert into versions (id, product_id, version, title, contract_digest, base_path, operations, scopes, submitted_at, position)
				values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`, id, f.ProductId, f.Version, f.Title, f.ContractDigest, f.BasePath, projection.JSON[[]Operation]{V: operations}, projection.JSON[[]Scope]{V: scopes}, r.Time, r.Sequence)
		case *registryv1.VersionGateEvaluated:
			gate := map[string]Gate{f.Gate: {Passed: f.Passed, Finding: f.Finding}}
			return projection.Exec(ctx, tx, `update versions set gates=gates || $2 where id=$1`, id, projection.JSON[map[string]Gate]{V: gate})
		case *registryv1.VersionPublished:
			return projection.Exec(ctx, tx, `update versions set state='published', published_at=$2 where id=$1`, id, r.Time)
		case *registryv1.VersionDeprecated:
			return projection.Exec(ctx, tx, `update versions set state='deprecated', sunset_at=$2, migration=$3 where id=$1`, id, f.SunsetAt.AsTime(), f.Migration)
		case *registryv1.VersionRetired:
			return projection.Exec(ctx, tx, `update versions set state='retired' where id=$1`, id)
		}
		return nil
	})}

// Operation is one operation of a contract.
type Operation struct {
	ID      string   `json:"id"`
	Method  string   `json:"method"`
	Path    string   `json:"path"`
	Summary string   `json:"summary,omitempty"`
	Scopes  []string `json:"scopes" doc:"Scopes a caller needs, all of them"`
}

// Scope is one scope of a contract.
type Scope struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Risk        string `json:"risk" enum:"low,medium,high"`
}

// Gate is what a check of the publish list found last.
type Gate struct {
	Passed  bool   `json:"passed"`
	Finding string `json:"finding,omitempty"`
}

// VersionSummary is one version without its content.
type VersionSummary struct {
	ID             string     `db:"id" json:"id"`
	ProductID      string     `db:"product_id" json:"product_id"`
	Version        string     `db:"version" json:"version"`
	Title          string     `db:"title" json:"title"`
	State          string     `db:"state" json:"state" enum:"submitted,published,deprecated,retired"`
	ContractDigest string     `db:"contract_digest" json:"contract_digest"`
	SubmittedAt    time.Time  `db:"submitted_at" json:"submitted_at"`
	PublishedAt    *time.Time `db:"published_at" json:"published_at,omitempty"`
	SunsetAt       *time.Time `db:"sunset_at" json:"sunset_at,omitempty"`
	Position       uint64     `db:"position" json:"-"`
}

// Version is one version with its content.
type Version struct {
	VersionSummary
	BasePath   string          `db:"base_path" json:"base_path"`
	Migration  string          `db:"migration" json:"migration,omitempty"`
	Operations []Operation     `db:"-" json:"operations"`
	Scopes     []Scope         `db:"-" json:"scopes"`
	Gates      map[string]Gate `db:"-" json:"gates"`
}

const versionSummary = `id, product_id, version, title, state, contract_digest, submitted_at, published_at, sunset_at, position`

// Version is the version of this id; false if nobody submitted it.
func (r Rows) Version(ctx context.Context, id string) (v Version, ok bool, err error) {
	var row struct {
		Version
		Operations projection.JSON[[]Operation]     `db:"operations"`
		Scopes     projection.JSON[[]Scope]         `db:"scopes"`
		Gates      projection.JSON[map[string]Gate] `db:"gates"`
	}
	ok, err = r.One(ctx, &row, `select `+versionSummary+`, base_path, migration, operations, scopes, gates from versions where id=$1`, id)
	v = row.Version
	v.Operations, v.Scopes, v.Gates = row.Operations.V, row.Scopes.V, row.Gates.V
	projection.UTC(&v.SubmittedAt, v.PublishedAt, v.SunsetAt)
	return v, ok, err
}

// Versions lists a product's versions, the newest first; without drafts only those that were published.
func (r Rows) Versions(ctx context.Context, product string, drafts bool, before uint64, limit int) ([]VersionSummary, error) {
	var vs []VersionSummary
	err := r.Many(ctx, &vs, `select `+versionSummary+` from versions where product_id=$1 and ($2 or state<>'submitted')
		and ($3=0 or position<$3) order by position desc limit $4`, product, drafts, before, limit)
	for i := range vs {
		projection.UTC(&vs[i].SubmittedAt, vs[i].PublishedAt, vs[i].SunsetAt)
	}
	return vs, err
}
