package kill

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/anypb"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

func sound() (*Counted, []Accepted) {
	c := &Counted{
		decisions: map[uint64]*eventv1.Envelope{}, commands: map[string]int{"a events.x.y.1": 1, "b events.x.y.1": 1},
		recorded: map[place]int{{1, 0}: 1, {2, 0}: 1, {2, 1}: 1}, facts: 3,
	}
	c.decisions[1] = &eventv1.Envelope{CommandId: "a", Facts: []*anypb.Any{{}}}
	c.decisions[2] = &eventv1.Envelope{CommandId: "b", Facts: []*anypb.Any{{}, {}}}
	return c, []Accepted{{"first", 1}, {"second", 2}}
}

func TestWhatIsLostOrDoubledIsFound(t *testing.T) {
	if c, accepted := sound(); c.Wrong(accepted) != nil {
		t.Fatal(c.Wrong(accepted))
	}
	for name, plant := range map[string]func(*Counted, *[]Accepted){
		"holds nothing":       func(c *Counted, _ *[]Accepted) { delete(c.decisions, 2) },
		"both accepted":       func(_ *Counted, a *[]Accepted) { (*a)[1].Position = 1 },
		"carried out 2 times": func(c *Counted, _ *[]Accepted) { c.commands["a events.x.y.1"]++ },
		"recorded 0 times":    func(c *Counted, _ *[]Accepted) { delete(c.recorded, place{2, 1}) },
		"recorded 2 times":    func(c *Counted, _ *[]Accepted) { c.recorded[place{1, 0}]++ },
		"AUDIT records 4":     func(c *Counted, _ *[]Accepted) { c.recorded[place{3, 0}]++ },
		"out of place":        func(c *Counted, _ *[]Accepted) { c.disorder = []string{"out of place"} },
	} {
		c, accepted := sound()
		plant(c, &accepted)
		if found := strings.Join(c.Wrong(accepted), "\n"); !strings.Contains(found, name) {
			t.Errorf("%s: found %q", name, found)
		}
	}
}

func TestAnAuthorizerThatAdmitsARevokedKeyIsFound(t *testing.T) {
	for status, admitted := range map[int]int{http.StatusNoContent: 1, http.StatusOK: 1, http.StatusUnauthorized: 0, http.StatusServiceUnavailable: 0} {
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		l := &Load{Gateway: gateway.URL}
		l.Ask(context.Background(), Revoked{"key", time.Now()})
		gateway.Close()
		if len(l.Admitted()) != admitted {
			t.Errorf("%d: %v", status, l.Admitted())
		}
	}
}
