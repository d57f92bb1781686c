package contract

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
	"github.com/chancery-dev/chancery/services/registry/internal/version"
)

// RiskField is the root field in which a document may raise the risk of its scopes: name to low, medium or high.
const RiskField = "x-scope-risk"

// operations lists every operation by path and method with the scopes it needs: those of the least demanding of its
// OAuth 2.0 or OpenID Connect requirements, else one made of its tag and whether it reads or writes.
func (r reader) operations(doc *openapi3.T) ([]*registryv1.Operation, []*registryv1.Scope, error) {
	described, oauth := schemes(doc)
	risks, _ := doc.Extensions[RiskField].(map[string]any)
	scopes := map[string]*registryv1.Scope{}
	var operations []*registryv1.Operation
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		item := doc.Paths.Map()[path]
		if item == nil {
			continue
		}
		if !strings.HasPrefix(path, "/") {
			return nil, nil, r.refuse(ErrDocument, r.line(path), "a path begins with a slash")
		}
		methods := item.Operations()
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			o := methods[method]
			if o == nil {
				continue
			}
			names := required(doc, o, oauth)
			describe := func(name string) string { return described[name] }
			if len(names) == 0 {
				tag, verb := tagOf(o, path), "write"
				if safe(method) {
					verb = "read"
				}
				names = []string{tag + ":" + verb}
				describe = func(string) string { return map[string]string{"read": "Read ", "write": "Change "}[verb] + tag }
			}
			for _, name := range names {
				if !version.Exact(name) {
					return nil, nil, r.refuse(ErrScope, r.line(name), fmt.Sprintf("%q of %s %s", cut(name, 100), method, path))
				}
				scope := scopes[name]
				if scope == nil {
					scope = &registryv1.Scope{Name: name, Description: cut(describe(name), 200), Risk: "low"}
					scopes[name] = scope
				}
				if !safe(method) && scope.Risk == "low" {
					scope.Risk = "medium"
				}
				if said, ok := risks[name].(string); ok && graver(said, scope.Risk) {
					scope.Risk = said
				}
			}
			operations = append(operations, &registryv1.Operation{
				Id: cut(cmp.Or(o.OperationID, strings.ToLower(method)+" "+path), 100), Method: method, Path: path, Scopes: names,
				Summary: cut(o.Summary, 120),
			})
		}
	}
	switch {
	case len(operations) == 0:
		return nil, nil, r.refuse(ErrNoOperations, r.line("paths"), "")
	case len(operations) > MaxOperations:
		return nil, nil, r.refuse(ErrTooLarge, 0, fmt.Sprintf("it has more than %d operations", MaxOperations))
	}
	var sorted []*registryv1.Scope
	for _, name := range slices.Sorted(maps.Keys(scopes)) {
		sorted = append(sorted, scopes[name])
	}
	return operations, sorted, nil
}

// schemes lists the schemes whose requirements name scopes, and what the document says of each scope.
func schemes(doc *openapi3.T) (described map[string]string, oauth map[string]bool) {
	described, oauth = map[string]string{}, map[string]bool{}
	if doc.Components == nil {
		return described, oauth
	}
	for name, ref := range doc.Components.SecuritySchemes {
		if ref == nil || ref.Value == nil || ref.Value.Type != "oauth2" && ref.Value.Type != "openIdConnect" {
			continue
		}
		oauth[name] = true
		if flows := ref.Value.Flows; flows != nil {
			for _, flow := range []*openapi3.OAuthFlow{flows.Implicit, flows.Password, flows.AuthorizationCode, flows.ClientCredentials} {
				if flow != nil {
					maps.Copy(described, flow.Scopes)
				}
			}
		}
	}
	return described, oauth
}

// required is the least demanding of the alternatives that name scopes; none if no alternative does.
func required(doc *openapi3.T, o *openapi3.Operation, oauth map[string]bool) []string {
	alternatives := doc.Security
	if o.Security != nil {
		alternatives = *o.Security
	}
	var least []string
	for _, alternative := range alternatives {
		var names []string
		for scheme, scopes := range alternative {
			if oauth[scheme] {
				names = append(names, scopes...)
			}
		}
		slices.Sort(names)
		names = slices.Compact(names)
		if len(names) > 0 && (least == nil || len(names) < len(least)) {
			least = names
		}
	}
	return least
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func graver(a, b string) bool {
	order := []string{"low", "medium", "high"}
	return slices.Index(order, a) > slices.Index(order, b)
}

// tagOf is the operation's first tag, else the first fixed segment of its path, as a word of a scope.
func tagOf(o *openapi3.Operation, path string) string {
	words := slices.Clone(o.Tags)
	for segment := range strings.SplitSeq(path, "/") {
		if !strings.Contains(segment, "{") {
			words = append(words, segment)
		}
	}
	for _, w := range words {
		if w = word(w); w != "" {
			return w
		}
	}
	return "api"
}

// word keeps lower-case letters, digits and dots, with one hyphen for whatever stands between.
func word(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' {
			b.WriteRune(r)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
		if b.Len() == 60 {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}
