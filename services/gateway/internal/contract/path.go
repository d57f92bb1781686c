package contract

import (
	"errors"
	"strings"
)

// Bounds of a request target.
const (
	MaxTarget   = 8192
	MaxSegments = 32
)

// ErrPath says that a path may be read in more than one way, so that the gateway and the upstream could differ on it.
var ErrPath = errors.New("the path is ambiguous")

// Path is a request path taken apart into decoded segments.
type Path struct {
	segments [MaxSegments]string
	ends     [MaxSegments]uint16 // where each ends in target
	n        int
	target   string
	encoded  bool
}

// Len is the number of segments.
func (p *Path) Len() int { return p.n }

// Parse takes apart the path of an origin-form request target (RFC 9112 §3.2.1). It refuses what two programs may read
// differently: dot segments, empty segments but a last one, encoded slashes, a second encoding, path parameters (RFC 3986
// §3.3), backslashes, anything outside printable ASCII, control characters in the query, and a method hidden in the query.
func (p *Path) Parse(target string) error {
	p.n, p.target, p.encoded = 0, target, false
	if len(target) == 0 || target[0] != '/' || len(target) > MaxTarget {
		return ErrPath
	}
	path, query, _ := strings.Cut(target, "?")
	if hidden(query) || strings.ContainsFunc(query, control) {
		return ErrPath
	}
	p.encoded = strings.IndexByte(path, '%') >= 0
	at := 0
	for rest := path[1:]; ; {
		segment, more, found := strings.Cut(rest, "/")
		decoded, ok := decode(segment)
		if !ok || p.n == MaxSegments || decoded == "." || decoded == ".." || decoded == "" && found {
			return ErrPath
		}
		at += 1 + len(segment)
		p.segments[p.n], p.ends[p.n] = decoded, uint16(at)
		p.n++
		if !found {
			break
		}
		rest = more
	}
	if p.n == 1 && p.segments[0] == "" {
		p.n = 0
	}
	return nil
}

// control is true of what stands in no request target.
func control(r rune) bool { return r <= ' ' || r == 0x7f }

// decode undoes percent-encoding once (RFC 3986 §2.1).
func decode(s string) (string, bool) {
	encoded := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x7f || c == '\\' || c == ';' || c == '#':
			return "", false
		case c == '%':
			encoded = true
		}
	}
	if !encoded {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 >= len(s) {
				return "", false
			}
			high, ok1 := nibble(s[i+1])
			low, ok2 := nibble(s[i+2])
			if !ok1 || !ok2 {
				return "", false
			}
			c = high<<4 | low
			if c < ' ' || c == 0x7f || c == '/' || c == '\\' || c == ';' || c == '%' {
				return "", false
			}
			i += 2
		}
		out = append(out, c)
	}
	return string(out), true
}

func nibble(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// hidden finds the query parameter by which some frameworks replace the method.
func hidden(query string) bool {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, _, _ := strings.Cut(pair, "=")
		if strings.EqualFold(name, "_method") || strings.Contains(name, "%") && strings.EqualFold(unquote(name), "_method") {
			return true
		}
	}
	return false
}

func unquote(s string) string {
	decoded, ok := decode(s)
	if !ok {
		return s
	}
	return decoded
}
