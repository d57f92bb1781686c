package service

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

func TestUsesAreCountedOnceThoughBeatsAreRepeatedOrLost(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	one := newTotals(nil, "registry", "one", clock, slog.New(slog.DiscardHandler))
	two := newTotals(nil, "registry", "two", clock, slog.New(slog.DiscardHandler))
	heard := map[string]int{}
	two.Listen(func(key string, uses int) { heard[key] += uses })
	hear := func(body []byte) {
		t.Helper()
		if err := two.hear(eventlog.Beat{Service: "registry", Node: one.node, Time: now, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	if one.beat(false) != nil || two.Instances() != 1 {
		t.Fatal("nothing to say, nobody there")
	}
	hear(one.beat(true))
	if two.Instances() != 2 {
		t.Fatalf("%d instances", two.Instances())
	}
	var last []byte
	for i := range 40 {
		one.Share("/person\x00ann")
		one.Share("/address\x00203.0.113.7")
		if last = one.beat(false); i%10 != 9 {
			continue // lost on the way
		}
		hear(last)
		hear(last)
	}
	if heard["/person\x00ann"] != 40 || len(heard) != 1 {
		t.Errorf("heard %v", heard)
	}
	for _, foreign := range []eventlog.Beat{
		{Service: "approval", Node: one.node, Body: last}, {Service: "registry", Node: two.node, Body: last},
		{Service: "registry", Node: "lease", Body: last}, {Service: "registry", Node: limitsNode + "x", Body: []byte("no")},
	} {
		if err := two.hear(foreign); err != nil {
			t.Fatal(err)
		}
	}
	if heard["/person\x00ann"] != 40 {
		t.Errorf("foreign beats counted: %v", heard)
	}
	again, _ := json.Marshal(sentUses{Beat: 1, Recent: []map[string]int{{"/person\x00ann": 2}}})
	hear(again)
	if heard["/person\x00ann"] != 42 {
		t.Errorf("an instance that began anew: %v", heard)
	}
	if now = now.Add(absentAfter); two.Instances() != 1 {
		t.Errorf("%d instances after it fell silent", two.Instances())
	}
}
