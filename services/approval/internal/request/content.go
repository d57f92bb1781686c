package request

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// Digest is the SHA-256 of the content's canonical JSON, in lower-case hexadecimal.
func Digest(c *approvalv1.Content) string {
	sum := sha256.Sum256(Canonical(c))
	return hex.EncodeToString(sum[:])
}

// Canonical is the content as canonical JSON (RFC 8785): members sorted by name, no blanks, the shortest escapes.
func Canonical(c *approvalv1.Content) []byte {
	var b strings.Builder
	b.WriteString(`{"application_id":`)
	quote(&b, c.ApplicationId)
	b.WriteString(`,"class":`)
	quote(&b, c.Class)
	b.WriteString(`,"duration_seconds":` + strconv.FormatUint(c.DurationSeconds, 10))
	b.WriteString(`,"environment":`)
	quote(&b, c.Environment)
	b.WriteString(`,"organization_id":`)
	quote(&b, c.OrganizationId)
	b.WriteString(`,"product_id":`)
	quote(&b, c.ProductId)
	b.WriteString(`,"scopes":[`)
	for i, scope := range c.Scopes {
		if i > 0 {
			b.WriteByte(',')
		}
		quote(&b, scope)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

// quote writes a JSON string as RFC 8785 §3.2.2.2 has it.
func quote(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\b':
			b.WriteString(`\b`)
		case '\t':
			b.WriteString(`\t`)
		case '\n':
			b.WriteString(`\n`)
		case '\f':
			b.WriteString(`\f`)
		case '\r':
			b.WriteString(`\r`)
		default:
			if r < 0x20 {
				fmt.Fprintf(b, `\u%04x`, r)
				continue
			}
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
