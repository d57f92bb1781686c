// Package contract reads an OpenAPI document into operations and the scopes that open them. It never opens a file and
// never fetches anything.
package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/protobuf/proto"

	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

// Bounds of what is read.
const (
	MaxBytes      = 16 << 20
	MaxDepth      = 64
	MaxNodes      = 4_000_000
	MaxOperations = 3000
	// MaxRead bounds what is kept of a contract, so that it fits one message of the log.
	MaxRead = 512 << 10
)

// Contract is what the registry keeps of a document.
type Contract struct {
	Title, Version string
	// BasePath is the path of the first server, without a trailing slash.
	BasePath   string
	Operations []*registryv1.Operation
	Scopes     []*registryv1.Scope
	// Digest is the SHA-256 of the document, lower-case hexadecimal.
	Digest string
}

// Why a document is refused.
var (
	ErrTooLarge     = errors.New("the document is too large")
	ErrSyntax       = errors.New("the document is neither JSON nor YAML")
	ErrSwagger      = errors.New("the document is Swagger 2.0; convert it to OpenAPI 3")
	ErrVersion      = errors.New("the document is not OpenAPI 3.0 or 3.1")
	ErrDocument     = errors.New("the document does not follow OpenAPI")
	ErrReference    = errors.New("the document refers outside itself, and nothing is ever fetched")
	ErrNoOperations = errors.New("the document has no operations")
	ErrScope        = errors.New("the document names a scope that is not one exact name")
)

// Refusal says where in which file a document breaks which rule.
type Refusal struct {
	File string
	// Line counts from 1; 0 means that it is about the whole document.
	Line   int
	Rule   error
	Detail string
}

func (r *Refusal) Error() string {
	where := r.File
	if r.Line > 0 {
		where = fmt.Sprintf("%s:%d", r.File, r.Line)
	}
	return where + ": " + r.Reason()
}

// Reason is the rule and the detail, without the place.
func (r *Refusal) Reason() string {
	if r.Detail == "" {
		return r.Rule.Error()
	}
	return r.Rule.Error() + ": " + r.Detail
}

func (r *Refusal) Unwrap() error { return r.Rule }

// Read reads an OpenAPI 3.0 or 3.1 document in JSON or YAML; file only names it in a *Refusal, the one kind of error.
func Read(file string, document []byte) (c Contract, err error) {
	defer func() {
		// A document is hostile input to a large parser: whatever that trips over is the document's fault.
		if p := recover(); p != nil {
			c, err = Contract{}, &Refusal{File: file, Rule: ErrDocument}
		}
	}()
	r := reader{file: file, document: document}
	if len(document) > MaxBytes {
		return c, r.refuse(ErrTooLarge, 0, fmt.Sprintf("at most %d MiB are read", MaxBytes>>20))
	}
	if err := r.shape(); err != nil {
		return c, err
	}
	doc, err := r.load()
	if err != nil {
		return c, err
	}
	sum := sha256.Sum256(document)
	c = Contract{Title: cut(doc.Info.Title, 100), Version: doc.Info.Version, BasePath: basePath(doc), Digest: hex.EncodeToString(sum[:])}
	if c.Operations, c.Scopes, err = r.operations(doc); err != nil {
		return Contract{}, err
	}
	if proto.Size(&registryv1.VersionSubmitted{Operations: c.Operations, Scopes: c.Scopes}) > MaxRead {
		return Contract{}, r.refuse(ErrTooLarge, 0, fmt.Sprintf("its operations and scopes take more than %d KiB", MaxRead>>10))
	}
	return c, nil
}

type reader struct {
	file     string
	document []byte
}

func (r reader) refuse(rule error, line int, detail string) error {
	return &Refusal{File: r.file, Line: line, Rule: rule, Detail: cut(detail, 300)}
}

// load resolves references inside the document and refuses any other.
func (r reader) load() (*openapi3.T, error) {
	outside := errors.New("outside")
	loader := openapi3.NewLoader()
	var reference string
	loader.ReadFromURIFunc = func(_ *openapi3.Loader, location *url.URL) ([]byte, error) {
		reference = location.String()
		return nil, outside
	}
	doc, err := loader.LoadFromData(r.document)
	switch {
	case reference != "":
		return nil, r.refuse(ErrReference, r.line("$ref", tail(reference)), reference)
	case err != nil:
		detail, line := r.explain(err)
		return nil, r.refuse(ErrDocument, line, detail)
	case doc.Info == nil:
		return nil, r.refuse(ErrDocument, 0, "info is missing")
	}
	return doc, nil
}

// basePath is the path of the first server with its variables at their defaults; empty if there is none.
func basePath(doc *openapi3.T) string {
	path, err := doc.Servers.BasePath()
	path = strings.TrimRight(path, "/")
	if err != nil || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "{}?# ") || len(path) > 200 {
		return ""
	}
	return path
}

func cut(s string, n int) string {
	if r := []rune(strings.ToValidUTF8(s, "")); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return strings.ToValidUTF8(s, "")
}
