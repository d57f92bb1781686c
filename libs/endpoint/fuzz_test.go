package endpoint

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/chancery-dev/chancery/libs/problem"
)

func FuzzCheckJSON(f *testing.F) {
	for _, seed := range []string{`{"a":1,"a":2}`, `[{"a":{"b":[1,2,"\u0000"]}}]`, `{"a":`, `"\ud800"`, `1 2`, "\xff", `{"":{"":1}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		err := checkJSON(body)
		if err == nil && !json.Valid(body) {
			t.Fatalf("accepted what is no JSON: %q", body)
		}
		var refusal *problem.Error
		if err != nil && !errors.As(err, &refusal) {
			t.Fatalf("%q: no refusal but %v", body, err)
		}
	})
}

func FuzzCursor(f *testing.F) {
	type key struct {
		At uint64
		ID string
	}
	f.Add(cursor(key{7, "x"}))
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		var k key
		if err := (Paging{After: text}).Cursor(&k); err != nil {
			return
		}
		if text != "" {
			var again key
			if err := (Paging{After: cursor(k)}).Cursor(&again); err != nil || again != k {
				t.Fatalf("%q gave %+v, which does not come back: %v", text, k, err)
			}
		}
	})
}
