package endpoint

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/libs/problem"
)

// The extensions by which the OpenAPI document says what the guard demands.
const (
	ExtensionPermission = "x-permission"
	ExtensionKinds      = "x-kinds"
	ExtensionRoles      = "x-roles"
	ExtensionReach      = "x-reach"
	ExtensionObject     = "x-object"
	ExtensionStepUp     = "x-step-up"
)

// describe is the operation as its document shows it.
func (d *declared) describe() *huma.Operation {
	op := &huma.Operation{
		OperationID: d.ID, Method: d.Method, Path: d.Path, Summary: d.Summary, Description: d.Description,
		DefaultStatus: d.Status, MaxBodyBytes: -1, BodyReadTimeout: -1,
		Extensions: map[string]any{ExtensionPermission: d.permission.Name},
	}
	if d.Tag != "" {
		op.Tags = []string{d.Tag}
	}
	if !d.permission.IsPublic() {
		op.Security = []map[string][]string{{"session": {}}}
		op.Extensions[ExtensionKinds] = d.permission.AllowedKinds()
	}
	if len(d.permission.Roles) > 0 {
		op.Extensions[ExtensionRoles] = d.permission.Roles
	}
	if d.permission.StepUp {
		op.Extensions[ExtensionStepUp] = true
	}
	if d.Object != nil {
		op.Extensions[ExtensionObject] = d.ObjectParameter
	}
	if d.Reach != "" {
		op.Extensions[ExtensionReach] = d.Reach
	}
	text := &huma.Schema{Type: "string"}
	switch {
	case d.permission.IsPublic():
	case d.Method == http.MethodGet:
		op.Parameters = append(op.Parameters, &huma.Param{Name: PositionHeader, In: "header", Schema: text,
			Description: "A position the caller was shown; the answer waits until it includes it."})
	default:
		op.Parameters = append(op.Parameters, &huma.Param{Name: IdempotencyHeader, In: "header", Schema: text,
			Description: "Names the command, so that sending it again does not do it again."})
	}
	return op
}

// schemaName leaves the plain names to the services' own types.
func schemaName(t reflect.Type, hint string) string {
	if t == reflect.TypeFor[problem.Field]() {
		return "ProblemField"
	}
	return huma.DefaultSchemaNamer(t, hint)
}
