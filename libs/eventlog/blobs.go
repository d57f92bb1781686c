package eventlog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNoBlob says that nothing is kept under a digest.
var ErrNoBlob = errors.New("no such blob")

const (
	pieceSize = 512 << 10
	// BlobLimit is the size of the largest blob in bytes.
	BlobLimit = 32 << 20
)

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Blobs keeps contents under their SHA-256, for ever: written once by the service whose they are, replaced and deleted
// by nobody, read by all.
type Blobs struct {
	server  *server
	service string
}

// OpenBlobs refuses a stream with other settings than the provisioned ones.
func OpenBlobs(ctx context.Context, nc *nats.Conn, service string) (*Blobs, error) {
	if !token.MatchString(service) {
		return nil, fmt.Errorf("service name %q is not one subject token", service)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, err := reach(ctx, nc)
	if err != nil {
		return nil, err
	}
	return &Blobs{s, service}, s.checkDrift(ctx, BlobsStream(0))
}

// Of is what another service keeps, for reading.
func (b *Blobs) Of(service string) *Blobs { return &Blobs{b.server, service} }

// Put keeps content and answers its digest in hexadecimal once it is durable. Putting the same again changes nothing.
func (b *Blobs) Put(ctx context.Context, content []byte) (string, error) {
	if len(content) > BlobLimit {
		return "", fmt.Errorf("%w: a blob of %d bytes, at most %d", ErrTooLarge, len(content), BlobLimit)
	}
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	// The first piece last: where it is, the others are. The piece that is not full ends the blob.
	for i := len(content) / pieceSize; i >= 0; i-- {
		piece := content[i*pieceSize : min((i+1)*pieceSize, len(content))]
		if err := b.putPiece(ctx, digest, i, piece); err != nil {
			return "", err
		}
	}
	return digest, nil
}

func (b *Blobs) putPiece(ctx context.Context, digest string, i int, piece []byte) error {
	subject := b.piece(digest, i)
	_, err := b.server.publish(ctx, &nats.Msg{Subject: subject, Data: piece, Header: nats.Header{
		jetstream.MsgIDHeader:               {subject},
		jetstream.ExpectedStreamHeader:      {streamBlobs},
		jetstream.ExpectedLastSubjSeqHeader: {"0"},
	}}, func(context.Context) (uint64, error) { return 0, nil })
	if errors.Is(err, errStale) {
		// It is there already.
		return nil
	}
	return err
}

func (b *Blobs) piece(digest string, i int) string {
	return "blobs." + b.service + "." + digest + "." + strconv.Itoa(i)
}

// Get is the content under a digest, checked against it.
func (b *Blobs) Get(ctx context.Context, digest string) ([]byte, error) {
	if !digestForm.MatchString(digest) {
		return nil, fmt.Errorf("%w: %q is not a SHA-256 in lower-case hexadecimal", ErrNoBlob, digest)
	}
	var content []byte
	for i := 0; ; i++ {
		m, err := b.server.direct(ctx, streamBlobs, b.piece(digest, i), 0)
		if errors.Is(err, errNoMessage) {
			m, err = b.server.fromLeader(ctx, streamBlobs, b.piece(digest, i), 0)
		}
		if errors.Is(err, errNoMessage) {
			return nil, fmt.Errorf("%w: %s", ErrNoBlob, digest)
		}
		if err != nil {
			return nil, err
		}
		content = append(content, m.body...)
		if len(m.body) < pieceSize {
			break
		}
		if len(content) > BlobLimit {
			return nil, fmt.Errorf("%w: blob %s has no end", ErrCorrupt, digest)
		}
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != digest {
		return nil, fmt.Errorf("%w: blob %s has other content", ErrCorrupt, digest)
	}
	return content, nil
}
