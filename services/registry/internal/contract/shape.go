package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// shape refuses what is no JSON or YAML object of OpenAPI 3.0 or 3.1, and what would be costly to read.
func (r reader) shape() error {
	var err error
	top := map[string]string{}
	if text := bytes.TrimLeft(r.document, "\ufeff \t\r\n"); len(text) > 0 && text[0] == '{' {
		err = r.shapeJSON(top)
	} else {
		err = r.shapeYAML(top)
	}
	if err != nil {
		return err
	}
	switch version := top["openapi"]; {
	case top["swagger"] != "":
		return r.refuse(ErrSwagger, r.line("swagger"), "")
	case version == "":
		return r.refuse(ErrVersion, 0, "it has no openapi field")
	case !strings.HasPrefix(version, "3.0.") && !strings.HasPrefix(version, "3.1."):
		return r.refuse(ErrVersion, r.line("openapi", version), "it says "+version)
	}
	return nil
}

// shapeJSON reads the document's tokens once; top receives the scalars of the outermost object.
func (r reader) shapeJSON(top map[string]string) error {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(r.document, []byte("\ufeff"))))
	d.UseNumber()
	var key string
	depth, position := 0, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && depth == 0 {
			return nil
		}
		if err != nil {
			line, reason := r.lineAt(d.InputOffset()), "it ends too early"
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				line, reason = r.lineAt(syntax.Offset), syntax.Error()
			}
			return r.refuse(ErrSyntax, line, reason)
		}
		switch t := token.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				depth++
			} else {
				depth--
			}
			if depth > MaxDepth {
				return r.refuse(ErrTooLarge, r.lineAt(d.InputOffset()), fmt.Sprintf("it is nested more than %d deep", MaxDepth))
			}
			key, position = "", 0
		default:
			if depth != 1 {
				continue
			}
			if position++; position%2 == 1 {
				key, _ = token.(string)
				continue
			}
			top[key] = fmt.Sprint(token)
		}
	}
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

func (r reader) shapeYAML(top map[string]string) error {
	var root yaml.Node
	if err := yaml.Unmarshal(r.document, &root); err != nil {
		line, reason := 0, strings.TrimPrefix(err.Error(), "yaml: ")
		if m := yamlLine.FindStringSubmatch(reason); m != nil {
			line, _ = strconv.Atoi(m[1])
			reason = strings.Replace(reason, m[0], "", 1)
		}
		return r.refuse(ErrSyntax, line, reason)
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return r.refuse(ErrSyntax, 0, "it is not an object")
	}
	if _, err := r.weigh(root.Content[0], 0, map[*yaml.Node]int{}); err != nil {
		return err
	}
	fields := root.Content[0].Content
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i+1].Kind == yaml.ScalarNode {
			top[fields[i].Value] = fields[i+1].Value
		}
	}
	return nil
}

// weigh counts the nodes of a tree with its aliases written out, and refuses trees too deep or too large.
func (r reader) weigh(n *yaml.Node, depth int, known map[*yaml.Node]int) (int, error) {
	if weight, ok := known[n]; ok && weight > 0 {
		return weight, nil
	} else if ok {
		return 0, r.refuse(ErrSyntax, n.Line, "an alias contains itself")
	}
	if depth > MaxDepth {
		return 0, r.refuse(ErrTooLarge, n.Line, fmt.Sprintf("it is nested more than %d deep", MaxDepth))
	}
	known[n] = 0
	weight := 1
	children := n.Content
	if n.Kind == yaml.AliasNode {
		children = []*yaml.Node{n.Alias}
	}
	for _, child := range children {
		w, err := r.weigh(child, depth+1, known)
		if err != nil {
			return 0, err
		}
		if weight += w; weight > MaxNodes {
			return 0, r.refuse(ErrTooLarge, n.Line, fmt.Sprintf("it has more than %d values with its aliases written out", MaxNodes))
		}
	}
	known[n] = weight
	return weight, nil
}

// line is the first line that holds all the words, or 0.
func (r reader) line(words ...string) int {
	n := 0
next:
	for line := range bytes.Lines(r.document) {
		n++
		for _, w := range words {
			if !bytes.Contains(line, []byte(w)) {
				continue next
			}
		}
		return n
	}
	return 0
}

func (r reader) lineAt(offset int64) int {
	if offset > int64(len(r.document)) {
		offset = int64(len(r.document))
	}
	return 1 + bytes.Count(r.document[:offset], []byte("\n"))
}

// tail is the end of a reference, which stands in the document as it is whatever the rest was resolved to.
func tail(reference string) string {
	reference, _, _ = strings.Cut(reference, "#")
	return reference[strings.LastIndex(reference, "/")+1:]
}

var (
	unresolved = regexp.MustCompile(`(?:bad data in |URI: |value of )"?(#[^"\s]+)"?`)
	badField   = regexp.MustCompile(`field ([\w./]+) of type`)
)

// explain makes a sentence and a line of what the parser said.
func (r reader) explain(err error) (detail string, line int) {
	text := err.Error()
	if _, after, found := strings.Cut(text, "yaml error: "); found {
		text = after
	}
	if m := unresolved.FindStringSubmatch(text); m != nil {
		return "reference " + m[1] + " leads nowhere", r.line("$ref", m[1])
	}
	if m := badField.FindStringSubmatch(text); m != nil {
		field := m[1][strings.LastIndexAny(m[1], "./")+1:]
		return "field " + field + " holds a value of another kind", r.line(field)
	}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
	}
	text, _, _ = strings.Cut(text, "\n")
	return strings.NewReplacer("Go struct ", "", "Go value", "value", "openapi3.", "").Replace(text), line
}
