package carrier

import (
	"fmt"
	"os"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/services/audit/internal/feed"
)

// Issuer signs what the server accepts of subscribers' users.
type Issuer struct{ key nkeys.KeyPair }

// ReadIssuer reads the issuer's key from a file.
func ReadIssuer(path string) (Issuer, error) {
	seed, err := os.ReadFile(path)
	if err != nil {
		return Issuer{}, err
	}
	key, err := nkeys.FromSeed(seed)
	if err != nil {
		return Issuer{}, fmt.Errorf("%s holds no NATS key", path)
	}
	if public, err := key.PublicKey(); err != nil || !nkeys.IsValidPublicAccountKey(public) {
		return Issuer{}, fmt.Errorf("%s holds no NATS account key", path)
	}
	return Issuer{key}, nil
}

// NewUser makes a key pair for a subscriber: the public half, and the seed, which is shown once.
func NewUser() (public, seed string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", "", err
	}
	if public, err = pair.PublicKey(); err != nil {
		return "", "", err
	}
	raw, err := pair.Seed()
	return public, string(raw), err
}

// IsUserKey says whether text is the public key of a NATS user.
func IsUserKey(text string) bool { return nkeys.IsValidPublicUserKey(text) }

// InboxPrefix is the only place where a subscriber may listen.
func InboxPrefix(id string) string { return eventlog.InboxPrefix(Name(id)) }

// permissions are everything a subscriber's user may do.
func permissions(id string) jwt.Permissions {
	var p jwt.Permissions
	for _, name := range []string{Name(id), Replays(id)} {
		p.Pub.Allow.Add(APIPrefix+".CONSUMER.INFO."+feed.Stream+"."+name, APIPrefix+".CONSUMER.MSG.NEXT."+feed.Stream+"."+name,
			"$JS.ACK."+feed.Stream+"."+name+".>")
	}
	p.Sub.Allow.Add(InboxPrefix(id) + ".>")
	return p
}

// claims are those of a subscriber's user under a public key.
func claims(id, public string, expires time.Time) *jwt.UserClaims {
	c := jwt.NewUserClaims(public)
	c.Name = Name(id)
	c.Expires = expires.Unix()
	c.Permissions = permissions(id)
	c.Audience = eventlog.AccountReaders
	return c
}
