package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/services/audit/ocsfcheck"
	"github.com/chancery-dev/chancery/services/audit/verify"
)

// record exports the log, stops everything, and proves it from the file alone.
func (s *story) record(ctx context.Context) error {
	anika := s.cast.People["anika"]
	export, err := s.settled(ctx)
	if err != nil {
		return err
	}
	events, err := anika.Raw(ctx, "audit", "/v1/export?format=ocsf")
	if err != nil {
		return err
	}
	facts, observations := 0, 0
	valid := 0
	lines := bufio.NewScanner(bytes.NewReader(events))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		wrong, err := ocsfcheck.Event(lines.Bytes())
		if err != nil || len(wrong) > 0 {
			return s.check("an OCSF event is valid", "nothing wrong", fmt.Sprint(wrong, err))
		}
		var event struct {
			Metadata struct {
				LogName string `json:"log_name"`
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return err
		}
		if event.Metadata.LogName == "EVENTS" {
			facts++
		} else {
			observations++
		}
		valid++
	}
	result, err := verify.Export(bytes.NewReader(export), "")
	if err != nil {
		return err
	}
	// The second export may hold what the first one's own reading added.
	s.step(9, "record", "%d facts + %d observations = %d records, each an OCSF 1.8.0 event that is valid", facts, observations, valid)
	if err := s.check("as many events as records", true, int64(valid) >= result.Records && facts > 0 && observations > 0); err != nil {
		return err
	}
	if err := s.end(ctx); err != nil {
		return err
	}
	started := time.Now()
	result, err = verify.Export(bytes.NewReader(export), "")
	if err := errors.Join(err, s.check("the export verifies", nil, err)); err != nil {
		return err
	}
	s.line("verify", "services stopped; %d records under %s, root %s, checkpoint signature good, %s ms", result.Records, plural(result.Checkpoints, "checkpoint"), cut(result.Root.String(), 4), ms(time.Since(started)))
	return s.tamper(export, result.Records)
}

// settled exports once the record has come to rest.
func (s *story) settled(ctx context.Context) ([]byte, error) {
	if _, err := s.position(ctx, "issuance.credential.Revoked", s.told.key.ID); err != nil {
		return nil, err
	}
	return s.cast.People["anika"].Raw(ctx, "audit", "/v1/export")
}

func (s *story) tamper(export []byte, records int64) error {
	lines := strings.Split(strings.TrimSpace(string(export)), "\n")
	const at = 12
	var rec map[string]any
	if err := json.Unmarshal([]byte(lines[at+1]), &rec); err != nil {
		return err
	}
	text := rec["record"].(string)
	flipped := byte('A')
	if text[20] == 'A' {
		flipped = 'B'
	}
	changed := append([]string(nil), lines...)
	changed[at+1] = strings.Replace(lines[at+1], text, text[:20]+string(flipped)+text[21:], 1)
	var failure *verify.Failure
	_, err := verify.Export(strings.NewReader(strings.Join(changed, "\n")), "")
	if !errors.As(err, &failure) {
		return s.check("one byte changed", "a refusal", err)
	}
	s.line("tamper", "one byte of record %d changed in a copy: %s", at, cut(failure.Error(), 90))
	if err := s.check("the index of the changed record", at, failure.Index); err != nil {
		return err
	}
	short := append(append([]string(nil), lines[:records-2]...), lines[records+1:]...)
	_, err = verify.Export(strings.NewReader(strings.Join(short, "\n")), "")
	if !errors.As(err, &failure) {
		return s.check("the last records cut off", "a refusal", err)
	}
	s.line("", "the last 3 records cut from a copy: %s", cut(failure.Error(), 90))
	return s.check("what is said of the cut", true, strings.Contains(failure.Reason, fmt.Sprintf("size %d below checkpoint %d", records-3, records)))
}
