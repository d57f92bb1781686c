// Package verify checks exported records offline: nothing but the file and the log's public key is needed.
//
// An export is lines of JSON. The first names the format, the log's origin and key; one line a record follows, with its
// index, its leaf hash, its bytes and a signature of the tree up to it; then every checkpoint of the log up to that size,
// smallest first; and last a signature of every byte before. Checkpoints and the last line say whether an export was
// changed, the signatures between say where.
package verify

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Format is what the first line of an export says.
const Format = "chancery-records/1"

// Header is the first line.
type Header struct {
	Format string `json:"format"`
	Origin string `json:"origin"`
	// Key is the log's verifier key, C2SP signed-note. Whoever distrusts the file's source compares it with one of their own.
	Key string `json:"key"`
}

// Record is one record's line.
type Record struct {
	Index int64     `json:"index"`
	Leaf  tlog.Hash `json:"leaf"`
	Bytes []byte    `json:"record"`
	// Signature is by the log's key, of the tree up to and with this record.
	Signature []byte `json:"signature"`
}

// Checkpoint is one checkpoint's line.
type Checkpoint struct {
	Note string `json:"checkpoint"`
}

// End is the last line.
type End struct {
	// Signature is by the log's key, of every byte before this line.
	Signature []byte `json:"end"`
}

// Result is what was proven.
type Result struct {
	Records int64
	Root    tlog.Hash
	Origin  string
	// Checkpoints is how many heads were checked, the last of them over all records.
	Checkpoints int
	// Unsigned is how many of the last records no checkpoint covers yet.
	Unsigned int64
}

// Failure says what is wrong with an export, and with which record if that can be said.
type Failure struct {
	// Index is the first bad record, -1 where it can not be told.
	Index  int64
	Reason string
}

func (f *Failure) Error() string {
	if f.Index >= 0 {
		return fmt.Sprintf("refused at index %d: %s", f.Index, f.Reason)
	}
	return "refused: " + f.Reason
}

func refused(index int64, format string, args ...any) error {
	return &Failure{index, fmt.Sprintf(format, args...)}
}

const maxLine = 16 << 20

// Export checks an export. key, if not empty, is the verifier key to trust in place of the file's own.
func Export(r io.Reader, key string) (Result, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	var header Header
	if !lines.Scan() {
		return Result{}, errors.Join(refused(-1, "the file is empty"), lines.Err())
	}
	if err := strict(lines.Bytes(), &header); err != nil || header.Format != Format {
		return Result{}, refused(-1, "the first line does not say %s", Format)
	}
	if key == "" {
		key = header.Key
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return Result{}, refused(-1, "the key is no verifier key: %v", err)
	}
	if verifier.Name() != header.Origin {
		return Result{}, refused(-1, "the key is of %s, the export of %s", verifier.Name(), header.Origin)
	}
	c := check{verifier: verifier, origin: header.Origin, digest: sha256.New()}
	c.took(lines.Bytes())
	for lines.Scan() {
		if err := c.line(lines.Bytes()); err != nil {
			return Result{}, err
		}
	}
	if err := lines.Err(); err != nil {
		return Result{}, refused(c.size, "the line cannot be read: %v", err)
	}
	return c.result()
}

type check struct {
	verifier note.Verifier
	origin   string
	size     int64
	hashes   []tlog.Hash // stored hashes
	bad      *Failure    // the first record that is not what its leaf says
	heads    []head
	// signatures are those of the records, to find the first bad one if there is any.
	signatures [][]byte
	digest     hash.Hash
	end        []byte
}

// took adds a line to what the last line signs.
func (c *check) took(line []byte) {
	c.digest.Write(line)
	c.digest.Write([]byte{'\n'})
}

type head struct {
	size int64
	root tlog.Hash
}

// strict takes the one spelling a writer gives a line, and no other.
func strict(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	again, err := json.Marshal(into)
	if err == nil && !bytes.Equal(again, line) {
		err = errors.New("it is not written as this format is")
	}
	return err
}

