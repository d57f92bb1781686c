package gateway_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sethvargo/go-envconfig"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/secret"
	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/libs/service/servicetest"
	"github.com/chancery-dev/chancery/libs/upstream"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/gateway"
	"github.com/chancery-dev/chancery/services/gateway/internal/worldtest"
)

type running struct {
	*worldtest.World
	suite *servicetest.Suite
	at    *service.Running
	keys  *secret.Fingerprints
}

// start runs the gateway on a real log in which a world was made before.
func start(t testing.TB, variables ...map[string]string) *running {
	t.Helper()
	s := servicetest.New(t, nil)
	c := s.Config("gateway", false)
	keys, err := secret.EnsureKeyFile(c.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{suite: s, keys: secret.NewFingerprints(keys.Pepper())}
	r.World = worldtest.Make(s.Append, r.keys, time.Now())
	for _, v := range variables {
		c.Lookup = envconfig.MultiLookuper(envconfig.MapLookuper(v), c.Lookup)
	}
	r.at = s.Start("gateway", c, gateway.New)
	return r
}

// applied returns once the gateway has folded everything.
func (r *running) applied(t testing.TB) {
	t.Helper()
	tail, err := r.suite.Log("issuance").Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), servicetest.Patience)
	defer cancel()
	if err := r.at.Deps.Lineage.WaitFor(ctx, tail); err != nil {
		t.Fatal(err)
	}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func get(t testing.TB, url string, header ...string) reply {
	t.Helper()
	return do(t, "GET", url, header...)
}

func do(t testing.TB, method, url string, header ...string) reply {
	t.Helper()
	q, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Add(header[i], header[i+1])
	}
	return send(t, q)
}

func send(t testing.TB, q *http.Request) reply {
	t.Helper()
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{a.StatusCode, a.Header, string(body)}
}

func (r *running) door(t testing.TB, path, key string, header ...string) reply {
	t.Helper()
	return get(t, r.at.URL+path, append([]string{"Authorization", "Bearer " + key, "X-Original-Method", "GET", "X-Original-URI", "/ledger/v1/accounts"}, header...)...)
}

// forge publishes what the log itself refuses to: one service's word on what is another's.
func (r *running) forge(t testing.TB, service, kind, id string, fact proto.Message) {
	t.Helper()
	packed, err := anypb.New(fact)
	if err != nil {
		t.Fatal(err)
	}
	body, err := proto.Marshal(&eventv1.Envelope{EventId: uuid.NewString(), Subject: &eventv1.Subject{Kind: kind, Id: id}, Version: 1, Facts: []*anypb.Any{packed}})
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(r.suite.Connect(service))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "events."+service+"."+kind+"."+id, body); err != nil {
		t.Fatal(err)
	}
}

// observed waits until n observations of a type were made, and gives them.
func observed[T proto.Message](t testing.TB, r *running, n int) (facts []T, envelopes []*eventv1.Envelope) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), servicetest.Patience)
	defer cancel()
	err := r.suite.Log("audit").FollowActivity(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, b := range batch {
			for _, f := range b.Facts {
				if fact, ok := f.(T); ok {
					facts, envelopes = append(facts, fact), append(envelopes, b.Envelope)
				}
			}
		}
		if len(facts) >= n {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%d of %d observations: %v", len(facts), n, err)
	}
	return facts, envelopes
}

// told is what the upstream of a product is told in the header of an answer, once it is verified as an upstream does.
func (r *running) told(t testing.TB, h http.Header) upstream.Context {
	t.Helper()
	keys := &upstream.Keys{URL: r.at.URL + "/.well-known/jwks.json", Now: time.Now}
	c, err := upstream.Verifier{Audience: "urn:chancery:product:" + r.Product, Key: keys.Key, Now: time.Now}.Verify(&http.Request{Header: h})
	if err != nil {
		t.Fatalf("%v: %v", h.Values(upstream.Header), err)
	}
	return c
}
