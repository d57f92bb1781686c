package principal_test

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

func fact(t *testing.T, service string, private ed25519.PrivateKey, notAfter time.Time) *eventv1.SignerKeyPublished {
	t.Helper()
	jwk := jose.JSONWebKey{Key: private.Public()}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	encoded, err := jwk.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return &eventv1.SignerKeyPublished{Service: service, KeyId: jwk.KeyID, Jwk: encoded, NotAfter: timestamppb.New(notAfter)}
}
