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
	var out bytes.Buffer
	w, err := verify.NewWriter(&out, origin, key, with)
	if err != nil {
		panic(err)
	}
	var h hashes
	var heads []string
	for i := range n {
		raw := fmt.Appendf(nil, "record %d", i)
		fresh, err := tlog.StoredHashes(int64(i), raw, &h)
		if err != nil {
			panic(err)
		}
		h = append(h, fresh...)
		if err := w.Add(raw); err != nil {
			panic(err)
		}
		if (i+1)%step == 0 || i == n-1 {
			root, err := tlog.TreeHash(int64(i+1), &h)
			if err != nil {
				panic(err)
			}
			signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, i+1, root)}, with)
			if err != nil {
				panic(err)
			}
			heads = append(heads, string(signed))
		}
	}
	if err := w.Close(heads); err != nil {
		panic(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
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
		switch kind := rapid.SampledFrom([]string{"edit", "edit with its leaf", "delete", "delete and renumber", "insert", "swap", "cut", "forge", "signature", "end", "checkpoints", "more"}).Draw(t, "kind"); kind {
		case "edit":
			rec.Bytes[rapid.IntRange(0, len(rec.Bytes)-1).Draw(t, "byte")] ^= 1
			lines[at+1] = line(rec)
		case "edit with its leaf":
			rec.Bytes[0] ^= 1
			rec.Leaf = tlog.RecordHash(rec.Bytes)
			lines[at+1] = line(rec)
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
			if at == n-1 {
				want = -1
			}
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
		case "signature":
			rec.Signature[7] ^= 1
			lines[at+1] = line(rec)
		case "end":
			lines, want = lines[:len(lines)-1], -1
		case "checkpoints":
			if len(lines) == n+3 {
				return // there is one alone
			}
			lines, want = slices.Delete(lines, n+1, n+2), -1
		case "more":
			lines, want = append(lines, lines[len(lines)-1]), -1
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
		if failure.Index != want {
			t.Fatalf("%v, want index %d", failure, want)
		}
	})
}

// TestNoByteOfAnExportCanBeChanged flips every byte of a small one.
func TestNoByteOfAnExportCanBeChanged(t *testing.T) { // L4
	good := []byte(strings.Join(export(3, 2, signer), "\n") + "\n")
	for i := range len(good) - 1 {
		changed := bytes.Clone(good)
		changed[i] ^= 1
		if _, err := verify.Export(bytes.NewReader(changed), key); err == nil {
			t.Fatalf("byte %d of %d, %q, was changed and nothing said", i, len(good), good[max(0, i-20):i+1])
		}
	}
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
