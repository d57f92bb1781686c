package request

import (
	"encoding/json"
	"testing"

	"github.com/gowebpki/jcs"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// L7: the bytes a review binds to are RFC 8785's, by a canonicaliser that shares no code with ours.
func TestTheContentIsCanonicalJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`["\\/<>& \x00-\x1f\x{7f}-\x{ff}\x{2028}\x{2029}\x{1f600}]{0,8}`))
		c := &approvalv1.Content{
			ApplicationId: text.Draw(t, "application"), OrganizationId: text.Draw(t, "organization"), ProductId: text.Draw(t, "product"),
			Scopes: rapid.SliceOfN(text, 0, 4).Draw(t, "scopes"), Environment: text.Draw(t, "environment"),
			DurationSeconds: rapid.Uint64Range(0, 1<<53-1).Draw(t, "duration"), Class: text.Draw(t, "class"),
		}
		scopes := c.Scopes
		if scopes == nil {
			scopes = []string{}
		}
		plain, err := json.Marshal(map[string]any{
			"scopes": scopes, "application_id": c.ApplicationId, "product_id": c.ProductId, "class": c.Class,
			"organization_id": c.OrganizationId, "environment": c.Environment, "duration_seconds": c.DurationSeconds,
		})
		if err != nil {
			t.Fatal(err)
		}
		want, err := jcs.Transform(plain)
		if err != nil {
			t.Fatal(err)
		}
		if got := Canonical(c); string(got) != string(want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

// L7: the digest of one content, so that it never changes for contents that are already bound.
func TestTheDigestOfAContentStays(t *testing.T) {
	const want = "c2927289df32af17c3be5ee55954d965d43117b39485cc27a120f8d3c70aaa45"
	if got := Digest(content); got != want {
		t.Fatalf("%s of %s", got, Canonical(content))
	}
}

// L7: any change of the content is another digest.
func TestEveryFieldOfTheContentIsBound(t *testing.T) {
	fields := content.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		c := proto.Clone(content).(*approvalv1.Content)
		c.ProtoReflect().Clear(fields.Get(i))
		if Digest(c) == Digest(content) {
			t.Errorf("%s is not bound", fields.Get(i).Name())
		}
	}
}
