// Package cutover says when the old secret of a rotation has proved to be out of use, so that it may go before its overlap
// ends.
package cutover

import "time"

// Reporting is how long a use may go unreported: authorizers write their windows down once a minute, and one that cannot
// write refuses calls soon after.
const Reporting = 2 * time.Minute

// Rotation is a rotation under way and what was seen of its two secrets.
type Rotation struct {
	StartedAt time.Time
	// Quiet is how long the old secret must be silent; 0 keeps the whole overlap.
	Quiet time.Duration
	// OldUsedAt and NewUsedAt are the last uses seen, zero if none.
	OldUsedAt, NewUsedAt time.Time
	// LongestGap is the longest time this consumer ever let pass between two calls: a batch that runs once a month is not
	// gone because it was silent for an hour.
	LongestGap time.Duration
}

// Due is when the old secret may retire if nobody uses it before then, or zero while nothing proves that its successor works.
func (r Rotation) Due() time.Time {
	if r.Quiet <= 0 || r.NewUsedAt.IsZero() {
		return time.Time{}
	}
	silent, gap := r.StartedAt, r.LongestGap
	if r.OldUsedAt.After(silent) {
		silent = r.OldUsedAt
	} else if !r.OldUsedAt.IsZero() {
		gap = max(gap, r.StartedAt.Sub(r.OldUsedAt)) // a silence that may not be over
	}
	return silent.Add(max(r.Quiet, 2*gap) + Reporting)
}

// Ready says that the old secret is proven unused at a time.
func (r Rotation) Ready(at time.Time) bool {
	due := r.Due()
	return !due.IsZero() && !at.Before(due)
}
