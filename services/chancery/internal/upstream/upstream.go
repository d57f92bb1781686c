// Package upstream serves a contract's own examples, so that a demo has an API behind the gateway.
package upstream

import (
	"encoding/json"
	"net/http"
	"sort"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

type answer struct {
	method   string
	segments []string
	status   int
	body     []byte
}

// New answers each operation of the document with its first 2xx example, made up from the schema where none is given;
// anything else is 404. basePath is stripped from requests first.
func New(doc *openapi3.T, basePath string) http.Handler {
	var answers []answer
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			status, body := example(operation)
			answers = append(answers, answer{method, split(path), status, body})
		}
	}
	// Fewer parameters first, so that /a/b wins over /a/{id}.
	sort.SliceStable(answers, func(i, j int) bool { return parameters(answers[i]) < parameters(answers[j]) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		segments := split(strings.TrimPrefix(r.URL.Path, basePath))
		for _, a := range answers {
			if a.method == r.Method && match(a.segments, segments) {
				if len(a.body) > 0 {
					w.Header().Set("Content-Type", "application/json")
				}
				w.WriteHeader(a.status)
				_, _ = w.Write(a.body)
				return
			}
		}
		http.NotFound(w, r)
	})
}

func split(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

func parameters(a answer) (n int) {
	for _, s := range a.segments {
		if strings.Contains(s, "{") {
			n++
		}
	}
	return n
}

func match(template, path []string) bool {
	if len(template) != len(path) {
		return false
	}
	for i, s := range template {
		if s != path[i] && (!strings.Contains(s, "{") || path[i] == "") {
			return false
		}
	}
	return true
}

func example(operation *openapi3.Operation) (int, []byte) {
	if operation.Responses == nil {
		return http.StatusOK, nil
	}
	codes := make([]string, 0, operation.Responses.Len())
	for code := range operation.Responses.Map() {
		codes = append(codes, code)
	}
	sort.Strings(codes)
	for _, code := range codes {
		status, err := strconv.Atoi(code)
		if err != nil || status < 200 || status > 299 {
			continue
		}
		response := operation.Responses.Value(code).Value
		if response == nil {
			return status, nil
		}
		media := response.Content.Get("application/json")
		if media == nil {
			return status, nil
		}
		body, err := json.Marshal(fromMedia(media))
		if err != nil {
			return status, nil
		}
		return status, body
	}
	return http.StatusOK, nil
}

func fromMedia(media *openapi3.MediaType) any {
	if media.Example != nil {
		return media.Example
	}
	names := make([]string, 0, len(media.Examples))
	for name := range media.Examples {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if e := media.Examples[name].Value; e != nil && e.Value != nil {
			return e.Value
		}
	}
	return fromSchema(media.Schema, 0)
}

// fromSchema stops at a depth where no reader looks, since schemas may contain themselves.
func fromSchema(ref *openapi3.SchemaRef, depth int) any {
	if ref == nil || ref.Value == nil || depth > 6 {
		return nil
	}
	s := ref.Value
	switch {
	case s.Example != nil:
		return s.Example
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.OneOf) > 0:
		return fromSchema(s.OneOf[0], depth+1)
	case len(s.AnyOf) > 0:
		return fromSchema(s.AnyOf[0], depth+1)
	case len(s.AllOf) > 0:
		whole := map[string]any{}
		for _, part := range s.AllOf {
			if fields, ok := fromSchema(part, depth+1).(map[string]any); ok {
				for k, v := range fields {
					whole[k] = v
				}
			}
		}
		return whole
	case s.Type.Includes(openapi3.TypeArray):
		return []any{fromSchema(s.Items, depth+1)}
	case s.Type.Includes(openapi3.TypeObject) || len(s.Properties) > 0:
		fields := map[string]any{}
		for name, property := range s.Properties {
			fields[name] = fromSchema(property, depth+1)
		}
		return fields
	case s.Type.Includes(openapi3.TypeInteger), s.Type.Includes(openapi3.TypeNumber):
		return 1
	case s.Type.Includes(openapi3.TypeBoolean):
		return true
	case s.Type.Includes(openapi3.TypeString):
		return "example"
	}
	return nil
}
