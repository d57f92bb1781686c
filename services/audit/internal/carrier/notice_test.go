package carrier

import (
	"testing"
	"time"
)

func TestASubscriberIsLateAtHalfTheTimeEventsAreKept(t *testing.T) { // X9
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for age, want := range map[time.Duration]bool{44 * 24 * time.Hour: false, 45 * 24 * time.Hour: true} {
		if Late(now.Add(-age), now) != want {
			t.Errorf("%v", age)
		}
	}
	if Late(time.Time{}, now) {
		t.Error("who confirmed everything is late")
	}
}
