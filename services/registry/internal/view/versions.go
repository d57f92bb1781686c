package view

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
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
	Apply: each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		switch f := fact.(type) {
		case *registryv1.VersionSubmitted:
			operations := make(list[Operation], 0, len(f.Operations))
			for _, o := range f.Operations {
				operations = append(operations, Operation{ID: o.Id, Method: o.Method, Path: o.Path, Summary: o.Summary, Scopes: o.Scopes})
			}
			scopes := make(list[Scope], 0, len(f.Scopes))
			for _, s := range f.Scopes {
				scopes = append(scopes, Scope{Name: s.Name, Description: s.Description, Risk: s.Risk})
			}
			return exec(ctx, tx, `insert into versions (id, product_id, version, title, contract_digest, base_path, operations, scopes, submitted_at, position)
				values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`, id, f.ProductId, f.Version, f.Title, f.ContractDigest, f.BasePath, operations, scopes, r.Time, r.Sequence)
		case *registryv1.VersionGateEvaluated:
			gate, err := json.Marshal(map[string]Gate{f.Gate: {Passed: f.Passed, Finding: f.Finding}})
			if err != nil {
				return err
			}
			return exec(ctx, tx, `update versions set gates=gates || $2 where id=$1`, id, gate)
		case *registryv1.VersionPublished:
			return exec(ctx, tx, `update versions set state='published', published_at=$2 where id=$1`, id, r.Time)
		case *registryv1.VersionDeprecated:
			return exec(ctx, tx, `update versions set state='deprecated', sunset_at=$2, migration=$3 where id=$1`, id, f.SunsetAt.AsTime(), f.Migration)
		case *registryv1.VersionRetired:
			return exec(ctx, tx, `update versions set state='retired' where id=$1`, id)
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
	Operations list[Operation] `db:"operations" json:"operations"`
	Scopes     list[Scope]     `db:"scopes" json:"scopes"`
	Gates      gates           `db:"gates" json:"gates"`
}

const versionSummary = `id, product_id, version, title, state, contract_digest, submitted_at, published_at, sunset_at, position`

// Version is the version of this id; false if nobody submitted it.
func (r Rows) Version(ctx context.Context, id string) (v Version, ok bool, err error) {
	ok, err = r.one(ctx, &v, `select `+versionSummary+`, base_path, migration, operations, scopes, gates from versions where id=$1`, id)
	utc(&v.SubmittedAt, v.PublishedAt, v.SunsetAt)
	return v, ok, err
}

// Versions lists a product's versions, the newest first; without drafts only those that were published.
func (r Rows) Versions(ctx context.Context, product string, drafts bool, before uint64, limit int) ([]VersionSummary, error) {
	var vs []VersionSummary
	err := r.many(ctx, &vs, `select `+versionSummary+` from versions where product_id=$1 and ($2 or state<>'submitted')
		and ($3=0 or position<$3) order by position desc limit $4`, product, drafts, before, limit)
	for i := range vs {
		utc(&vs[i].SubmittedAt, vs[i].PublishedAt, vs[i].SunsetAt)
	}
	return vs, err
}

// list is a list in a jsonb column.
type list[T any] []T

// Value writes the list.
func (l list[T]) Value() (driver.Value, error) { return json.Marshal([]T(l)) }

// Scan reads the list.
func (l *list[T]) Scan(from any) error { return scan(from, (*[]T)(l)) }

// gates is the last finding of every gate in a jsonb column.
type gates map[string]Gate

// Scan reads the gates.
func (g *gates) Scan(from any) error { return scan(from, (*map[string]Gate)(g)) }

func scan(from, into any) error {
	raw, ok := from.([]byte)
	if !ok {
		return errors.New("a jsonb column that holds no bytes")
	}
	return json.Unmarshal(raw, into)
}
