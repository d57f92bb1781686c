package lineage

import (
	"errors"
	"fmt"
	"time"
)

// Cause is why something is not live.
type Cause uint8

// The causes.
const (
	// Unknown is a node that no fact created, or a claim that descends from nothing.
	Unknown Cause = iota + 1
	// Ended is a node that ended, or that was decided without knowledge of an ancestor's ending.
	Ended
	// Expired is a node whose time is over.
	Expired
	// Paused is a node that may be resumed.
	Paused
	// Behind is a claim that rests on a position this fold has not reached.
	Behind
	// Unreadable is a node that a fact of a newer writer concerns.
	Unreadable
)

var causes = [...]string{"not judged", "unknown", "ended", "expired", "paused", "behind", "unreadable"}

// String is the cause in one word.
func (c Cause) String() string {
	if int(c) < len(causes) {
		return causes[c]
	}
	return "cause " + fmt.Sprint(uint8(c))
}

// Dead is the refusal of something that is not live.
type Dead struct {
	// Of is what was asked about, By the node at fault: itself or an ancestor.
	Of, By Ref
	Cause  Cause
	// Position is where By ended, of the newest such fact, or what a claim that is Behind rests on; else 0.
	Position uint64
	// Until is when By expired; else zero.
	Until time.Time
}

// Error says which node is at fault and why.
func (d *Dead) Error() string {
	text := "lineage: " + d.Of.String() + " is not live: "
	if d.By != d.Of {
		text += d.By.String() + " "
	}
	text += d.Cause.String()
	if d.Position != 0 {
		text += fmt.Sprintf(" at %d", d.Position)
	}
	if !d.Until.IsZero() {
		text += " at " + d.Until.Format(time.RFC3339)
	}
	return text
}

// Why gives the refusal in err, if it is one.
func Why(err error) (*Dead, bool) {
	var d *Dead
	return d, errors.As(err, &d)
}
