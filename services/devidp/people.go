package devidp

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Second factors a person may have.
const (
	FactorCode = "code" // a six-digit code
	FactorKey  = "key"  // a security key, one click
	FactorNone = "none"
)

// Organization is one issuer: its people and the one client that may ask about them.
type Organization struct {
	Slug         string // the issuer's path
	Name         string
	Kind         string // provider | partner
	Domains      []string
	ClientID     string
	ClientSecret string // empty for a public client
	RedirectURIs []string
	People       []Person
}

// Person is somebody who can sign in at one issuer.
type Person struct {
	Name   string
	Email  string
	Groups []string
	Factor string
}

//go:embed people.txt
var people string

// World is the organisations and people that come with the program; clients and redirect addresses are still empty.
func World() []Organization {
	w, err := ParsePeople(strings.NewReader(people))
	if err != nil {
		panic(err)
	}
	return w
}

// ParsePeople reads organisations and people from the plain table described at the head of people.txt.
func ParsePeople(r io.Reader) ([]Organization, error) {
	var out []Organization
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			o, err := parseOrganization(line)
			if err != nil {
				return nil, fmt.Errorf("people, line %d: %w", n, err)
			}
			out = append(out, o)
		case len(out) == 0:
			return nil, fmt.Errorf("people, line %d: a person before the first organisation", n)
		default:
			p, err := parsePerson(line)
			if err != nil {
				return nil, fmt.Errorf("people, line %d: %w", n, err)
			}
			out[len(out)-1].People = append(out[len(out)-1].People, p)
		}
	}
	return out, lines.Err()
}

func parseOrganization(line string) (Organization, error) {
	slug, rest, ok := strings.Cut(line[1:], "]")
	cells := split(rest, "|")
	if !ok || slug == "" || len(cells) != 3 {
		return Organization{}, fmt.Errorf("want [slug] name | kind | domains")
	}
	return Organization{Slug: slug, Name: cells[0], Kind: cells[1], Domains: split(cells[2], ","), ClientID: "chancery"}, nil
}

func parsePerson(line string) (Person, error) {
	cells := split(line, "|")
	if len(cells) != 4 || cells[0] == "" || !strings.Contains(cells[1], "@") {
		return Person{}, fmt.Errorf("want name | e-mail | groups | second factor")
	}
	if !slices.Contains([]string{FactorCode, FactorKey, FactorNone}, cells[3]) {
		return Person{}, fmt.Errorf("second factor %q: want code, key or none", cells[3])
	}
	return Person{Name: cells[0], Email: strings.ToLower(cells[1]), Groups: split(cells[2], ","), Factor: cells[3]}, nil
}

func split(s, by string) []string {
	var out []string
	for _, part := range strings.Split(s, by) {
		out = append(out, strings.TrimSpace(part))
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" && by == "," })
}
