// Package problem is the one table between kinds of failure and HTTP: it turns refusals into RFC 9457 problem documents
// with a stable code, and everything else into an internal error whose text is logged and never sent.
package problem

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind is what sort of failure it is; each has one HTTP status.
type Kind int

// The kinds of failure.
const (
	Internal Kind = iota
	Malformed
	Unauthenticated
	Forbidden
	NotFound
	MethodNotAllowed
	NotAcceptable
	RequestTimeout
	Conflict
	Gone
	PreconditionFailed
	TooLarge
	UnsupportedMedia
	Invalid
	TooMany
	HeadersTooLarge
	Unavailable
	TimedOut
)

var table = map[Kind]struct {
	status int
	code   string
	title  string
}{
	Internal:           {http.StatusInternalServerError, "internal", "Something went wrong here"},
	Malformed:          {http.StatusBadRequest, "malformed", "The request cannot be read"},
	Unauthenticated:    {http.StatusUnauthorized, "unauthenticated", "A session is needed"},
	Forbidden:          {http.StatusForbidden, "forbidden", "Not allowed"},
	NotFound:           {http.StatusNotFound, "not_found", "Not found"},
	MethodNotAllowed:   {http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed"},
	NotAcceptable:      {http.StatusNotAcceptable, "not_acceptable", "Not available in that format"},
	RequestTimeout:     {http.StatusRequestTimeout, "request_timeout", "The request took too long to arrive"},
	Conflict:           {http.StatusConflict, "conflict", "Not possible as things stand"},
	Gone:               {http.StatusGone, "gone", "No longer there"},
	PreconditionFailed: {http.StatusPreconditionFailed, "precondition_failed", "Changed meanwhile"},
	TooLarge:           {http.StatusRequestEntityTooLarge, "too_large", "The request is too large"},
	UnsupportedMedia:   {http.StatusUnsupportedMediaType, "unsupported_media", "Media type not supported"},
	Invalid:            {http.StatusUnprocessableEntity, "invalid", "The request is not valid"},
	TooMany:            {http.StatusTooManyRequests, "too_many_requests", "Too many requests"},
	HeadersTooLarge:    {http.StatusRequestHeaderFieldsTooLarge, "headers_too_large", "The request headers are too large"},
	Unavailable:        {http.StatusServiceUnavailable, "unavailable", "Not available right now"},
	TimedOut:           {http.StatusGatewayTimeout, "timed_out", "The answer took too long"},
}

// Status is the HTTP status of a kind.
func (k Kind) Status() int { return table[k].status }

// Code is the stable code of a failure of which nothing more than its kind is known.
func (k Kind) Code() string { return table[k].code }

func kindOf(status int) Kind {
	for k, row := range table {
		if row.status == status {
			return k
		}
	}
	if status >= 400 && status < 500 {
		return Malformed
	}
	return Internal
}

// Field says what is wrong with one field of a request; it never holds the rejected value.
type Field struct {
	// Name is the field as the caller sent it: "name", "owners[1].id", "query.limit", "header.Idempotency-Key".
	Name   string `json:"field" doc:"The field as it was sent"`
	Code   string `json:"code" doc:"Stable code of what is wrong"`
	Detail string `json:"detail" doc:"What is wrong, for a person"`
}

// Error is a refusal: what a caller is told. Its sentence is public; its cause is logged only.
type Error struct {
	kind     Kind
	code     string
	sentence string
	fields   []Field
	retry    time.Duration
	headers  http.Header
	cause    error
	// What With and its like were called on, so that errors.Is finds the sentinel.
	sentinel *Error
}

// New makes a sentinel: a refusal with a stable snake_case code and the sentence the caller reads.
func New(k Kind, code, sentence string) *Error {
	return &Error{kind: k, code: code, sentence: sentence}
}

// Wrap makes a refusal of a plain error, which errors.Is still finds. A text "code: sentence" gives both; without a code the
// kind's own is used.
func Wrap(k Kind, err error) error {
	if err == nil {
		return nil
	}
	code, sentence, ok := strings.Cut(err.Error(), ": ")
	if !ok || !isCode(code) {
		code, sentence = k.Code(), err.Error()
	}
	return &Error{kind: k, code: code, sentence: asSentence(sentence), cause: err}
}

// asSentence makes of an error's text, which begins small and ends without a stop, what a person reads.
func asSentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	if last := text[len(text)-1]; last != '.' && last != '!' && last != '?' {
		text += "."
	}
	return text
}

