package contract

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Rollout is the part of the organisations to which an operation is open.
type Rollout struct {
	Percent uint32
	// Organizations are those to which it is open besides.
	Organizations []string
}

// Open says whether the operation is open to an organisation. Its place among all of them is the same for every version of a
// product, and other than its place for another operation.
func (o *Operation) Open(organization string) bool {
	r := o.Rollout
	if r == nil || r.Percent >= 100 || slices.Contains(r.Organizations, organization) {
		return true
	}
	return place(o.ProductID, o.ID, organization) < r.Percent
}

// place is from 0 to 99.
func place(product, operation, organization string) uint32 {
	b := make([]byte, 0, 160)
	for _, s := range [...]string{product, operation, organization} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	sum := sha256.Sum256(b)
	return uint32(binary.BigEndian.Uint64(sum[:8]) % 100)
}
