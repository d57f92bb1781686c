package operator

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/chancery-dev/chancery/libs/eventlog"
)

// Config is the part of a NATS server's configuration that says whom it trusts, as text. Accounts are kept below dir,
// which the servers of a cluster do not share.
func (o *Operator) Config(dir string) (string, error) {
	public, err := o.key.PublicKey()
	if err != nil {
		return "", err
	}
	claims := jwt.NewOperatorClaims(public)
	claims.Name = "chancery"
	if claims.SystemAccount, err = o.accounts[eventlog.AccountSystem].PublicKey(); err != nil {
		return "", err
	}
	token, err := encode(claims, o.key)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "operator: %s\nsystem_account: %s\nresolver: {type: full, dir: %q, allow_delete: false, interval: \"2m\"}\nresolver_preload: {\n", token, claims.SystemAccount, dir)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range o.access.Accounts {
		public, token, err := o.account(a.Name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "  %s: %s\n", public, token)
	}
	b.WriteString("}\n")
	return b.String(), nil
}

// account is the public key of an account and its signed claims. The lock must be held.
func (o *Operator) account(name string) (public, token string, err error) {
	if public, err = o.accounts[name].PublicKey(); err != nil {
		return "", "", err
	}
	claims := jwt.NewAccountClaims(public)
	claims.Name = name
	for _, a := range o.access.Accounts {
		if a.Name != name {
			continue
		}
		if a.Streams {
			claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1, MaxAckPending: -1}
		}
		for _, i := range a.Imports {
			from, err := o.accounts[i.From].PublicKey()
			if err != nil {
				return "", "", err
			}
			claims.Imports.Add(&jwt.Import{Name: i.As, Account: from, Subject: jwt.Subject(i.Subject), LocalSubject: local(i), Type: jwt.Service})
		}
	}
	exports := o.access.Exports(name)
	for export := range exports {
		if covered(export, exports) {
			continue
		}
		e := &jwt.Export{Name: export.Subject, Subject: jwt.Subject(export.Subject), Type: jwt.Service, ResponseType: jwt.ResponseTypeSingleton}
		if export.Many {
			e.ResponseType = jwt.ResponseTypeStream
		}
		claims.Exports.Add(e)
	}
	// Tokens of the same content are the same text.
	sort.Sort(claims.Exports)
	for key, before := range o.revoked[name] {
		claims.RevokeAt(key, before)
	}
	token, err = encode(claims, o.key)
	return public, token, err
}

// covered says whether another export lends an export's subject already: of two that overlap, tokens may name one alone.
// That it is lent to more by its name does no harm, since the operator alone says what an account imports.
func covered(export eventlog.Import, all map[eventlog.Import][]string) bool {
	for other := range all {
		if other.Subject != export.Subject && other.Many == export.Many && jwt.Subject(export.Subject).IsContainedIn(jwt.Subject(other.Subject)) {
			return true
		}
	}
	return false
}

// local is an import's name here in the form of a token: its wildcards refer to those of the subject there.
func local(i eventlog.Import) jwt.RenamingSubject {
	words, n := strings.Split(i.As, "."), 0
	for at, w := range words {
		if w == "*" {
			n++
			words[at] = "$" + strconv.Itoa(n)
		}
	}
	return jwt.RenamingSubject(strings.Join(words, "."))
}

type claims interface {
	jwt.Claims
	Validate(*jwt.ValidationResults)
}

func encode(c claims, by nkeys.KeyPair) (string, error) {
	var results jwt.ValidationResults
	c.Validate(&results)
	if errs := results.Errors(); len(errs) > 0 {
		return "", fmt.Errorf("NATS claims of %s: %w", c.Claims().Name, errs[0])
	}
	return c.Encode(by)
}
