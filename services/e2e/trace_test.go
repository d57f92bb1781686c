package e2e

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func TestOneTraceFromThePortalToTheRecord(t *testing.T) { // G3
	s := tell(t)
	whole.spans.Reset()
	_ = must[string](s)(s.Cast.Register(s.ctx, "noor", "sam", "Traced", "a story", "sandbox"))
	s.settled()
	begun := func() (id trace.TraceID) {
		for _, span := range whole.spans.GetSpans() {
			if strings.HasSuffix(span.InstrumentationScope.Name, "services/portal") && span.Name == "POST registry" {
				id = span.SpanContext.TraceID()
			}
		}
		return id
	}
	s.eventually("the portal's span is exported", func() bool { return begun().IsValid() })
	for _, want := range []string{"POST /v1/applications", "policy organization_closed registry", "policy authorizations_follow_grants issuance",
		"policy roster_releases_leavers identity", "project events registry", "project events approval", "project events issuance", "fold events gateway",
		"fold events portal", "record"} {
		s.eventually("the trace reaches "+want, func() bool {
			for _, span := range whole.spans.GetSpans() {
				name := span.Name
				for _, a := range span.Attributes {
					if a.Key == "chancery.service" {
						name = fmt.Sprintf("%s %s", span.Name, a.Value.AsString())
					}
				}
				of := span.SpanContext.TraceID() == begun()
				for _, link := range span.Links {
					of = of || link.SpanContext.TraceID() == begun()
				}
				if of && name == want {
					return true
				}
			}
			return false
		})
	}
}
