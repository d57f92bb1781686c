package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/registry/internal/contract"
	"github.com/chancery-dev/chancery/services/registry/internal/version"
	"github.com/chancery-dev/chancery/services/registry/internal/view"
)

type versionsRequest struct {
	Object
	endpoint.Paging
}

func (s *Service) listVersions(ctx context.Context, in versionsRequest) (endpoint.Answer[endpoint.Page[view.VersionSummary]], error) {
	var before uint64
	if err := in.Cursor(&before); err != nil {
		return endpoint.Answer[endpoint.Page[view.VersionSummary]]{}, err
	}
	caller := principal.Caller(ctx)
	rows, err := s.Views.Now().Versions(ctx, in.ID, readerOf(caller).Drafts && s.ownsProduct(ctx, caller, in.ID) == nil, before, in.Fetch())
	return endpoint.List(in.Paging, rows, func(v view.VersionSummary) any { return v.Position }), err
}

type submitRequest struct {
	Object
	Version string `query:"version" maxLength:"64" doc:"The document's own version if absent"`
	File    string `query:"file" maxLength:"200" doc:"Name of the document in refusals"`
	RawBody []byte
}

// Submission is a version as it was read.
type Submission struct {
	endpoint.Receipt
	Version    string           `json:"version"`
	Title      string           `json:"title"`
	BasePath   string           `json:"base_path"`
	Operations []view.Operation `json:"operations"`
	Scopes     []view.Scope     `json:"scopes"`
}

// versionID makes the uniqueness of a version in its product that of an id.
func versionID(productID, number string) (string, error) {
	space, err := uuid.Parse(productID)
	return uuid.NewSHA1(space, []byte(number)).String(), err
}

func (s *Service) submitVersion(ctx context.Context, in submitRequest) (endpoint.Answer[Submission], error) {
	var none endpoint.Answer[Submission]
	read, err := contract.Read(cmp.Or(in.File, "contract"), in.RawBody)
	var refusal *contract.Refusal
	if errors.As(err, &refusal) {
		return none, contractInvalid(refusal)
	}
	number := cmp.Or(in.Version, read.Version)
	id, err := versionID(in.ID, number)
	if err != nil {
		return none, problem.NotFoundError()
	}
	if _, err := s.Documents.Put(ctx, in.RawBody); err != nil {
		return none, err
	}
	_, tail, err := s.Products.Load(ctx, in.ID)
	if err != nil {
		return none, err
	}
	out, err := decide(ctx, s, s.Versions, id, tail, func(ctx context.Context, rows view.Rows) (aggregate.Command[version.State], error) {
		p, ok, err := rows.Product(ctx, view.Reader{}, in.ID)
		return version.Submit{
			Product: version.Product{ID: p.ID, OrganizationID: p.OrganizationID, Open: ok && p.State != "retired"},
			Version: number, Title: read.Title, Digest: read.Digest, Operations: read.Operations, Scopes: read.Scopes, BasePath: read.BasePath,
		}, err
	})
	if err != nil {
		return none, err
	}
	body := Submission{Receipt: endpoint.Receipt{ID: id, Position: out.Position, Repeated: out.Repeated}, Version: number, Title: read.Title, BasePath: read.BasePath}
	for _, o := range read.Operations {
		body.Operations = append(body.Operations, view.Operation{ID: o.Id, Method: o.Method, Path: o.Path, Summary: o.Summary, Scopes: o.Scopes})
	}
	for _, scope := range read.Scopes {
		body.Scopes = append(body.Scopes, view.Scope{Name: scope.Name, Description: scope.Description, Risk: scope.Risk})
	}
	return endpoint.At(out.Position, body), nil
}

// contractInvalid names the line that breaks a rule.
func contractInvalid(r *contract.Refusal) error {
	field := "document"
	if r.Line > 0 {
		field = "line " + strconv.Itoa(r.Line)
	}
	return errContract.Saying(r.Error()).With(problem.Field{Name: field, Code: "contract_invalid", Detail: r.Reason()})
}

// VersionDetail is one version with its content.
type VersionDetail struct {
	view.Version
	// Rollouts are shown to who provides the product.
	Rollouts []Rollout        `json:"rollouts,omitempty"`
	Allowed  endpoint.Allowed `json:"allowed"`
}

func (s *Service) showVersion(ctx context.Context, in Object) (endpoint.Answer[VersionDetail], error) {
	var none endpoint.Answer[VersionDetail]
	caller := principal.Caller(ctx)
	row, _, err := s.Views.Now().Version(ctx, in.ID)
	if err != nil {
		return none, err
	}
	state, _, err := s.Versions.Load(ctx, in.ID)
	if err != nil {
		return none, err
	}
	var foreign error
	if state.Organization != caller.Organization {
		foreign = errReach
	}
	now := s.Clock()
	var staged []Rollout
	if foreign == nil {
		staged = rollouts(state)
	}
	return endpoint.OK(VersionDetail{Version: row, Rollouts: staged, Allowed: endpoint.Allowed{
		"publish": verdict(caller, publishVersion, foreign, func() error { _, err := version.Publish{}.Decide(state); return err }),
		"deprecate": verdict(caller, deprecateVersion, foreign, func() error {
			_, err := version.Deprecate{SunsetAt: now.Add(2 * version.Notice), Migration: "x", Now: now}.Decide(state)
			return err
		}),
		"rollout": verdict(caller, rollOutVersion, foreign, func() error {
			_, err := version.SetRollout{OperationID: anyOf(state.Operations)}.Decide(state)
			return err
		}),
	}}), nil
}

func (s *Service) downloadContract(w http.ResponseWriter, r *http.Request) {
	document, err := s.document(r.Context(), r.PathValue("id"))
	if err != nil {
		problem.Write(w, err, problem.RequestID(r.Context()))
		return
	}
	media := "application/yaml"
	if json.Valid(document) {
		media = "application/json"
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", "attachment")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(document)
}

func (s *Service) document(ctx context.Context, id string) ([]byte, error) {
	row, ok, err := s.Views.Now().Version(ctx, id)
	if err != nil || !ok {
		return nil, within(ok, err)
	}
	return s.Documents.Get(ctx, row.ContractDigest)
}

func (s *Service) publishVersion(ctx context.Context, in Object) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := s.Versions.Handle(ctx, in.ID, version.Publish{})
	return done(in.ID, out, err)
}

type deprecateRequest struct {
	Object
	Body struct {
		SunsetAt  time.Time `json:"sunset_at" doc:"At least 30 days ahead"`
		Migration string    `json:"migration" minLength:"1" maxLength:"5000" doc:"How consumers move on"`
	}
}

func (s *Service) deprecateVersion(ctx context.Context, in deprecateRequest) (endpoint.Answer[endpoint.Receipt], error) {
	out, err := s.Versions.Handle(ctx, in.ID, version.Deprecate{SunsetAt: in.Body.SunsetAt, Migration: in.Body.Migration, Now: s.Clock()})
	return done(in.ID, out, err)
}
