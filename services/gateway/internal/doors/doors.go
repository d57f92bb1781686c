// Package doors are the endpoints that API gateways ask before they let a call pass. Each kind of gateway has a door of its
// own that reads the headers this gateway sets and no other's, because clients may send those.
package doors

import (
	"context"
	"net/http"
	"strconv"
	"sync"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/libs/upstream"
	"github.com/chancery-dev/chancery/services/gateway/internal/contract"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// Options are what doors are made of.
type Options struct {
	Authorizer *verdict.Authorizer
	// Environment is that of a question that names none itself.
	Environment string
	// Count takes note of every verdict.
	Count func(v *verdict.Verdict, network string)
	// Decision is the id of a verdict, which every answer carries.
	Decision func(v *verdict.Verdict) string
	// Sign signs what the upstream is told.
	Sign func(upstream.Context) (string, error)
	// Keys are those with which authorizers sign, for upstreams to read at KeysPath.
	Keys func() jose.JSONWebKeySet
	// Metadata is where clients learn who issues tokens (RFC 9728 §5.1); empty if they are not told.
	Metadata string
}

// Doors answers gateways.
type Doors struct {
	Options
	refusals refusals
	contexts contexts
}

// New makes doors.
func New(o Options) *Doors {
	return &Doors{Options: o, refusals: newRefusals(o), contexts: contexts{sign: o.Sign}}
}

// asked is what one question needs.
type asked struct {
	request verdict.Request
	verdict verdict.Verdict
	// decision is the id of the verdict.
	decision string
	// context is what the upstream is told of a call that may pass.
	context []string
}

var memory = sync.Pool{New: func() any { return new(asked) }}

// judge asks the authorizer, takes note of the verdict and gives it an id; a call that may pass gets its context. It says
// why not, nil if it may.
func (d *Doors) judge(ctx context.Context, q *asked, address string) *refusal {
	d.Authorizer.Judge(ctx, &q.request, &q.verdict)
	d.Count(&q.verdict, Network(address))
	q.decision = d.Decision(&q.verdict)
	if !q.verdict.Allowed() {
		return d.refusals.of(&q.verdict)
	}
	var err error
	if q.context, err = d.contexts.of(&q.verdict, q.decision); err != nil {
		return d.refusals.stale
	}
	return nil
}

// Headers of an answer.
const (
	// Problem is the problem document in one line, for gateways that cannot pass a body on.
	Problem = "Chancery-Problem"
	// Status is what the client should be answered, where the gateway cannot be answered that itself.
	Status = "Chancery-Status"
)

// answer writes what a gateway is answered over HTTP; good is the status of a call that may pass.
func (d *Doors) answer(w http.ResponseWriter, q *asked, r *refusal, good int, relays bool) {
	h := w.Header()
	h[decision.Header] = []string{q.decision}
	limits(h, &q.verdict)
	if r != nil {
		r.answer(w, relays)
		return
	}
	deprecation(h, q.verdict.Operation)
	h[upstream.Header] = q.context
	w.WriteHeader(good)
}

// deprecation tells that a version will end.
func deprecation(h http.Header, o *contract.Operation) {
	if !o.Deprecated.IsZero() {
		h["Deprecation"] = []string{"@" + strconv.FormatInt(o.Deprecated.Unix(), 10)} // RFC 9745 §2.1
		h["Sunset"] = []string{o.Sunset.UTC().Format(http.TimeFormat)}                // RFC 8594 §3
	}
}
