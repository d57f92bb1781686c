package signalstream

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/testkit"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

var (
	at      = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	known   = []string{"a", "b"}
	open    = Open{Organization: "o", Audience: "https://receiver.example", Delivery: Delivery{Push, "https://receiver.example/events", "s"}, Events: known, Known: known, Now: at, Expires: at.Add(MaxLife)}
	created = &issuancev1.SignalStreamCreated{OrganizationId: "o", Method: Push, Endpoint: "https://receiver.example/events", SecretId: "s", Audience: "https://receiver.example",
		Events: known, ExpiresAt: timestamppb.New(at.Add(MaxLife))}
	ended = &issuancev1.SignalStreamEnded{Reason: "done"}
)

func given(t *testing.T, facts ...aggregate.Event) *testkit.Story[State] {
	return testkit.Given[State](t, facts...)
}

func TestEveryFactIsEvolved(t *testing.T) {
	testkit.EvolvesAll[State](t, issuancev1.File_issuance_v1_signal_stream_proto)
}

func TestAStreamIsOpenedOnceForKnownEventsAndAnEnd(t *testing.T) { // L20
	given(t).When(open).Then(created).When(open).Refused(ErrOpened)
	for want, change := range map[error]func(*Open){
		ErrMethod:   func(c *Open) { c.Delivery.Method = "mail" },
		ErrAudience: func(c *Open) { c.Audience = "" },
		ErrEvents:   func(c *Open) { c.Events = []string{"a", "a"} },
		ErrLife:     func(c *Open) { c.Expires = at.Add(MaxLife + 1) },
	} {
		c := open
		change(&c)
		given(t).When(c).Refused(want)
	}
	for _, to := range []string{"", "http://receiver.example/x", "http://127.0.0.1/x", "https://a:b@receiver.example/", "https://receiver.example/?token=x", "https://receiver.example/#x", "file:///etc/passwd", "https://"} {
		c := open
		c.Delivery.Endpoint = to
		given(t).When(c).Refused(ErrEndpoint)
	}
	c := open
	c.Loopback, c.Delivery.Endpoint = true, "http://127.0.0.1:9/x"
	given(t).When(c).Then(&issuancev1.SignalStreamCreated{OrganizationId: "o", Method: Push, Endpoint: "http://127.0.0.1:9/x", SecretId: "s", Audience: created.Audience, Events: known, ExpiresAt: created.ExpiresAt})
}

func TestAStreamIsChangedPausedAndEnded(t *testing.T) {
	poll := Change{Delivery: Delivery{Method: Poll}, Known: known, Events: []string{"a"}}
	given(t).When(poll).Refused(ErrUnknown)
	given(t, created).When(poll).Then(&issuancev1.SignalStreamChanged{Method: Poll, Events: []string{"a"}}).When(poll).Then()
	given(t, created).When(SetStatus{"paused", "holiday"}).Then(&issuancev1.SignalStreamStatusChanged{Status: "paused", Reason: "holiday"}).When(SetStatus{"paused", ""}).Then()
	given(t, created).When(SetStatus{"off", ""}).Refused(ErrStatus)
	given(t, created).When(Leave{SubjectID: "p"}).Then(&issuancev1.SignalSubjectRemoved{SubjectId: "p"}).When(Leave{SubjectID: "p"}).Then().
		When(Leave{SubjectID: "p", Back: true}).Then(&issuancev1.SignalSubjectAdded{SubjectId: "p"}).When(Leave{SubjectID: "p", Back: true}).Then()
	given(t, created).When(Verify{"nonce"}).Then(&issuancev1.SignalVerificationRequested{State: "nonce"})
	given(t, created).When(End{"done"}).Then(ended).When(End{"again"}).Then()
	given(t, created, ended).When(Verify{""}).Refused(ErrEnded)
}
