package audit_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/libs/service/servicetest"
	"github.com/chancery-dev/chancery/services/audit/fsck"
)

func TestWhatIsDerivedIsDerivedAgainAndCompared(t *testing.T) { // X2, L4
	s := newScene(t)
	for range 10 {
		s.suspend(s.manager.Organization, s.application(s.manager.Organization), "x")
	}
	made := s.subscribe(map[string]any{"name": "x", "types": []string{"registry.application.suspended"}})
	var export string
	if s.get(s.auditor, "/v1/export", &export) != 200 { // signs a head
		t.Fatal(export)
	}
	d := s.running.Deps
	ctx, cancel := context.WithTimeout(context.Background(), servicetest.Patience)
	defer cancel()
	if err := d.WaitFor(ctx, made.Position); err != nil {
		t.Fatal(err)
	}
	check := func() (string, error) {
		var out bytes.Buffer
		err := fsck.Audit(ctx, &out, d.NATS, d.Log, d.DB)
		return out.String(), err
	}
	out, err := check()
	if err != nil || !strings.Contains(out, "root as signed") || !strings.Contains(out, "view subscriptions: 1 rows") {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, change := range []struct{ statement, back, says string }{
		{`update tree_hashes set hash = set_byte(hash, 3, get_byte(hash, 3) # 1) where idx = 4`, `update tree_hashes set hash = set_byte(hash, 3, get_byte(hash, 3) # 1) where idx = 4`, "tree: hash 4 "},
		{`update records set actor_id = 'somebody else' where position = 2`, `update records set actor_id = 'test' where position = 2`, "view records"},
		{`update subscriptions set name = 'y'`, `update subscriptions set name = 'x'`, "view subscriptions"},
	} {
		if _, err := d.DB.ExecContext(ctx, change.statement); err != nil {
			t.Fatal(err)
		}
		if out, err := check(); !errors.Is(err, fsck.ErrDiffers) || !strings.Contains(out, change.says) {
			t.Fatalf("%s: %v\n%s", change.statement, err, out)
		}
		if _, err := d.DB.ExecContext(ctx, change.back); err != nil {
			t.Fatal(err)
		}
	}
	if err := fsck.Rebuild(ctx, d.DB, "nothing"); err == nil {
		t.Fatal("a view that is none is rebuilt")
	}
	if err := fsck.Rebuild(ctx, d.DB, "tree"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(servicetest.Patience); ; {
		if out, err = check(); err == nil {
			return // the same hashes, and the root that was signed
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}
