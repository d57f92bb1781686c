package verify

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Check is audit's word, signed with the log's key, on which events of a range a subscription was to be given. It is the
// answer of GET /v1/subscriptions/{id}/check.
type Check struct {
	Subscription string   `json:"subscription"`
	From         uint64   `json:"from"`
	To           uint64   `json:"to"`
	Count        int      `json:"count"`
	Hash         string   `json:"hash" doc:"SHA-256 over the ids in order, each with a line end, base64"`
	IDs          []string `json:"ids"`
	Note         string   `json:"note" doc:"The same, signed: C2SP signed-note"`
	Key          string   `json:"key" doc:"Verifier key of the log"`
}

// Text is what is signed.
func (c Check) Text(origin string) string {
	return fmt.Sprintf("chancery feed check\n%s\n%s\n%d %d\n%d\n%s\n", origin, c.Subscription, c.From, c.To, c.Count, c.Hash)
}

// HashOf is the hash over ids in their order.
func HashOf(ids []string) string {
	sum := sha256.New()
	for _, id := range ids {
		fmt.Fprintln(sum, id)
	}
	return base64.StdEncoding.EncodeToString(sum.Sum(nil))
}

// FeedResult says what a reader of the feed has.
type FeedResult struct {
	// Events is how many different ones of the range it has, Repeated how many came more than once.
	Events, Repeated int
	// Missing are the ids of events it was to be given and has not, Surplus those it has and was not to be given.
	Missing, Surplus []string
}

// Err is nil if the reader has every event and no other.
func (r FeedResult) Err() error {
	if len(r.Missing) == 0 && len(r.Surplus) == 0 {
		return nil
	}
	return fmt.Errorf("%d events missing: %s; %d not of this subscription: %s",
		len(r.Missing), strings.Join(r.Missing, ", "), len(r.Surplus), strings.Join(r.Surplus, ", "))
}

// Feed compares what a reader kept, one event a line in any order, with a check. key, if not empty, is the verifier key to
// trust in place of the check's own.
func Feed(events io.Reader, c Check, key string) (FeedResult, error) {
	verifier, err := note.NewVerifier(cmp.Or(key, c.Key))
	if err != nil {
		return FeedResult{}, fmt.Errorf("the key is no verifier key: %w", err)
	}
	signed, err := note.Open([]byte(c.Note), note.VerifierList(verifier))
	if err != nil {
		return FeedResult{}, fmt.Errorf("the signature of the check does not hold: %w", err)
	}
	if signed.Text != c.Text(verifier.Name()) || c.Count != len(c.IDs) || c.Hash != HashOf(c.IDs) {
		return FeedResult{}, fmt.Errorf("the check does not say what was signed")
	}
	has, result, err := kept(events, c)
	if err != nil {
		return result, err
	}
	wanted := map[string]bool{}
	for _, id := range c.IDs {
		wanted[id] = true
		if !has[id] {
			result.Missing = append(result.Missing, id)
		}
	}
	for id := range has {
		if !wanted[id] {
			result.Surplus = append(result.Surplus, id)
		}
	}
	slices.Sort(result.Surplus)
	return result, nil
}

func kept(events io.Reader, c Check) (map[string]bool, FeedResult, error) {
	var result FeedResult
	has := map[string]bool{}
	lines := bufio.NewScanner(events)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; lines.Scan(); n++ {
		var event struct {
			ID       string `json:"id"`
			Sequence string `json:"sequence"`
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil || event.ID == "" {
			return nil, result, fmt.Errorf("line %d is no event", n)
		}
		switch {
		case event.Sequence < fmt.Sprintf("%020d", c.From), event.Sequence > fmt.Sprintf("%020d", c.To):
		case has[event.ID]:
			result.Repeated++
		default:
			has[event.ID] = true
			result.Events++
		}
	}
	return has, result, lines.Err()
}
