package contract

import (
	"slices"
	"strings"
)

// branch is one segment deep in the templates of a contract.
type branch struct {
	literal    map[string]*branch
	patterns   []pattern // the most literal first
	operations map[string]*Operation
}

// pattern is a segment with parameters: the literal text around them.
type pattern struct {
	pieces []string // one more than there are parameters
	next   *branch
}

func (b *branch) add(segments []string, o *Operation) {
	if len(segments) == 0 {
		if b.operations == nil {
			b.operations = map[string]*Operation{}
		}
		b.operations[o.Method] = o
		return
	}
	pieces := pieces(segments[0])
	if len(pieces) == 1 {
		// A template may be written with percent-encoding; requests are compared decoded.
		text := unquote(pieces[0])
		if b.literal == nil {
			b.literal = map[string]*branch{}
		}
		if b.literal[text] == nil {
			b.literal[text] = &branch{}
		}
		b.literal[text].add(segments[1:], o)
		return
	}
	i := slices.IndexFunc(b.patterns, func(p pattern) bool { return slices.Equal(p.pieces, pieces) })
	if i < 0 {
		b.patterns = append(b.patterns, pattern{pieces, &branch{}})
		slices.SortStableFunc(b.patterns, func(x, y pattern) int { return literals(y.pieces) - literals(x.pieces) })
		i = slices.IndexFunc(b.patterns, func(p pattern) bool { return slices.Equal(p.pieces, pieces) })
	}
	b.patterns[i].next.add(segments[1:], o)
}

func literals(pieces []string) (n int) {
	for _, p := range pieces {
		n += len(p)
	}
	return n
}

// pieces parts a template segment at its parameters: "{a}" gives "" and "", "x" gives "x".
func pieces(segment string) []string {
	var out []string
	for {
		open := strings.IndexByte(segment, '{')
		end := strings.IndexByte(segment, '}')
		if open < 0 || end < open {
			return append(out, segment)
		}
		out = append(out, segment[:open])
		segment = segment[end+1:]
	}
}

// find prefers an exact segment over a parameter, and goes back to the parameter only if the exact one leads nowhere.
func (b *branch) find(method string, path []string) *Operation {
	if len(path) == 0 {
		if o := b.operations[method]; o != nil || method != "HEAD" {
			return o
		}
		// RFC 9110 §9.3.2: HEAD is GET without a body.
		return b.operations["GET"]
	}
	if next := b.literal[path[0]]; next != nil {
		if o := next.find(method, path[1:]); o != nil {
			return o
		}
	}
	if len(b.patterns) == 0 || b.lookalike(path[0]) {
		return nil
	}
	for i := range b.patterns {
		if b.patterns[i].match(path[0]) {
			if o := b.patterns[i].next.find(method, path[1:]); o != nil {
				return o
			}
		}
	}
	return nil
}

// lookalike is true for an exact segment in another letter case: an upstream that ignores case would take it for that one.
func (b *branch) lookalike(segment string) bool {
	for text := range b.literal {
		if len(text) == len(segment) && text != segment && strings.EqualFold(text, segment) {
			return true
		}
	}
	return false
}

func (p pattern) match(segment string) bool {
	first, last := p.pieces[0], p.pieces[len(p.pieces)-1]
	if !strings.HasPrefix(segment, first) {
		return false
	}
	rest := segment[len(first):]
	for _, middle := range p.pieces[1 : len(p.pieces)-1] {
		if len(rest) == 0 {
			return false
		}
		// A parameter has at least one character.
		i := strings.Index(rest[1:], middle)
		if i < 0 {
			return false
		}
		rest = rest[1+i+len(middle):]
	}
	return len(rest) > len(last) && strings.HasSuffix(rest, last)
}
