package imports

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/libs/secret"
)

// columns of the CSV file (RFC 4180); the first line names those it has, in any order.
var columns = []string{"application", "purpose", "environment", "owner", "backup_owner", "product", "scopes", "kind", "name", "secret", "expires_at"}

func (p *Plan) csv(body []byte, d Defaults) error {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	r.FieldsPerRecord = -1
	header, err := r.Read()
	if err != nil {
		return fmt.Errorf("%w: no header line", ErrFormat)
	}
	at := map[string]int{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := at[name]; twice || !slices.Contains(columns, name) {
			return fmt.Errorf("%w: line 1 has the column %q; columns are %s", ErrFormat, name, strings.Join(columns, ", "))
		}
		at[name] = i
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			p.wrong(broken.Line, "the line cannot be read: %s", broken.Err)
			continue
		}
		if err != nil {
			return err
		}
		line, _ := r.FieldPos(0)
		if len(row) != len(header) {
			p.wrong(line, "%d fields where the first line has %d", len(row), len(header))
			continue
		}
		field := func(name, otherwise string) string {
			if i, ok := at[name]; ok && strings.TrimSpace(row[i]) != "" {
				return strings.TrimSpace(row[i])
			}
			return otherwise
		}
		p.Applications = append(p.Applications, Application{Line: line, Name: field("application", ""), Purpose: field("purpose", d.Purpose),
			Environment: field("environment", d.Environment), Owner: field("owner", d.Owner), Backup: field("backup_owner", d.Backup)})
		if field("secret", "") == "" {
			continue // an application without a secret
		}
		k := Key{Line: line, Application: field("application", ""), Kind: field("kind", "api_key"), Product: field("product", d.Product),
			Scopes: scopes(field("scopes", ""), d), ExpiresAt: d.ExpiresAt, Secret: secret.New(field("secret", ""))}
		k.Name = field("name", k.Application)
		k.SourceID = k.Application + "/" + k.Name
		if k.Kind != "api_key" && k.Kind != "client_secret" {
			p.wrong(line, "%s: the kind is api_key or client_secret", k.SourceID)
			continue
		}
		if text := field("expires_at", ""); text != "" {
			if k.ExpiresAt, err = time.Parse(time.RFC3339, text); err != nil {
				if k.ExpiresAt, err = time.Parse(time.DateOnly, text); err != nil {
					p.wrong(line, "%s: expires_at is a date or an RFC 3339 time", k.SourceID)
					continue
				}
			}
		}
		p.Keys = append(p.Keys, k)
	}
}

func scopes(text string, d Defaults) []string {
	if named := strings.Fields(text); len(named) > 0 {
		return named
	}
	return d.Scopes
}
