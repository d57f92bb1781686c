package eventlog

import (
	"fmt"
	"slices"
	"strings"
)

// Config is the accounts part of the configuration of a NATS server, as text; keys are the users' public keys by name.
func (a Access) Config(keys map[string]string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "system_account: %s\n", AccountSystem)
	if d := a.Door; d != nil {
		if keys[KeyDoor] == "" || keys[d.User] == "" {
			return "", fmt.Errorf("NATS key %q or %q is missing", KeyDoor, d.User)
		}
		fmt.Fprintf(&b, "authorization {\n  timeout: 5\n  auth_callout {issuer: %s, account: %s, auth_users: [%s], allowed_accounts: [%s]}\n}\n",
			keys[KeyDoor], d.Account, keys[d.User], d.For)
	}
	b.WriteString("accounts {\n")
	for _, account := range a.Accounts {
		fmt.Fprintf(&b, "  %s {\n", account.Name)
		if account.Streams {
			b.WriteString("    jetstream: enabled\n")
		}
		b.WriteString("    users: [\n")
		for _, u := range a.Users {
			if u.Account != account.Name {
				continue
			}
			key, ok := keys[u.Name]
			if !ok {
				return "", fmt.Errorf("NATS user %q has no key", u.Name)
			}
			fmt.Fprintf(&b, "      {nkey: %s%s}\n", key, permitted(u))
		}
		b.WriteString("    ]\n    exports: [\n")
		for _, line := range a.exportLines(account.Name) {
			b.WriteString(line)
		}
		b.WriteString("    ]\n    imports: [\n")
		for _, i := range account.Imports {
			fmt.Fprintf(&b, "      {service: {account: %s, subject: %q}, to: %q}\n", i.From, i.Subject, i.As)
		}
		b.WriteString("    ]\n  }\n")
	}
	b.WriteString("}\n")
	return b.String(), nil
}

func permitted(u User) string {
	if u.Publish == nil && u.Subscribe == nil {
		return ""
	}
	return fmt.Sprintf(", permissions: {publish: {allow: %s}, subscribe: {allow: %s}}", quoted(u.Publish), quoted(u.Subscribe))
}

func quoted(subjects []string) string {
	out := make([]string, len(subjects))
	for i, s := range subjects {
		out[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func (a Access) exportLines(account string) []string {
	var out []string
	for export, borrowers := range a.Exports(account) {
		answers := ""
		if export.Many {
			answers = ", response_type: stream"
		}
		out = append(out, fmt.Sprintf("      {service: %q%s, accounts: [%s]}\n", export.Subject, answers, strings.Join(borrowers, ", ")))
	}
	slices.Sort(out)
	return out
}
