package accesstoken_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/chancery-dev/chancery/libs/accesstoken"
)

func BenchmarkVerify(b *testing.B) {
	public, private, _ := ed25519.GenerateKey(nil)
	signer, _ := accesstoken.NewSigner("k1", private)
	c := claims()
	c.Application, c.Organization, c.Product, c.Environment = "00000000-0000-7000-8000-000000000000", "00000000-0000-7000-8000-000000000000", "00000000-0000-7000-8000-000000000000", "sandbox"
	good, _ := signer.Sign(c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := accesstoken.Verify(good, accesstoken.Expect{Issuer: "https://i.example", Audience: "https://api.example", Now: now,
			Key: func(string) (ed25519.PublicKey, bool) { return public, true }}); err != nil {
			b.Fatal(err)
		}
	}
}
