// Package snapshot keeps an authorizer's state in one signed file: whole, of one position of one log, or not at all.
package snapshot

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// ErrRefused says why a file is not used; the log has everything that is in it.
var ErrRefused = errors.New("the snapshot is not used")

// magic begins every file; its last byte is the version of the form.
const magic = "chancery-authorizer\x01"

const maxHeader = 64 << 10

// Header says what a snapshot is of.
type Header struct {
	// Program is the version that wrote it, Schema the digest of the contract it was folded by.
	Program string `json:"program"`
	Schema  string `json:"schema"`
	// Authorizer is whose it is.
	Authorizer string `json:"authorizer"`
	// Stream is when the log was created, Position the last message folded and Last the SHA-256 of it.
	Stream   time.Time `json:"stream"`
	Position uint64    `json:"position"`
	Last     string    `json:"last"`
	Written  time.Time `json:"written"`
}

// Key is the key of a snapshot's seal, made of a secret that others use for something else.
func Key(secret []byte) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("chancery authorizer snapshot"))
	return m.Sum(nil)
}

// Write puts a file in place of the one before, at once and whole; what was there stays when it fails.
func Write(path string, key []byte, h Header, body func(io.Writer) error) (err error) {
	header, err := json.Marshal(h)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".snapshot-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(file.Name()))
		}
	}()
	mac := hmac.New(sha256.New, key)
	out := bufio.NewWriterSize(io.MultiWriter(file, mac), 1<<20)
	_, _ = out.WriteString(magic)
	_, _ = out.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(header))))
	_, _ = out.Write(header)
	if err := body(out); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if _, err := file.Write(mac.Sum(nil)); err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Read gives the body of a file to body once the header is accepted. Only when it returns nil was every byte sealed under
// the key; until then what body made must not be used. body's reader is an io.ByteReader.
func Read(path string, key []byte, accept func(Header) error, body func(io.Reader) error) (Header, error) {
	file, err := os.Open(path)
	if err != nil {
		return Header{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Header{}, err
	}
	return read(file, info.Size(), key, accept, body)
}

func read(file io.Reader, size int64, key []byte, accept func(Header) error, body func(io.Reader) error) (h Header, err error) {
	if size < int64(len(magic)+4+sha256.Size) {
		return h, fmt.Errorf("%w: it is too short", ErrRefused)
	}
	mac := hmac.New(sha256.New, key)
	in := bufio.NewReaderSize(sealed{io.LimitReader(file, size-sha256.Size), mac}, 64<<10)
	start := make([]byte, len(magic)+4)
	if _, err := io.ReadFull(in, start); err != nil || !bytes.Equal(start[:len(magic)], []byte(magic)) {
		return h, fmt.Errorf("%w: it is of another form", ErrRefused)
	}
	length := binary.LittleEndian.Uint32(start[len(magic):])
	if length > maxHeader {
		return h, fmt.Errorf("%w: its header is too long", ErrRefused)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(in, header); err != nil {
		return h, fmt.Errorf("%w: its header is cut off", ErrRefused)
	}
	if err := json.Unmarshal(header, &h); err != nil {
		return h, fmt.Errorf("%w: its header: %w", ErrRefused, err)
	}
	if err := accept(h); err != nil {
		return h, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err := body(in); err != nil {
		return h, fmt.Errorf("%w: it is damaged: %w", ErrRefused, err)
	}
	if n, err := io.Copy(io.Discard, in); err != nil || n != 0 {
		return h, fmt.Errorf("%w: %d bytes are left over", ErrRefused, n)
	}
	sum := make([]byte, sha256.Size)
	if _, err := io.ReadFull(file, sum); err != nil || !hmac.Equal(sum, mac.Sum(nil)) {
		return h, fmt.Errorf("%w: its seal does not hold", ErrRefused)
	}
	return h, nil
}

// sealed hashes what is read.
type sealed struct {
	io.Reader
	hash hash.Hash
}

func (s sealed) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.hash.Write(p[:n])
	return n, err
}

// Schema is the digest of every file of the contract that this program knows: what a fact means is in its options.
func Schema() (string, error) {
	var files [][]byte
	var err error
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		d := protodesc.ToFileDescriptorProto(f)
		if !strings.Contains(d.GetOptions().GetGoPackage(), "chancery/proto/") {
			return true
		}
		var raw []byte
		if raw, err = (proto.MarshalOptions{Deterministic: true}).Marshal(d); err != nil {
			return false
		}
		files = append(files, raw)
		return true
	})
	slices.SortFunc(files, bytes.Compare)
	sum := sha256.New()
	for _, raw := range files {
		_ = binary.Write(sum, binary.LittleEndian, uint64(len(raw)))
		sum.Write(raw)
	}
	return hex.EncodeToString(sum.Sum(nil)), err
}
