package killtree_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/chancery-dev/chancery/proto/approval/v1"
	_ "github.com/chancery-dev/chancery/proto/audit/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	_ "github.com/chancery-dev/chancery/proto/identity/v1"
	_ "github.com/chancery-dev/chancery/proto/issuance/v1"
	_ "github.com/chancery-dev/chancery/proto/registry/v1"
)

// secrets are the fields by which a fact tells of something that opens a door.
var secrets = []protoreflect.Name{"fingerprint", "jwk", "nkey", "user_nkey", "secret_id", "key", "certificate_sha256", "private_id", "verifier"}

// roots descend from nothing: an organisation is where descent begins, and keys of the platform are its own.
var roots = []string{"organization", "signing_key", "certificate_authority"}

// bears says of one file, which is one aggregate, whether it tells of a secret, what it creates, and what is declared of it.
func bears(fd protoreflect.FileDescriptor) (secret bool, kinds []string, descends, due bool) {
	for i := range fd.Messages().Len() {
		md := fd.Messages().Get(i)
		births, _ := proto.GetExtension(md.Options(), eventv1.E_Creates).([]*eventv1.Birth)
		for _, b := range births {
			kinds = append(kinds, b.Kind)
		}
		for j := range md.Fields().Len() {
			f := md.Fields().Get(j)
			if slices.Contains(secrets, f.Name()) && (f.Kind() == protoreflect.BytesKind || f.Kind() == protoreflect.StringKind || f.Kind() == protoreflect.MessageKind) {
				secret = true
			}
			if kind, _ := proto.GetExtension(f.Options(), eventv1.E_DescendsFrom).(string); kind != "" && len(births) > 0 {
				descends = true
			}
			if kind, _ := proto.GetExtension(f.Options(), eventv1.E_Due).(string); slices.Contains(kinds, kind) {
				due = true
			}
		}
	}
	return secret, kinds, descends, due
}

func TestWhatBearsSecretsDeclaresItsParentAndItsEnd(t *testing.T) { // L3, L9
	seen := 0
	protoregistry.GlobalFiles.RangeFiles(func(fd protoreflect.FileDescriptor) bool {
		switch fd.Package() {
		case "identity.v1", "registry.v1", "approval.v1", "issuance.v1", "audit.v1":
		default:
			return true
		}
		secret, kinds, descends, due := bears(fd)
		if !secret {
			return true
		}
		seen++
		if len(kinds) == 0 {
			t.Errorf("%s tells of a secret and creates nothing that could end", fd.Path())
		} else if root := slices.ContainsFunc(kinds, func(k string) bool { return slices.Contains(roots, k) }); !root && !descends {
			t.Errorf("%s creates %v, which bear secrets and descend from nothing", fd.Path(), kinds)
		}
		if !due {
			t.Errorf("%s creates %v, which bear secrets and have no end", fd.Path(), kinds)
		}
		return true
	})
	if seen < 5 {
		t.Fatalf("%d aggregates bear secrets: the check says nothing", seen)
	}
}
