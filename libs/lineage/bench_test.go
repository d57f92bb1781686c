package lineage_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/lineage"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	identityv1 "github.com/chancery-dev/chancery/proto/identity/v1"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
	registryv1 "github.com/chancery-dev/chancery/proto/registry/v1"
)

func uuid(kind string, n int) string {
	text := "000000000000" + strconv.FormatInt(int64(n), 16)
	return kind + "-0000-7000-8000-" + text[len(text)-12:]
}

const (
	kindOrg, kindApp, kindRequest, kindGrant, kindCredential = "00000001", "00000002", "00000003", "00000004", "00000005"
)

// fill applies n credentials, a thousand to a grant, a grant to an application, ten applications to an organisation.
func fill(t testing.TB, n int) told {
	f := tell(t)
	until := timestamppb.New(start.Add(time.Hour))
	for i := range n {
		a := i / 1000
		org, app, request, grant := uuid(kindOrg, a/10), uuid(kindApp, a), uuid(kindRequest, a), uuid(kindGrant, a)
		if i%10_000 == 0 {
			f.that("organization", org, 0, &identityv1.OrganizationRegistered{})
		}
		if i%1000 == 0 {
			f.that("application", app, f.Position(), &registryv1.ApplicationRegistered{OrganizationId: org})
			f.that("request", request, f.Position(), &approvalv1.RequestSubmitted{ApplicationId: app, OrganizationId: org})
			f.that("grant", grant, f.Position(), &approvalv1.GrantActivated{RequestId: request, ApplicationId: app, OrganizationId: org, Until: until})
		}
		f.that("credential", uuid(kindCredential, i), f.Position(), &issuancev1.CredentialIssued{
			GrantId: grant, RequestId: request, ApplicationId: app, OrganizationId: org, Generation: 1, ExpiresAt: until})
	}
	return f
}

func TestAMillionCredentialsFit(t *testing.T) { // P12
	const n = 200_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f := fill(t, n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%.0f bytes a live credential", each)
	if each > 160 {
		t.Errorf("%.0f bytes a live credential, at most 160", each)
	}
	if err := f.Live(lineage.Part("generation", uuid(kindCredential, n-1), 1), start); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkLiveByHandle(b *testing.B) {
	f := fill(b, 100_000)
	nodes := make([]lineage.Node, 1024)
	for i := range nodes {
		nodes[i], _ = f.Find(lineage.Part("generation", uuid(kindCredential, i*97), 1))
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if err := f.LiveNode(nodes[i%1024], start); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkLiveByName(b *testing.B) {
	f := fill(b, 100_000)
	r := lineage.Part("generation", uuid(kindCredential, 4711), 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Live(r, start); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	f := fill(b, 1000)
	until := timestamppb.New(start.Add(time.Hour))
	e := &eventv1.Envelope{Subject: &eventv1.Subject{Kind: "credential"}}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e.Subject.Id = uuid(kindCredential, 1_000_000+i)
		if err := f.Apply(f.Position()+1, start, e, []proto.Message{&issuancev1.CredentialIssued{GrantId: uuid(kindGrant, 0),
			RequestId: uuid(kindRequest, 0), ApplicationId: uuid(kindApp, 0), OrganizationId: uuid(kindOrg, 0), Generation: 1, ExpiresAt: until}}); err != nil {
			b.Fatal(err)
		}
	}
}
