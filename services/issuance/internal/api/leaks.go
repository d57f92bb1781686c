package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/libs/secret"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
	"github.com/chancery-dev/chancery/services/issuance/internal/detector"
	"github.com/chancery-dev/chancery/services/issuance/internal/intake"
	"github.com/chancery-dev/chancery/services/issuance/internal/view"
)

// LeakDeps is what the doors for leaked secrets act through.
type LeakDeps struct {
	Rows   view.Rows
	Now    func() time.Time
	Intake *intake.Intake
	// GitHub is nil where no key list of GitHub is configured.
	GitHub *intake.Keys
	Signer intake.Signer
	Issuer string
	// Background runs what an answer does not wait for.
	Background func(func(context.Context))
	// Floor is how long an anonymous report takes to answer at least, so that time tells nothing; 0 means half a second.
	Floor time.Duration
}

type leakDoors struct {
	LeakDeps
	replays intake.Replays
}

var (
	everyonesLeaks = []string{principal.Auditor, principal.PlatformAdmin, principal.SecurityReviewer}
	reportLeak     = principal.For("leak.report", principal.SecurityReviewer, principal.PlatformAdmin, principal.OrgAdmin, principal.AppOwner).To(principal.Person, principal.Client)
	readLeaks      = principal.For("leak.read", append([]string{principal.Viewer, principal.AppOwner, principal.OrgAdmin}, everyonesLeaks...)...)
	errNoGitHub    = problem.New(problem.Unavailable, "github_not_configured", "This installation takes no reports from GitHub: CHANCERY_LEAK_GITHUB_KEYS is not set.")
	errReplayed    = problem.New(problem.Conflict, "replayed", "This report was answered before.")
)

var leakRefusals = problem.Map{
	intake.ErrFormat:    {Kind: problem.Invalid, Code: "report_unreadable"},
	intake.ErrTooMany:   {Kind: problem.TooLarge, Code: "too_many_findings"},
	intake.ErrSignature: {Kind: problem.Unauthenticated, Code: "signature_invalid"},
	intake.ErrNoKeys:    {Kind: problem.Unavailable, Code: "keys_unavailable", RetryAfter: 30 * time.Second},
	intake.ErrNoSigner:  {Kind: problem.Unavailable, Code: "no_signing_key", RetryAfter: time.Second},
}

// LeakRoutes declares the doors for leaked secrets and what is read of them.
func LeakRoutes(e *endpoint.API, d LeakDeps) {
	e.Refusals(leakRefusals)
	l := &leakDoors{LeakDeps: d}
	if l.Floor == 0 {
		l.Floor = 500 * time.Millisecond
	}
	endpoint.Raw(e, endpoint.Public, endpoint.Operation{Method: "GET", Path: detector.Path, Summary: "The rule by which scanners find keys"}, detector.Handler(d.Issuer), nil)
	endpoint.Route(e, endpoint.Public, endpoint.Operation{Method: "POST", Path: "/v1/leaks", Summary: "End leaked secrets by showing them", Status: http.StatusAccepted,
		Description: "Whoever holds a secret may end it. The answer is the same whether or not a secret is known here.",
		MaxBody:     2 << 20, Timeout: time.Minute, Limits: endpoint.Limits{Address: endpoint.Rate{Count: 30, Per: time.Minute}}}, l.anonymous)
	endpoint.Route(e, endpoint.Public, endpoint.Operation{Method: "POST", Path: "/v1/leaks/github", Summary: "Matches of GitHub's secret scanning partner program",
		MaxBody: intake.MaxReport, Timeout: time.Minute, Accept: []string{"application/json"}, Limits: endpoint.Limits{Address: endpoint.Rate{Count: 600, Per: time.Minute}}}, l.github)
	endpoint.Route(e, reportLeak, endpoint.Operation{Method: "POST", Path: "/v1/leaks/reports", Summary: "Send in a scanner's report", MaxBody: intake.MaxReport, Timeout: time.Minute,
		Accept: []string{"application/json", "application/x-ndjson", "application/sarif+json"},
		Limits: endpoint.Limits{Person: endpoint.Rate{Count: 60, Per: time.Minute}, Organization: endpoint.Rate{Count: 300, Per: time.Minute}}}, l.upload)
	endpoint.Route(e, readLeaks, endpoint.Operation{Method: "GET", Path: "/v1/leaks", Summary: "List leak reports", Reach: "those that name a credential of one's organisation; all for security reviewers, auditors and platform administrators"}, l.list)
	endpoint.Route(e, readLeaks, endpoint.Operation{Method: "GET", Path: "/v1/leaks/{id}", Summary: "Read a leak report and its blast radius", Object: l.within}, l.get)
	endpoint.Route(e, readLeaks, endpoint.Operation{Method: "GET", Path: "/v1/leaks/{id}/receipt", Summary: "The signed receipt of a leak report", Object: l.within}, l.receipt)
}

