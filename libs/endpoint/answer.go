package endpoint

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash/crc32"
	"maps"
	"net/url"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/libs/problem"
)

// Answer is an answer with a body and, where it has one, the position of the log it includes.
type Answer[T any] struct {
	Position string `header:"Chancery-Position" doc:"Position of the log this answer includes"`
	Location string `header:"Location" hidden:"true"`
	Link     string `header:"Link" hidden:"true"`
	Body     T
}

// OK answers with a body.
func OK[T any](body T) Answer[T] { return Answer[T]{Body: body} }

// At answers a command with the position its facts stand at.
func At[T any](position uint64, body T) Answer[T] {
	return Answer[T]{Position: formatPosition(position), Body: body}
}

// Receipt is the least a command answers with.
type Receipt struct {
	ID       string `json:"id"`
	Position uint64 `json:"position" doc:"Position of the log at which the command's facts stand"`
	Repeated bool   `json:"repeated,omitempty" doc:"The command had been carried out before under the same Idempotency-Key"`
}

// Done answers a command with its receipt alone.
func Done(id string, position uint64, repeated bool) Answer[Receipt] {
	return At(position, Receipt{ID: id, Position: position, Repeated: repeated})
}

// Paging is the parameters of a list; embed it in the request.
type Paging struct {
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many items at most"`
	After string `query:"after" maxLength:"512" doc:"Cursor of the previous page"`

	query url.Values
}

// Resolve remembers the filters of the list, which the link to the next page repeats.
func (p *Paging) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	p.query = u.Query()
	return nil
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page, absent on the last"`
}

var errCursor = problem.InvalidField("query.after", "cursor", "is not a cursor of this list")

// Cursor reads the cursor into key, which is left alone on the first page. It is the key of the last item of the page
// before, as List was given it.
func (p Paging) Cursor(key any) error {
	if p.After == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.After)
	if err != nil || len(raw) < 4 {
		return errCursor
	}
	sum, content := raw[:4], raw[4:]
	if !bytes.Equal(sum, cursorSum(content)) {
		return errCursor
	}
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(key); err != nil {
		return errCursor
	}
	return nil
}

// Fetch is how many rows to ask for: one more than the page holds, which tells whether there is a next page.
func (p Paging) Fetch() int { return p.Limit + 1 }

// List answers with a page of rows, of which up to Fetch were asked for after the cursor; key gives what the next page
// begins after: the values the rows are ordered by, unique together.
func List[T any](p Paging, rows []T, key func(T) any) Answer[Page[T]] {
	var a Answer[Page[T]]
	a.Body.Items = rows
	if len(rows) > p.Limit {
		a.Body.Items = rows[:p.Limit]
		a.Body.Next = cursor(key(rows[p.Limit-1]))
		next := url.Values{}
		maps.Copy(next, p.query)
		next.Set("after", a.Body.Next)
		next.Set("limit", strconv.Itoa(p.Limit))
		a.Link = "<?" + next.Encode() + `>; rel="next"` // RFC 8288 §3
	}
	return a
}

// CursorAfter is the cursor of what follows a key, for lists that a reader follows beyond their present end.
func CursorAfter(key any) string { return cursor(key) }

func cursor(key any) string {
	content, err := json.Marshal(key)
	if err != nil {
		panic("endpoint: a cursor key that is no JSON: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(append(cursorSum(content), content...))
}

// cursorSum catches cursors that were cut or made by hand; what they could ask for is bounded by reach, not by them.
func cursorSum(content []byte) []byte {
	n := crc32.ChecksumIEEE(content)
	return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

// Allowed says of each action of an object whether the caller may take it now.
type Allowed map[string]Verdict

// Verdict is whether an action is allowed, and the rule that forbids it.
type Verdict struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason,omitempty" doc:"Why not, for a person"`
	Code    string `json:"code,omitempty" doc:"Why not, for a program"`
}

// Judge turns a refusal into a verdict: allowed if there is none. Plain errors are looked up in refusals; one that is no
// refusal forbids without saying more.
func Judge(refusals problem.Map, err error) Verdict {
	if err == nil {
		return Verdict{Allowed: true}
	}
	var refusal *problem.Error
	if !errors.As(refusals.Refuse(err), &refusal) {
		return Verdict{Reason: "Not possible right now.", Code: problem.Internal.Code()}
	}
	return Verdict{Reason: refusal.Sentence(), Code: refusal.Code()}
}

// fillLists makes nil lists empty ones: the document promises that no list is null.
func fillLists(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type().PkgPath() == "time" {
			return
		}
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				fillLists(f)
			}
		}
	case reflect.Slice:
		if v.IsNil() && v.CanSet() && v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			switch e := v.Index(i); e.Kind() {
			case reflect.Struct, reflect.Slice, reflect.Pointer:
				fillLists(e)
			default:
				return
			}
		}
	case reflect.Pointer:
		if !v.IsNil() && v.Type().Elem().Kind() == reflect.Struct {
			fillLists(v.Elem())
		}
	}
}