func isCode(s string) bool {
	for i, c := range s {
		if (c < 'a' || c > 'z') && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

func (e *Error) Error() string {
	text := e.code + ": " + e.sentence
	if e.cause != nil && !strings.Contains(text, e.cause.Error()) {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is finds the sentinel a refusal was made of.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && (e == t || e.sentinel != nil && e.sentinel.Is(t))
}

// Kind is the kind of failure.
func (e *Error) Kind() Kind { return e.kind }

// Code is the stable code of the failure.
func (e *Error) Code() string { return e.code }

// Sentence is what the caller reads.
func (e *Error) Sentence() string { return e.sentence }

// Fields are the fields that are wrong.
func (e *Error) Fields() []Field { return slices.Clone(e.fields) }

func (e *Error) derive(change func(*Error)) *Error {
	d := *e
	d.fields, d.headers, d.sentinel = slices.Clone(e.fields), e.headers.Clone(), e
	change(&d)
	return &d
}

// With adds what is wrong with which field.
func (e *Error) With(fields ...Field) *Error {
	return e.derive(func(d *Error) { d.fields = append(d.fields, fields...) })
}

// Saying replaces the sentence for this occurrence.
func (e *Error) Saying(sentence string) *Error {
	return e.derive(func(d *Error) { d.sentence = sentence })
}

// Because keeps the cause for the log.
func (e *Error) Because(cause error) *Error {
	return e.derive(func(d *Error) { d.cause = cause })
}

// RetryAfter tells the caller how long to wait, in whole seconds and at least one.
func (e *Error) RetryAfter(d time.Duration) *Error {
	return e.derive(func(x *Error) { x.retry = max(d, time.Second) })
}

// Header adds a response header.
func (e *Error) Header(name, value string) *Error {
	return e.derive(func(d *Error) {
		if d.headers == nil {
			d.headers = http.Header{}
		}
		d.headers.Add(name, value)
	})
}

// InvalidField is a request refused for one field.
func InvalidField(name, code, detail string) *Error {
	return errInvalid.With(Field{Name: name, Code: code, Detail: detail})
}

var (
	errInvalid  = New(Invalid, "invalid", "Some fields are not valid.")
	errInternal = New(Internal, "internal", "The failure was recorded under this request id.")
	errNotFound = New(NotFound, "not_found", "There is no such thing within your reach.")
)

// NotFoundError is what is answered for an object that does not exist and for one outside the caller's reach, alike.
func NotFoundError() *Error { return errNotFound }

// As makes a refusal of any error: itself if it is one, else an internal error with err as its cause.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return errInternal.Because(err)
}

// Map says as what the plain refusals of pure packages are answered.
type Map map[error]Refusal

// Refusal is a kind of failure and its stable code; an empty code is taken from the error's text "code: sentence", else the
// kind's own.
type Refusal struct {
	Kind Kind
	Code string
	// Sentence is what the caller reads in place of the error's own text.
	Sentence string
	// RetryAfter tells the caller when to try again; zero says nothing.
	RetryAfter time.Duration
}

// Merge gives one map of several, the later winning.
func Merge(ms ...Map) Map {
	out := Map{}
	for _, m := range ms {
		maps.Copy(out, m)
	}
	return out
}

// Refuse makes a refusal of err if the map names it or anything it wraps; any other error comes back as it is.
func (m Map) Refuse(err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	for sentinel, r := range m {
		if !errors.Is(err, sentinel) {
			continue
		}
		// The sentinel's sentence is public, what it is wrapped in is not.
		refused := As(Wrap(r.Kind, sentinel))
		if r.Code != "" {
			refused.code = r.Code
		}
		if r.Sentence != "" {
			refused.sentence = r.Sentence
		}
		refused.retry, refused.cause = r.RetryAfter, err
		return refused
	}
	return err
}