type anonymousRequest struct {
	Body struct {
		Secrets []string `json:"secrets" minItems:"1" maxItems:"10000" doc:"Leaked secrets, whole"`
		Place   string   `json:"place,omitempty" maxLength:"500" doc:"Where they were found, for the owners"`
	}
}

type accepted struct {
	ID       string `json:"id" doc:"Under which those whose secrets these are find the report"`
	Received int    `json:"received" doc:"How many secrets were looked at"`
}

// anonymous answers alike, and after the same time, whatever is valid.
func (l *leakDoors) anonymous(ctx context.Context, in anonymousRequest) (endpoint.Answer[accepted], error) {
	floor := time.NewTimer(l.Floor)
	defer floor.Stop()
	r := intake.Report{ID: uuid.Must(uuid.NewV7()).String(), Source: "batch", ReceivedAt: endpoint.CallOf(ctx).Received}
	for _, value := range in.Body.Secrets {
		r.Findings = append(r.Findings, intake.Finding{Secret: secret.New(value), Place: intake.Place(in.Body.Place)})
	}
	ctx = by(ctx, "anonymous")
	out, places, err := l.Intake.Take(ctx, r)
	if err != nil {
		return endpoint.Answer[accepted]{}, err
	}
	if out.Known > 0 {
		// It is on record; that it comes to its end is not for the caller to wait for.
		meta := eventlog.MetaFrom(ctx)
		l.Background(func(ctx context.Context) {
			if _, err := l.Intake.Finish(eventlog.WithMeta(ctx, meta), r.ID, places); err != nil {
				l.Intake.Logger.WarnContext(ctx, "a leak report is taken up again later", "report", r.ID, "error", err)
			}
		})
	}
	select {
	case <-floor.C:
	case <-ctx.Done():
	}
	return endpoint.OK(accepted{ID: r.ID, Received: len(r.Findings)}), nil
}

type githubRequest struct {
	Key       string `header:"Github-Public-Key-Identifier" maxLength:"256"`
	Signature string `header:"Github-Public-Key-Signature" maxLength:"256"`
	RawBody   []byte
}

type labelled struct {
	Body []intake.Label
}

func (l *leakDoors) github(ctx context.Context, in githubRequest) (labelled, error) {
	none := labelled{}
	if l.GitHub == nil {
		return none, errNoGitHub
	}
	if err := l.GitHub.Verify(ctx, in.Key, in.Signature, in.RawBody); err != nil {
		return none, err
	}
	findings, err := intake.GitHub(in.RawBody)
	if err != nil {
		return none, err
	}
	id := intake.ReportID("github", in.RawBody)
	if !l.replays.Enter(id) {
		return none, errReplayed
	}
	answered := false
	defer func() { l.replays.Leave(id, answered) }()
	out, _, err := l.settle(by(ctx, "github"), intake.Report{ID: id, Source: "github", ReceivedAt: endpoint.CallOf(ctx).Received, Findings: findings})
	if err != nil {
		return none, err
	}
	answered = true
	if out.Repeated {
		return none, errReplayed
	}
	return labelled{Body: intake.Labels(findings, out.Ours)}, nil
}

type uploadRequest struct {
	Format  string `query:"format" enum:"gitleaks,sarif,trufflehog" required:"true" doc:"Whose report it is"`
	RawBody []byte
}

type uploaded struct {
	ID       string `json:"id" doc:"Of the report; those whose secrets it names find it under this id"`
	Received int    `json:"received" doc:"How many findings were read"`
	Position uint64 `json:"position"`
}

func (l *leakDoors) upload(ctx context.Context, in uploadRequest) (endpoint.Answer[uploaded], error) {
	findings, err := intake.Read(in.Format, in.RawBody, l.Now())
	if err != nil {
		return endpoint.Answer[uploaded]{}, err
	}
	id := intake.ReportID(in.Format+"/"+principal.Caller(ctx).Organization, in.RawBody)
	_, at, err := l.settle(ctx, intake.Report{ID: id, Source: in.Format, ReceivedAt: endpoint.CallOf(ctx).Received, Findings: findings})
	if err != nil {
		return endpoint.Answer[uploaded]{}, err
	}
	return endpoint.At(at, uploaded{ID: id, Received: len(findings), Position: at}), nil
}

// settle takes a report and brings it to its end before it is answered.
func (l *leakDoors) settle(ctx context.Context, r intake.Report) (intake.Receipt, uint64, error) {
	out, places, err := l.Intake.Take(ctx, r)
	if err != nil || out.Known == 0 || out.Repeated {
		return out, out.Position, err
	}
	at, err := l.Intake.Finish(ctx, r.ID, places)
	return out, max(at, out.Position), err
}

// by names who reported where nobody is signed in.
func by(ctx context.Context, who string) context.Context {
	m := eventlog.MetaFrom(ctx)
	m.Actor = &eventv1.Actor{Id: who, Kind: "system"}
	return eventlog.WithMeta(ctx, m)
}
