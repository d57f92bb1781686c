package verify_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/services/audit/verify"
)

const origin = "chancery.example/audit"

var signer, key = func() (note.Signer, string) {
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		panic(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		panic(err)
	}
	return s, public
}()

type hashes []tlog.Hash

func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		out[i] = (*h)[n]
	}
	return out, nil
}

// export is a good export of n records with a checkpoint every step records and at the end.
func export(n, step int, with note.Signer) []string {
	lines := []string{line(verify.Header{Format: verify.Format, Origin: origin, Key: key})}
	var h hashes
	var heads []string
	for i := range n {
		raw := fmt.Appendf(nil, "record %d", i)
		fresh, err := tlog.StoredHashes(int64(i), raw, &h)
		if err != nil {
			panic(err)
		}
		h = append(h, fresh...)
		lines = append(lines, line(verify.Record{Index: int64(i), Leaf: tlog.RecordHash(raw), Bytes: raw}))
		if (i+1)%step == 0 || i == n-1 {
			root, err := tlog.TreeHash(int64(i+1), &h)
			if err != nil {
				panic(err)
			}
			signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, i+1, root)}, with)
			if err != nil {
				panic(err)
			}
			heads = append(heads, line(verify.Checkpoint{Note: string(signed)}))
		}
	}
	return append(lines, heads...)
}

func line(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func check(lines []string) (verify.Result, error) {
	return verify.Export(strings.NewReader(strings.Join(lines, "\n")+"\n"), key)
}

func TestAGoodExportIsProven(t *testing.T) {
	r, err := check(export(43, 7, signer))
	if err != nil || r.Records != 43 || r.Checkpoints != 7 || r.Unsigned != 0 {
		t.Fatalf("%+v %v", r, err)
	}
}

func TestEveryChangeIsRefused(t *testing.T) { // L4
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 60).Draw(t, "records")
		lines := export(n, rapid.IntRange(1, n).Draw(t, "step"), signer)
		at := rapid.IntRange(0, n-1).Draw(t, "at")
		var rec verify.Record
		if err := json.Unmarshal([]byte(lines[at+1]), &rec); err != nil {
			t.Fatal(err)
		}
		want := int64(at)
		switch kind := rapid.SampledFrom([]string{"edit", "edit with its leaf", "delete", "delete and renumber", "insert", "swap", "cut", "forge"}).Draw(t, "kind"); kind {
		case "edit":
			rec.Bytes[rapid.IntRange(0, len(rec.Bytes)-1).Draw(t, "byte")] ^= 1
			lines[at+1] = line(rec)
		case "edit with its leaf":
			rec.Bytes[0] ^= 1
			rec.Leaf = tlog.RecordHash(rec.Bytes)
			lines[at+1] = line(rec)
			want = -2
		case "delete":
			lines = slices.Delete(lines, at+1, at+2)
			if at == n-1 {
				want = -1
			}
		case "delete and renumber":
			lines = slices.Delete(lines, at+1, at+2)
			for i := at; i < n-1; i++ {
				var r verify.Record
				_ = json.Unmarshal([]byte(lines[i+1]), &r)
				r.Index--
				lines[i+1] = line(r)
			}
			want = -1
		case "insert":
			lines = slices.Insert(lines, at+1, line(rec))
			want = int64(at) + 1
		case "swap":
			other := (at + 1) % n
			lines[at+1], lines[other+1] = lines[other+1], lines[at+1]
			want = int64(min(at, other))
		case "cut":
			lines = slices.Delete(lines, n-rapid.IntRange(1, n-1).Draw(t, "cut")+1, n+1)
			want = -1
		case "forge":
			private, _, _ := note.GenerateKey(rand.Reader, origin)
			stranger, _ := note.NewSigner(private)
			lines = export(n, n, stranger)
			want = -1
		}
		_, err := check(lines)
		var failure *verify.Failure
		if !errors.As(err, &failure) {
			t.Fatalf("accepted: %v", err)
		}
		// Where a record and its leaf were changed together, the first checkpoint that does not hold bounds where.
		if want == -2 && failure.Index <= int64(at) && failure.Index >= 0 {
			return
		}
		if failure.Index != want {
			t.Fatalf("%v, want index %d", failure, want)
		}
	})
}

func FuzzExport(f *testing.F) {
	f.Add([]byte(strings.Join(export(3, 2, signer), "\n")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		good := strings.Join(export(3, 2, signer), "\n")
		if r, err := verify.Export(bytes.NewReader(raw), key); err == nil && r.Records == 3 && !strings.HasPrefix(strings.TrimSpace(string(raw)), good[:40]) {
			t.Logf("another spelling of the same: %s", raw)
		}
	})
}
