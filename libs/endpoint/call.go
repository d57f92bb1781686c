package endpoint

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
)

const (
	// PositionHeader carries a position of the log: in an answer what it includes, in a request what the caller was shown.
	PositionHeader = "Chancery-Position"
	// IdempotencyHeader names a command, so that sending it again does not do it again.
	IdempotencyHeader = "Idempotency-Key"
	// RequestIDHeader names a request.
	RequestIDHeader = "X-Request-Id"
)

// Call is what the guard knows of a request: who calls from where, and how the command is named.
type Call struct {
	Operation  string
	Permission string
	Principal  principal.Principal
	Received   time.Time

	RequestID string
	// Address is the caller's network address, as far as trusted proxies tell.
	Address   string
	UserAgent string
	// CorrelationID is the W3C trace id.
	CorrelationID string

	// CommandID is a UUID: of the caller, the operation and the Idempotency-Key if there is one, else random.
	CommandID string
	// Repeatable says that the caller sent an Idempotency-Key.
	Repeatable bool
	// Shown is the highest position the caller was shown: its token's and its Chancery-Position.
	Shown uint64

	position uint64
	shownErr error
	key      string
}

type callKey struct{}

// CallOf is the call of this context; the zero Call outside an operation.
func CallOf(ctx context.Context) Call {
	c, _ := ctx.Value(callKey{}).(Call)
	return c
}

// NewID is the id of something this call creates: a UUIDv7, or the same UUID each time the same Idempotency-Key is sent, so
// that a repeat meets what the first call created. A call that creates several things gives each another name.
func NewID(ctx context.Context, name string) string {
	c := CallOf(ctx)
	if !c.Repeatable {
		return newUUID()
	}
	return uuid.NewSHA1(uuid.MustParse(c.CommandID), []byte(name)).String()
}

func newUUID() string { return uuid.Must(uuid.NewV7()).String() }

// commandSpace is the namespace of command ids made of idempotency keys (RFC 9562 §5.5).
var commandSpace = uuid.MustParse("7d0f1d5e-9d0b-5a57-8f0b-6f3a8f4f2c11")

func (d *declared) newCall(ctx context.Context, r *http.Request) *Call {
	c := &Call{
		Operation: d.ID, Permission: d.permission.Name, Received: d.api.options.Clock(), RequestID: problem.RequestID(ctx),
		Address: d.api.address(r), UserAgent: bounded(r.UserAgent()),
	}
	if !isRead(r) {
		c.CommandID = newUUID()
		if keys := r.Header.Values(IdempotencyHeader); len(keys) > 0 {
			c.key = keys[0]
			if len(keys) > 1 || len(c.key) < 1 || len(c.key) > 128 || !printable(c.key) {
				c.shownErr = problem.InvalidField("header."+IdempotencyHeader, "format", "must be one value of 1 to 128 printable ASCII characters")
			}
		}
	}
	if positions := r.Header.Values(PositionHeader); len(positions) > 0 {
		n, err := strconv.ParseUint(positions[0], 10, 64)
		if err != nil || len(positions) > 1 {
			c.shownErr = problem.InvalidField("header."+PositionHeader, "format", "must be one position of the log")
		}
		c.position = n
	}
	c.Shown = c.position
	return c
}

func (c *Call) identify(p principal.Principal) {
	c.Principal = p
	c.Shown = max(c.Shown, p.Seen)
	if c.key != "" {
		c.CommandID = uuid.NewSHA1(commandSpace, []byte(string(p.Kind)+"\x00"+p.ID+"\x00"+c.Operation+"\x00"+c.key)).String()
		c.Repeatable = true
	}
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func formatPosition(n uint64) string { return strconv.FormatUint(n, 10) }

// bearer gives the one bearer token of a request, empty if there is none.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", problem.New(problem.Malformed, "authorization_repeated", "There is more than one Authorization header.")
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	return strings.TrimSpace(token), nil
}

// address is the last hop that no trusted proxy stands for: what is left of it in X-Forwarded-For anybody could have written.
func (a *API) address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(forwarded) - 1; i >= 0 && a.trusts(host); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(forwarded[i]))
		if err != nil {
			break
		}
		host = hop.Unmap().String()
	}
	return host
}

func (a *API) trusts(host string) bool {
	address, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	address = address.Unmap()
	for _, p := range a.options.TrustedProxies {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

func bounded(s string) string {
	if len(s) > maxPlain {
		s = s[:maxPlain]
	}
	return strings.ToValidUTF8(s, "?")
}
