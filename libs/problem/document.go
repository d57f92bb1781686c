package problem

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

// ContentType is the media type of a problem document.
const ContentType = "application/problem+json"

// Problem is the RFC 9457 document a failure is answered with.
type Problem struct {
	Type      string  `json:"type" doc:"URN of the code"`
	Title     string  `json:"title" doc:"What sort of failure it is"`
	Status    int     `json:"status" doc:"HTTP status"`
	Detail    string  `json:"detail,omitempty" doc:"What happened, for a person"`
	Code      string  `json:"code" doc:"Stable code, for a program"`
	RequestID string  `json:"request_id,omitempty" doc:"Names this request in logs and records"`
	Errors    []Field `json:"errors,omitempty" doc:"What is wrong with which field"`

	headers http.Header
	err     error
}

// Document is how err is answered; an error that is no refusal gives nothing of its text.
func Document(err error, requestID string) *Problem {
	e := As(err)
	p := &Problem{
		Type: "urn:chancery:problem:" + e.code, Title: table[e.kind].title, Status: e.kind.Status(),
		Detail: e.sentence, Code: e.code, RequestID: requestID, Errors: e.fields, headers: e.headers.Clone(), err: err,
	}
	if e.retry > 0 {
		p.setHeader("Retry-After", strconv.Itoa(seconds(e.retry)))
	}
	if e.kind == Unauthenticated && p.headers.Get("WWW-Authenticate") == "" {
		p.setHeader("WWW-Authenticate", "Bearer")
	}
	return p
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

func (p *Problem) setHeader(name, value string) {
	if p.headers == nil {
		p.headers = http.Header{}
	}
	p.headers.Set(name, value)
}

// Error makes a document an error to huma; its text is the code.
func (p *Problem) Error() string { return p.Code }

// Unwrap gives the failure itself.
func (p *Problem) Unwrap() error { return p.err }

// GetStatus is the HTTP status, for huma.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the response headers, for huma.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType is the media type, for huma.
func (p *Problem) ContentType(string) string { return ContentType }

// Write answers a request with err as a problem document.
func Write(w http.ResponseWriter, err error, requestID string) {
	p := Document(err, requestID)
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", ContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Del("Content-Length")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
