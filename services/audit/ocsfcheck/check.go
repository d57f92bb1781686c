// Package ocsfcheck checks events against the data of the OCSF schema itself.
package ocsfcheck

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the schema
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed ocsf-1.8.0.json.gz
var compressed []byte

type schema struct {
	Version string
	Classes map[string]*shape
	Objects map[string]*shape
	Types   map[string]*simple
}

type shape struct {
	Caption  string
	Profiles []string
	Attrs    map[string]*attribute
	Cons     map[string][]string
}

type attribute struct {
	Type    string            `json:"t"`
	Array   int               `json:"a"`
	Require string            `json:"r"`
	Profile string            `json:"p"`
	Enum    map[string]string `json:"e"`
	Sibling string            `json:"s"`
}

type simple struct {
	Type   string
	Regex  string
	MaxLen int `json:"max_len"`
	Range  []float64
	regex  *regexp.Regexp
}

var load = sync.OnceValues(func() (*schema, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	s := new(schema)
	if err := json.NewDecoder(r).Decode(s); err != nil {
		return nil, err
	}
	for _, t := range s.Types {
		if t.Regex != "" {
			t.regex, _ = regexp.Compile(t.Regex) // Go's syntax lacks some of the schema's; those are checked by kind alone
		}
	}
	return s, nil
})

// Event lists everything that is wrong with an event in JSON; nothing means that it is valid.
func Event(raw []byte) ([]string, error) {
	s, err := load()
	if err != nil {
		return nil, err
	}
	var event map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&event); err != nil {
		return nil, err
	}
	c := check{schema: s}
	class := fmt.Sprint(event["class_uid"])
	shape := s.Classes[class]
	if shape == nil {
		return []string{"class_uid: no class " + class}, nil
	}
	metadata, _ := event["metadata"].(map[string]any)
	profiles, _ := metadata["profiles"].([]any)
	for _, p := range profiles {
		name := fmt.Sprint(p)
		if !slices.Contains(shape.Profiles, name) {
			c.wrong("metadata.profiles", "the class has no profile "+name)
		}
		c.profiles = append(c.profiles, name)
	}
	c.object("", shape, event)
	if metadata["version"] != s.Version {
		c.wrong("metadata.version", "is not "+s.Version)
	}
	activity, _ := event["activity_id"].(json.Number)
	uid, _ := event["class_uid"].(json.Number)
	a, _ := activity.Int64()
	u, _ := uid.Int64()
	if fmt.Sprint(event["type_uid"]) != strconv.FormatInt(u*100+a, 10) {
		c.wrong("type_uid", "is not class_uid*100+activity_id")
	}
	return c.found, nil
}

type check struct {
	schema   *schema
	profiles []string
	found    []string
}

func (c *check) wrong(path, what string) { c.found = append(c.found, path+": "+what) }

func (c *check) applies(a *attribute) bool {
	return a.Profile == "" || slices.Contains(c.profiles, a.Profile)
}

func (c *check) object(path string, s *shape, value map[string]any) {
	for name, v := range value {
		at := strings.TrimPrefix(path+"."+name, ".")
		a := s.Attrs[name]
		switch {
		case a == nil:
			c.wrong(at, "is no attribute of "+s.Caption)
		case !c.applies(a):
			c.wrong(at, "needs profile "+a.Profile)
		default:
			c.value(at, a, v)
			c.sibling(at, a, name, value)
		}
	}
	for name, a := range s.Attrs {
		if a.Require == "req" && c.applies(a) && value[name] == nil {
			c.wrong(strings.TrimPrefix(path+"."+name, "."), "is required")
		}
	}
	for kind, names := range s.Cons {
		n := 0
		for _, name := range names {
			if value[name] != nil {
				n++
			}
		}
		if kind == "at_least_one" && n == 0 || kind == "just_one" && n != 1 {
			c.wrong(path, kind+" of "+strings.Join(names, ", "))
		}
	}
}

// sibling checks that a name beside an id says what the id says, unless the id is 99.
func (c *check) sibling(path string, a *attribute, name string, value map[string]any) {
	if a.Sibling == "" || len(a.Enum) == 0 || value[a.Sibling] == nil {
		return
	}
	id := fmt.Sprint(value[name])
	// The captions of class and category attributes in the data are those of the base event.
	if name == "class_uid" || name == "category_uid" || id == "99" {
		return
	}
	if caption := a.Enum[id]; caption != value[a.Sibling] {
		c.wrong(path, fmt.Sprintf("%s is %q, not %q", a.Sibling, value[a.Sibling], caption))
	}
}

func (c *check) value(path string, a *attribute, v any) {
	if a.Array == 1 {
		list, ok := v.([]any)
		if !ok {
			c.wrong(path, "is no array")
			return
		}
		for i, item := range list {
			c.single(fmt.Sprintf("%s[%d]", path, i), a, item)
		}
		return
	}
	c.single(path, a, v)
}

func (c *check) single(path string, a *attribute, v any) {
	if object := c.schema.Objects[a.Type]; object != nil && a.Type != "object" {
		m, ok := v.(map[string]any)
		if !ok {
			c.wrong(path, "is no object")
			return
		}
		c.object(path, object, m)
		return
	}
	if len(a.Enum) > 0 && !strings.HasSuffix(path, "class_uid") && !strings.HasSuffix(path, "category_uid") && !strings.HasSuffix(path, "type_uid") {
		if _, ok := a.Enum[fmt.Sprint(v)]; !ok {
			c.wrong(path, fmt.Sprintf("%v is none of the values", v))
		}
	}
	c.simple(path, a.Type, v)
}

func (c *check) simple(path, name string, v any) {
	t := c.schema.Types[name]
	switch base(name, t) {
	case "string_t":
		text, ok := v.(string)
		switch {
		case !ok:
			c.wrong(path, "is no text")
		case t != nil && t.regex != nil && !t.regex.MatchString(text):
			c.wrong(path, "is no "+name)
		case t != nil && t.MaxLen > 0 && len(text) > t.MaxLen:
			c.wrong(path, "is too long")
		}
	case "integer_t", "long_t", "timestamp_t", "port_t":
		n, ok := v.(json.Number)
		if !ok {
			c.wrong(path, "is no number")
			return
		}
		i, err := n.Int64()
		if err != nil || name == "integer_t" && (i > math.MaxInt32 || i < math.MinInt32) {
			c.wrong(path, "is no "+name)
		}
		if path == "time" && i < 1e11 {
			c.wrong(path, "is in seconds")
		}
	case "boolean_t":
		if _, ok := v.(bool); !ok {
			c.wrong(path, "is no boolean")
		}
	}
}

func base(name string, t *simple) string {
	if t != nil && t.Type != "" {
		return t.Type
	}
	return name
}
