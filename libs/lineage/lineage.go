// Package lineage answers whether something that descends from facts of the log is live: not ended, not expired, not
// paused, and decided in full knowledge of every ending of each of its ancestors, which must be live themselves.
//
// It knows no business: what creates, ends, reopens, pauses and resumes a node, and what a node descends from, stands in
// the options of the facts (proto/event/v1/options.proto). Verdicts depend on the position of the fold and the clock alone.
package lineage

import (
	"strconv"
	"time"
)

// Ref names a node: its kind as in the options of the facts, and its id.
type Ref struct{ Kind, ID string }

// Part names the n-th numbered part of something, for example a generation of a credential.
func Part(kind, of string, n uint32) Ref {
	return Ref{Kind: kind, ID: of + "/" + strconv.FormatUint(uint64(n), 10)}
}

// String is "kind id".
func (r Ref) String() string { return r.Kind + " " + r.ID }

// Claim is something that was not born in the log and carries its own descent, a token or a session. Its signature must
// have been verified before.
type Claim struct {
	Ref Ref
	// Seen is the position of the fold on which the claim was issued.
	Seen uint64
	// Expires is when the claim is no longer usable; a claim without it is never live.
	Expires time.Time
	// Ancestors are the nodes born in the log that the claim descends from.
	Ancestors []Ref
	// From are the claims it descends from: the session it acts in, the token it was exchanged from.
	From []Claim
}

// Shown is the newest position that the claim or any claim it descends from rests on. Whoever decides on the claim waits
// until its fold has reached it.
func (c Claim) Shown() uint64 {
	shown := c.Seen
	for _, from := range c.From {
		shown = max(shown, from.Shown())
	}
	return shown
}
