package e2e

import (
	"testing"
)

func TestOneTraceFromThePortalToTheRecord(t *testing.T) { // G3
	s := tell(t)
	whole.spans.Reset()
	_ = must[string](s)(s.Cast.Register(s.ctx, "noor", "sam", "Traced", "a story", "sandbox"))
	s.settled()
	for _, span := range whole.spans.GetSpans() {
		t.Log(span.SpanContext.TraceID(), span.InstrumentationScope.Name, span.Name, span.Attributes)
	}
}
