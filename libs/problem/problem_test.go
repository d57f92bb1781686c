package problem_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/problem"
)

var errPure = errors.New("separation_of_duties: the requester cannot review")

func TestARefusalIsFoundByItsSentinelHoweverItWasRefined(t *testing.T) {
	sentinel := problem.New(problem.Conflict, "not_pending", "The request is not pending.")
	other := problem.New(problem.Conflict, "not_pending", "The request is not pending.")
	cause := errors.New("row 7")
	refined := sentinel.Saying("It was withdrawn.").With(problem.Field{Name: "a", Code: "b", Detail: "c"}).RetryAfter(time.Millisecond).Because(cause).Header("X", "y")
	wrapped := fmt.Errorf("review: %w", refined)
	if !errors.Is(wrapped, sentinel) || errors.Is(wrapped, other) || !errors.Is(wrapped, cause) || errors.Is(sentinel, refined) {
		t.Error("errors.Is")
	}
	if sentinel.Sentence() != "The request is not pending." || len(sentinel.Fields()) != 0 {
		t.Error("refining changed the sentinel")
	}
	p := problem.Document(wrapped, "r1")
	if p.Status != 409 || p.Code != "not_pending" || p.Detail != "It was withdrawn." || p.RequestID != "r1" || len(p.Errors) != 1 || p.GetHeaders().Get("Retry-After") != "1" || p.GetHeaders().Get("X") != "y" {
		t.Errorf("%+v", p)
	}
	if strings.Contains(p.Detail, "row 7") || !strings.Contains(refined.Error(), "row 7") {
		t.Error("a cause is for the log alone")
	}
}

func TestPlainErrorsAreInternalUnlessAMapNamesThem(t *testing.T) {
	p := problem.Document(errors.New("dial tcp 10.0.0.1: refused"), "")
	if p.Status != 500 || p.Code != "internal" || strings.Contains(p.Detail, "10.0.0.1") {
		t.Errorf("%+v", p)
	}
	m := problem.Merge(problem.Map{errPure: {Kind: problem.Invalid}}, problem.Map{errPure: {Kind: problem.Forbidden, RetryAfter: 1500 * time.Millisecond}})
	refused := m.Refuse(fmt.Errorf("load 10.0.0.1: %w", errPure))
	p = problem.Document(refused, "")
	if p.Status != 403 || p.Code != "separation_of_duties" || p.Detail != "The requester cannot review." || p.GetHeaders().Get("Retry-After") != "2" || !errors.Is(refused, errPure) {
		t.Errorf("%+v", p)
	}
	for name, c := range map[string]struct {
		err          error
		code, detail string
	}{
		"wrapped with a code":    {problem.Wrap(problem.Forbidden, errPure), "separation_of_duties", "The requester cannot review."},
		"wrapped without":        {problem.Wrap(problem.Forbidden, errors.New("not yours")), "forbidden", "Not yours."},
		"a colon makes no code":  {problem.Wrap(problem.Conflict, errors.New("Not yet: wait")), "conflict", "Not yet: wait."},
		"a code and a sentence":  {problem.Map{errPure: {Kind: problem.Conflict, Code: "c", Sentence: "S."}}.Refuse(errPure), "c", "S."},
		"a refusal stays itself": {problem.Map{errPure: {Kind: problem.Conflict}}.Refuse(problem.NotFoundError()), "not_found", problem.NotFoundError().Sentence()},
	} {
		if p := problem.Document(c.err, ""); p.Code != c.code || p.Detail != c.detail {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if problem.Wrap(problem.Conflict, nil) != nil || m.Refuse(nil) != nil {
		t.Error("nothing stays nothing")
	}
	plain := errors.New("x")
	if m.Refuse(plain) != plain {
		t.Error("what the map does not name comes back as it is")
	}
}

func TestEveryKindHasAStatusOfItsOwnAndACode(t *testing.T) {
	seen := map[int]problem.Kind{}
	for k := problem.Internal; k <= problem.TimedOut; k++ {
		if other, twice := seen[k.Status()]; twice || k.Status() < 400 || k.Code() == "" {
			t.Errorf("kind %d: status %d, code %q, also kind %d", k, k.Status(), k.Code(), other)
		}
		seen[k.Status()] = k
	}
	w := httptest.NewRecorder()
	problem.Write(w, problem.New(problem.Unauthenticated, "unauthenticated", "A session is needed."), "r")
	if w.Code != 401 || w.Header().Get("WWW-Authenticate") != "Bearer" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != problem.ContentType {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
