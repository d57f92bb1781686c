package cutover_test

import (
	"testing"
	"time"

	"github.com/chancery-dev/chancery/services/issuance/internal/cutover"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func TestAnOldSecretGoesOnceItsSuccessorWorksAndItIsSilent(t *testing.T) { // L10
	hour := time.Hour
	for name, c := range map[string]struct {
		rotation cutover.Rotation
		due      time.Duration // after start; 0 for never
	}{
		"nobody asked for it":                     {cutover.Rotation{StartedAt: start, NewUsedAt: start.Add(hour)}, 0},
		"the successor was never seen":            {cutover.Rotation{StartedAt: start, Quiet: hour}, 0},
		"the old one was silent from the start":   {cutover.Rotation{StartedAt: start, Quiet: hour, NewUsedAt: start.Add(time.Second)}, hour + cutover.Reporting},
		"the old one was used before the start":   {cutover.Rotation{StartedAt: start, Quiet: hour, OldUsedAt: start.Add(-3 * hour), NewUsedAt: start.Add(hour)}, 6*hour + cutover.Reporting},
		"the old one was used again":              {cutover.Rotation{StartedAt: start, Quiet: hour, OldUsedAt: start.Add(3 * hour), NewUsedAt: start.Add(hour)}, 4*hour + cutover.Reporting},
		"the consumer calls every six hours":      {cutover.Rotation{StartedAt: start, Quiet: hour, LongestGap: 6 * hour, NewUsedAt: start.Add(hour)}, 12*hour + cutover.Reporting},
		"the consumer calls more often than that": {cutover.Rotation{StartedAt: start, Quiet: hour, LongestGap: time.Minute, NewUsedAt: start.Add(hour)}, hour + cutover.Reporting},
	} {
		t.Run(name, func(t *testing.T) {
			due := c.rotation.Due()
			if c.due == 0 {
				if !due.IsZero() || c.rotation.Ready(start.AddDate(10, 0, 0)) {
					t.Fatalf("due %v", due)
				}
				return
			}
			if !due.Equal(start.Add(c.due)) || c.rotation.Ready(due.Add(-1)) || !c.rotation.Ready(due) {
				t.Fatalf("due after %v", due.Sub(start))
			}
		})
	}
}
