package proof

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// ErrChallenge says that a challenge was not given out here, to this caller, or that its time is over.
var ErrChallenge = errors.New("the challenge is not one given to this organisation, or older than ten minutes")

// ChallengeLife is how long a challenge may be answered.
const ChallengeLife = 10 * time.Minute

// Challenges gives out challenges and knows them again without keeping any: every instance with the same pepper does. An
// answer may come twice; that a key is registered once is the claim's matter.
type Challenges struct{ key []byte }

// NewChallenges derives its key from the pepper.
func NewChallenges(pepper []byte) *Challenges {
	key, err := hkdf.Key(sha256.New, pepper, nil, "chancery key proof challenge", 32)
	if err != nil {
		panic(err)
	}
	return &Challenges{key}
}

// New is a challenge for an organisation, and when it is over.
func (c *Challenges) New(organization string, now time.Time) (string, time.Time) {
	until := now.Add(ChallengeLife).Truncate(time.Second)
	return base64.RawURLEncoding.EncodeToString(c.seal(organization, until.Unix())), until
}

// Check says whether a challenge is this organisation's and still good.
func (c *Challenges) Check(challenge, organization string, now time.Time) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	if err != nil || len(raw) != 8+sha256.Size {
		return ErrChallenge
	}
	until := int64(binary.BigEndian.Uint64(raw))
	if !hmac.Equal(raw, c.seal(organization, until)) || !now.Before(time.Unix(until, 0)) {
		return ErrChallenge
	}
	return nil
}

func (c *Challenges) seal(organization string, until int64) []byte {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(until))
	mac := hmac.New(sha256.New, c.key)
	mac.Write(stamp)
	mac.Write([]byte(organization))
	return mac.Sum(stamp)
}
