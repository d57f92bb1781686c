package eventlog

import (
	"slices"
	"strings"
)

// Accounts of the server. A stream's account holds the stream and whoever provisions it, and every service has an
// account of its own that imports single subjects. Permissions inside one account would not do: the server publishes
// an answer to whatever reply subject a request names, with its own authority, so that whoever may read a stream could
// write the answer into any other subject of that account, the one that deletes the stream included.
const (
	AccountLog     = "LOG"     // EVENTS, ACTIVITY, the vaults, BLOBS, PULSE
	AccountAudit   = "AUDIT"   // AUDIT_<n>
	AccountFeed    = "FEED"    // LIFECYCLE
	AccountReaders = "READERS" // the feed's subscribers
	AccountSystem  = "SYS"
)

// Where the stream interface of another account is found in one's own.
const (
	APILog   = "LOG.API"
	APIAudit = "AUDIT.API"
	APIFeed  = "FEED.API"

	apiOwn = "$JS.API"
)

// Access is who reaches what on the server.
type Access struct {
	Accounts []Account
	Users    []User
	// Door is nil where nobody enters but Users.
	Door *Door
}

// Account is one account: what it takes from others, and whether it holds streams.
type Account struct {
	Name    string
	Streams bool
	Imports []Import
}

// Import lets an account reach one subject of another; the other exports it to those accounts alone.
type Import struct {
	From string
	// Subject is what it is called there, As what it is called here.
	Subject, As string
	// Many says that one request may have several answers.
	Many bool
}

// User is one user and the only subjects it may publish and subscribe to; nil means any of its account.
type User struct {
	Name, Account      string
	Publish, Subscribe []string
}

// InboxPrefix is the only place where a service's user may listen for answers.
func InboxPrefix(service string) string { return "_INBOX_" + service }

// AccountOf is the account of a service.
func AccountOf(service string) string { return "SERVICE_" + strings.ToUpper(service) }

// Users of each account that makes its streams.
const (
	UserProvision      = "provision"
	UserProvisionAudit = "provision_audit"
	UserProvisionFeed  = "provision_feed"
	UserSystem         = "system"
)

// AccessFor is the access of a suite of these services. The one called audit also writes the records and the feed, and
// reads the keys of people's values that the others keep.
func AccessFor(services ...string) Access {
	a := Access{
		Accounts: []Account{{Name: AccountLog, Streams: true}, {Name: AccountAudit, Streams: true}, {Name: AccountFeed, Streams: true},
			{Name: AccountReaders, Imports: readerImports()}, {Name: AccountSystem}},
		Users: []User{{Name: UserProvision, Account: AccountLog}, {Name: UserProvisionAudit, Account: AccountAudit},
			{Name: UserProvisionFeed, Account: AccountFeed}, {Name: UserSystem, Account: AccountSystem}},
	}
	for _, s := range services {
		imports := logImports(s)
		if s == "audit" {
			for _, other := range services {
				if other != s {
					imports = append(imports, keyImports(other)...)
				}
			}
			imports = append(imports, auditImports()...)
			imports = append(imports, feedImports()...)
			imports = append(imports, doorImports()...)
		}
		a.Accounts = append(a.Accounts, Account{Name: AccountOf(s), Imports: imports})
		// Whether the account has streams of its own is how a client finds out where the interface is.
		publish := []string{apiOwn + ".INFO"}
		for _, i := range imports {
			publish = append(publish, i.As)
		}
		subscribe := []string{InboxPrefix(s) + ".>"}
		if s == "audit" {
			a.Door = &Door{User: s, Account: AccountOf(s), For: AccountReaders}
			publish, subscribe = append(publish, "$SYS._INBOX.>"), append(subscribe, "$SYS.REQ.USER.AUTH")
		}
		a.Users = append(a.Users, User{s, AccountOf(s), publish, subscribe})
	}
	return a
}

// KeyDoor names, among the keys of users, the account key that signs what the door answers.
const KeyDoor = "door"

// Door lets a user say who those are that the server does not know; they are put into one account.
type Door struct{ User, Account, For string }

