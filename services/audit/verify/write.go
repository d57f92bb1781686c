package verify

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"io"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// prefixText is what is signed after each record: the tree up to it. It is no checkpoint, so that nobody can pass a
// shortened export off as an older log.
func prefixText(origin string, size int64, root tlog.Hash) []byte {
	return fmt.Appendf(nil, "chancery records, up to here\n%s\n%d\n%s\n", origin, size, root)
}

// endText is what the last line signs: every byte before it.
func endText(origin string, size int64, digest []byte) []byte {
	return fmt.Appendf(nil, "chancery records, end\n%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(digest))
}

// Writer writes an export.
type Writer struct {
	out    *bufio.Writer
	lines  *json.Encoder
	digest hash.Hash
	signer note.Signer
	origin string
	head   Head
}

// NewWriter begins an export of the log of an origin, whose verifier key is key.
func NewWriter(to io.Writer, origin, key string, signer note.Signer) (*Writer, error) {
	w := &Writer{out: bufio.NewWriterSize(to, 64<<10), digest: sha256.New(), signer: signer, origin: origin}
	w.lines = json.NewEncoder(io.MultiWriter(w.out, w.digest))
	return w, w.lines.Encode(Header{Format: Format, Origin: origin, Key: key})
}

// Add writes the next record.
func (w *Writer) Add(raw []byte) error {
	leaf := tlog.RecordHash(raw)
	w.head.Add(leaf)
	signature, err := w.signer.Sign(prefixText(w.origin, w.head.Size(), w.head.Root()))
	if err != nil {
		return err
	}
	return w.lines.Encode(Record{Index: w.head.Size() - 1, Leaf: leaf, Bytes: raw, Signature: signature})
}

// Close ends the export with the checkpoints of the log, smallest first.
func (w *Writer) Close(checkpoints []string) error {
	for _, text := range checkpoints {
		if err := w.lines.Encode(Checkpoint{Note: text}); err != nil {
			return err
		}
	}
	signature, err := w.signer.Sign(endText(w.origin, w.head.Size(), w.digest.Sum(nil)))
	if err != nil {
		return err
	}
	if err := w.lines.Encode(End{Signature: signature}); err != nil {
		return err
	}
	return w.out.Flush()
}
