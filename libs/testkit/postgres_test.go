package testkit_test

import (
	"sync"
	"testing"

	"github.com/chancery-dev/chancery/libs/testkit"
)

func TestEveryTestHasItsOwnDatabaseMadeAlike(t *testing.T) {
	const schema = `CREATE TABLE things (name text); INSERT INTO things VALUES ('first')`
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			db := testkit.Postgres(t, schema)
			if _, err := db.Exec(`INSERT INTO things VALUES ('own')`); err != nil {
				t.Error(err)
			}
			var n int
			if err := db.Get(&n, `SELECT count(*) FROM service.things`); err != nil || n != 2 {
				t.Errorf("%d things, %v", n, err)
			}
			if _, err := db.Exec(`CREATE TABLE public.stray ()`); err == nil {
				t.Error("a service can write outside its schema")
			}
		})
	}
	all.Wait()
	var super bool
	if err := testkit.OpenPostgres(t, testkit.PostgresAdministrator(t)).Get(&super, `SELECT rolsuper FROM pg_roles WHERE rolname = current_user`); err != nil || !super {
		t.Errorf("administrator: %v, %v", super, err)
	}
}

func TestNATSIsEmptyAndStores(t *testing.T) {
	for range 2 {
		js, err := testkit.NATS(t).JetStream()
		if err != nil {
			t.Fatal(err)
		}
		info, err := js.AccountInfo()
		if err != nil || info.Streams != 0 {
			t.Errorf("%v, %v", info, err)
		}
	}
}