// Exports are the subjects an account lends to others, each with those it is lent to.
func (a Access) Exports(account string) map[Import][]string {
	out := map[Import][]string{}
	for _, other := range a.Accounts {
		for _, i := range other.Imports {
			if i.From == account {
				key := Import{From: account, Subject: i.Subject, Many: i.Many}
				out[key] = append(out[key], other.Name)
				slices.Sort(out[key])
			}
		}
	}
	return out
}

// logImports are what a service does with the log: write what is its own, read what is everybody's, keep its secrets.
func logImports(s string) []Import {
	vault := vaultName(s)
	out := same(AccountLog, "events."+s+".>", "activity."+s+".>", "blobs."+s+".>", "pulse."+s+".>", "vault."+s+".>")
	out = append(out, api(AccountLog, APILog,
		"STREAM.INFO.EVENTS", "STREAM.INFO.ACTIVITY", "STREAM.INFO.BLOBS", "STREAM.INFO.PULSE",
		"STREAM.MSG.GET.EVENTS", "DIRECT.GET.EVENTS", "DIRECT.GET.EVENTS.>",
		"STREAM.MSG.GET.BLOBS", "DIRECT.GET.BLOBS.blobs.>",
		"STREAM.INFO."+vault, "STREAM.MSG.GET."+vault, "STREAM.MSG.DELETE."+vault, "DIRECT.GET."+vault+".vault."+s+".>")...)
	for _, stream := range []string{streamEvents, streamActivity, streamPulse} {
		out = append(out, readers(AccountLog, APILog, stream)...)
	}
	return out
}

// readers are what an own nameless consumer needs; nothing names or lists those of others.
func readers(account, prefix, stream string) []Import {
	return append(api(account, prefix, "CONSUMER.CREATE."+stream+".*", "CONSUMER.DELETE."+stream+".*"),
		many(account, prefix, "CONSUMER.MSG.NEXT."+stream+".*"))
}

// keyImports are the keys under which a service sealed people's values, by name alone.
func keyImports(s string) []Import {
	var out []Import
	for _, p := range personals {
		out = append(out, api(AccountLog, APILog, "DIRECT.GET."+vaultName(s)+".vault."+s+"."+keyKind(p)+".*")...)
	}
	return out
}

func auditImports() []Import {
	out := same(AccountAudit, "audit.*")
	out = append(out, api(AccountAudit, APIAudit, "STREAM.INFO.*", "STREAM.MSG.GET.*", "DIRECT.GET.>")...)
	return append(out, readers(AccountAudit, APIAudit, "*")...)
}

func feedImports() []Import {
	out := same(AccountFeed, "lifecycle.>")
	out = append(out, api(AccountFeed, APIFeed, "STREAM.INFO."+streamLifecycle, "STREAM.MSG.GET."+streamLifecycle,
		"CONSUMER.CREATE."+streamLifecycle+".>", "CONSUMER.INFO."+streamLifecycle+".*", "CONSUMER.DELETE."+streamLifecycle+".*",
		"CONSUMER.LIST."+streamLifecycle)...)
	return append(out, many(AccountFeed, APIFeed, "CONSUMER.MSG.NEXT."+streamLifecycle+".*"))
}

// doorImports are what closing a subscriber's connection needs.
func doorImports() []Import { return same(AccountSystem, "$SYS.REQ.SERVER.*.KICK") }

// readerImports are what every subscriber's user is given a part of.
func readerImports() []Import {
	out := append(same(AccountFeed, "$JS.ACK."+streamLifecycle+".>"), api(AccountFeed, APIFeed, "CONSUMER.INFO."+streamLifecycle+".*")...)
	return append(out, many(AccountFeed, APIFeed, "CONSUMER.MSG.NEXT."+streamLifecycle+".*"))
}

func same(account string, subjects ...string) []Import {
	var out []Import
	for _, s := range subjects {
		out = append(out, Import{account, s, s, false})
	}
	return out
}

func api(account, prefix string, calls ...string) []Import {
	var out []Import
	for _, c := range calls {
		out = append(out, Import{account, apiOwn + "." + c, prefix + "." + c, false})
	}
	return out
}

func many(account, prefix, call string) Import {
	return Import{account, apiOwn + "." + call, prefix + "." + call, true}
}