func (c *check) line(line []byte) error {
	if c.end != nil {
		return refused(-1, "something stands after the last line")
	}
	if bytes.HasPrefix(line, []byte(`{"end"`)) {
		var end End
		if err := strict(line, &end); err != nil || end.Signature == nil {
			return refused(-1, "the last line cannot be read")
		}
		c.end = end.Signature
		return nil
	}
	c.took(line)
	if bytes.HasPrefix(line, []byte(`{"checkpoint"`)) {
		var one Checkpoint
		if err := strict(line, &one); err != nil {
			return refused(-1, "a checkpoint cannot be read: %v", err)
		}
		return c.head(one.Note)
	}
	var rec Record
	if err := strict(line, &rec); err != nil {
		return refused(c.size, "the line is no record: %v", err)
	}
	if len(c.heads) > 0 {
		return refused(rec.Index, "a record after the checkpoints")
	}
	if rec.Index != c.size {
		return refused(c.size, "the record is missing, index %d stands in its place", rec.Index)
	}
	if c.bad == nil && tlog.RecordHash(rec.Bytes) != rec.Leaf {
		c.bad = &Failure{rec.Index, "the record is not the one its leaf was made of"}
	}
	hashes, err := tlog.StoredHashesForRecordHash(c.size, rec.Leaf, c)
	if err != nil {
		return err
	}
	c.hashes, c.signatures = append(c.hashes, hashes...), append(c.signatures, rec.Signature)
	c.size++
	return nil
}

// ReadHashes implements tlog.HashReader over the hashes so far.
func (c *check) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		if n < 0 || n >= int64(len(c.hashes)) {
			return nil, fmt.Errorf("hash %d is not there", n)
		}
		out[i] = c.hashes[n]
	}
	return out, nil
}

func (c *check) head(text string) error {
	signed, err := note.Open([]byte(text), note.VerifierList(c.verifier))
	if err != nil {
		return refused(-1, "the signature of a checkpoint does not hold: %v", err)
	}
	h, err := parse(signed.Text, c.origin)
	if err != nil {
		return refused(-1, "a checkpoint cannot be read: %v", err)
	}
	if n := len(c.heads); n > 0 && h.size <= c.heads[n-1].size {
		return refused(-1, "the checkpoints are not in order")
	}
	c.heads = append(c.heads, h)
	return nil
}

func parse(text, origin string) (h head, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] != origin {
		return h, errors.New("not of this log")
	}
	if h.size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || h.size < 0 {
		return h, errors.New("no size")
	}
	h.root, err = tlog.ParseHash(lines[2])
	return h, err
}

// result is what was proven, or the first record that is not the one signed at its place, or what else is wrong.
func (c *check) result() (Result, error) {
	if len(c.heads) == 0 {
		return Result{}, refused(-1, "there is no checkpoint")
	}
	last := c.heads[len(c.heads)-1]
	wrong := c.wrong(last)
	if wrong == nil {
		return Result{Records: c.size, Root: last.root, Origin: c.origin, Checkpoints: len(c.heads), Unsigned: c.size - last.size}, nil
	}
	var grown Head
	for i := range c.size {
		if c.bad != nil && c.bad.Index == i {
			return Result{}, c.bad
		}
		grown.Add(c.hashes[tlog.StoredHashIndex(0, i)])
		if !c.verifier.Verify(prefixText(c.origin, i+1, grown.Root()), c.signatures[i]) {
			return Result{}, refused(i, "the record is not the one that was signed here")
		}
	}
	return Result{}, wrong
}

// wrong says what is wrong with the whole, nil if nothing is.
func (c *check) wrong(last head) error {
	if c.size < last.size {
		return refused(-1, "size %d below checkpoint %d: the last %d records are missing", c.size, last.size, last.size-c.size)
	}
	from := int64(0)
	for _, h := range c.heads {
		root, err := tlog.TreeHash(h.size, c)
		if err != nil {
			return err
		}
		if root != h.root {
			return refused(from, "the records from here to %d are not those the checkpoint of size %d was signed over", h.size-1, h.size)
		}
		from = h.size
	}
	switch {
	case c.bad != nil:
		return c.bad
	case c.end == nil:
		return refused(-1, "the last line is missing")
	case !c.verifier.Verify(endText(c.origin, c.size, c.digest.Sum(nil)), c.end):
		return refused(-1, "the records are good and the last line is not the signature of this export")
	}
	return nil
}
