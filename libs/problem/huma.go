package problem

import (
	"errors"
	"regexp"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// Install makes huma answer with this package's documents, refuse names in the wrong letter case and document arrays as
// never null. These are huma's package-wide settings; they are set once, whoever calls first.
var Install = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return Document(fromHuma(status, message, errs), "")
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		id := ""
		if ctx != nil {
			id = RequestID(ctx.Context())
		}
		return Document(fromHuma(status, message, errs), id)
	}
})

func fromHuma(status int, message string, errs []error) error {
	kind := kindOf(status)
	if kind == Internal {
		return errors.Join(append([]error{errors.New(message)}, errs...)...)
	}
	for _, err := range errs {
		var e *Error
		if errors.As(err, &e) {
			return e
		}
	}
	refused := New(kind, kind.Code(), sentences[kind])
	for _, err := range errs {
		var d huma.ErrorDetailer
		if errors.As(err, &d) {
			refused = refused.With(fieldOf(d.ErrorDetail()))
		}
	}
	return refused
}

var sentences = map[Kind]string{
	Malformed:        "The request body cannot be read.",
	NotAcceptable:    "The answer is not available in an accepted media type.",
	RequestTimeout:   "The request body did not arrive in time.",
	TooLarge:         "The request body is larger than allowed.",
	UnsupportedMedia: "The request body must be application/json.",
	Invalid:          "Some fields are not valid.",
}

var requiredProperty = regexp.MustCompile(`^expected (?:required )?property (\S+) to be present`)

// messages are huma's words for what is wrong, as far as they are constant: what follows may quote the value.
// A detail that ends in a colon goes on with the contract's own bound.
var messages = []struct{ prefix, code, detail string }{
	{"unexpected property", "unknown_field", "is not a field of this request"},
	{"unknown query parameter", "unknown_parameter", "is not a parameter of this operation"},
	{"required ", "required", "is required"},
	{"request body is required", "required", "is required"},
	{"expected string to be RFC 3339 date-time", "format", "must be a date and time as in RFC 3339"},
	{"expected string to be RFC 3339 date", "format", "must be a date as in RFC 3339"},
	{"expected string to be RFC 5322 email", "format", "must be an e-mail address"},
	{"expected string to be RFC 3986 uri", "format", "must be a URI"},
	{"expected string to be RFC 4122 uuid", "format", "must be a UUID"},
	{"expected string to be RFC 5890 hostname", "format", "must be a host name"},
	{"expected string to match pattern", "format", "does not have the required form"},
	{"expected string to be base64", "format", "must be base64"},
	{"expected string to be", "format", "does not have the required form"},
	{"expected duration", "format", "must be a duration"},
	{"expected boolean", "type", "must be true or false"},
	{"expected number to be a multiple of", "range", "is out of range"},
	{"expected number ", "range", "must be:"},
	{"expected number", "type", "must be a number"},
	{"expected integer", "type", "must be a whole number"},
	{"expected string", "type", "must be a string"},
	{"expected array length", "length", "must hold this many:"},
	{"expected array items to be unique", "repeated", "holds the same thing twice"},
	{"expected array", "type", "must be a list"},
	{"expected object with at", "length", "must hold at:"},
	{"expected object", "type", "must be an object"},
	{"expected length", "length", "must have length:"},
	{"expected value to be one of", "choice", "must be one of:"},
	{"expected value to match", "choice", "matches none of the allowed forms"},
	{"invalid integer", "type", "must be a whole number"},
	{"invalid float", "type", "must be a number"},
	{"invalid boolean", "type", "must be true or false"},
	{"invalid date/time", "format", "must be a date and time as in RFC 3339"},
}

func fieldOf(d *huma.ErrorDetail) Field {
	name := fieldName(d.Location)
	if m := requiredProperty.FindStringSubmatch(d.Message); m != nil {
		if name == "body" {
			name = ""
		} else {
			name += "."
		}
		return Field{Name: name + m[1], Code: "required", Detail: "is required"}
	}
	for _, m := range messages {
		if !strings.HasPrefix(d.Message, m.prefix) {
			continue
		}
		detail := m.detail
		if lead, ok := strings.CutSuffix(detail, ":"); ok {
			detail = lead + " " + strings.TrimSpace(strings.TrimPrefix(d.Message, m.prefix))
		}
		return Field{Name: name, Code: m.code, Detail: detail}
	}
	return Field{Name: name, Code: "invalid", Detail: "is not valid"}
}

// fieldName is a location in the body without "body.", bounded and printable: an unknown name is the caller's own text.
func fieldName(location string) string {
	return FieldName(strings.TrimPrefix(location, "body."))
}

// FieldName makes a name the caller sent fit for being named in an answer: at most 64 printable ASCII characters.
func FieldName(name string) string {
	out := []byte(name)
	if len(out) > 64 {
		out = out[:64]
	}
	for i, c := range out {
		if c < ' ' || c > '~' {
			out[i] = '?'
		}
	}
	return string(out)
}
