package devidp

// Second factors a person may have.
const (
	FactorCode = "code" // a six-digit code
	FactorKey  = "key"  // a security key, one click
	FactorNone = "none"
)

// Organization is one issuer: its people and the one client that may ask about them.
type Organization struct {
	Slug         string // the issuer's path
	Name         string
	ClientID     string
	ClientSecret string // empty for a public client
	RedirectURIs []string
	People       []Person
}

// Person is somebody who can sign in at one issuer.
type Person struct {
	Name   string
	Email  string // lower case
	Groups []string
	Factor string
}
