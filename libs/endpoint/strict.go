package endpoint

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/libs/problem"
)

var (
	errQuery     = problem.New(problem.Malformed, "malformed_query", "The query of the address cannot be read.")
	errBody      = problem.New(problem.Malformed, "malformed", "The request body cannot be read.")
	errSlowBody  = problem.New(problem.RequestTimeout, "request_timeout", "The request body did not arrive in time.")
	errMediaType = problem.New(problem.UnsupportedMedia, "unsupported_media", "The request body is not of an accepted media type.")
	errNoBody    = problem.New(problem.Invalid, "unexpected_body", "This operation takes no request body.")
)

// strict refuses what huma would let pass or quote: unknown and repeated parameters, foreign media types, oversized bodies,
// JSON with a name twice. The body it has read takes the place of the connection's.
func (d *declared) strict(w http.ResponseWriter, r *http.Request) error {
	if err := d.strictQuery(r); err != nil {
		return err
	}
	for _, name := range pathParameters(d.Path) {
		if !plainText(r.PathValue(name)) {
			return problem.InvalidField("path."+name, "format", "must be at most 256 characters of plain text")
		}
	}
	body, err := d.readBody(w, r)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case d.rawBody:
		return d.acceptMedia(r, d.Accept)
	case len(bytes.TrimSpace(body)) == 0:
		return nil
	case !d.typedBody:
		if trimmed := bytes.TrimSpace(body); string(trimmed) != "{}" {
			return errNoBody
		}
		return nil
	}
	if err := d.acceptMedia(r, []string{"application/json"}); err != nil {
		return err
	}
	return checkJSON(body)
}

func (d *declared) strictQuery(r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errQuery
	}
	var fields []problem.Field
	for name, values := range query {
		several, known := d.query[name]
		field := problem.Field{Name: problem.FieldName("query." + name)}
		switch {
		case !known:
			field.Code, field.Detail = "unknown_parameter", "is not a parameter of this operation"
		case len(values) > 1 && !several:
			field.Code, field.Detail = "repeated", "must stand once"
		case slices.ContainsFunc(values, func(v string) bool { return !plainText(v) && len(v) <= maxPlain || !utf8.ValidString(v) }):
			field.Code, field.Detail = "format", "must be plain text"
		default:
			continue
		}
		fields = append(fields, field)
	}
	if fields == nil {
		return nil
	}
	slices.SortFunc(fields, func(a, b problem.Field) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return problem.InvalidField(fields[0].Name, fields[0].Code, fields[0].Detail).With(fields[1:]...)
}

func (d *declared) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > d.maxBody {
		return nil, errTooLarge
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyReadTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, d.maxBody))
	var large *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &large):
		return nil, errTooLarge
	case errors.As(err, &network) && network.Timeout():
		return nil, errSlowBody.Because(err)
	case err != nil:
		return nil, errBody.Because(err)
	}
	return body, nil
}

func (d *declared) acceptMedia(r *http.Request, accepted []string) error {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(accepted, media) {
		return errMediaType.Header("Accept", joined(accepted))
	}
	if charset := parameters["charset"]; charset != "" && charset != "utf-8" && charset != "UTF-8" {
		return errMediaType
	}
	return nil
}

func joined(list []string) string {
	out := ""
	for i, s := range list {
		if i > 0 {
			out += ", "
		}
		out += s
	}
	return out
}

const maxPlain = 256

// plainText is what an id, a name or a filter can be: short, valid UTF-8 without control characters.
func plainText(s string) bool {
	if len(s) > maxPlain || !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// learnParameters takes the known query parameters from the document.
func (d *declared) learnParameters(document *huma.OpenAPI) {
	d.query = map[string]bool{}
	item := document.Paths[d.Path]
	if item == nil {
		return
	}
	for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete, item.Head} {
		if op == nil || op.OperationID != d.ID {
			continue
		}
		for _, p := range op.Parameters {
			if p.In == "query" {
				d.query[p.Name] = p.Explode != nil && *p.Explode
			}
		}
	}
}
