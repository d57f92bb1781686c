package view

import (
	"context"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/chancery-dev/chancery/libs/aggregate"
	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/projection"
	approvalv1 "github.com/chancery-dev/chancery/proto/approval/v1"
)

// What people wrote is personal and stays sealed in the log; it is read from there when a request is shown.
var requests = projection.View{Name: "requests", Version: 2, Schema: `
create table requests (
	id text primary key, application_id text not null, organization_id text not null, product_id text not null, scopes text[] not null,
	environment text not null, class text not null, duration_seconds bigint not null, content_digest text not null, policy text not null,
	requester_id text not null, barred_person_ids text[] not null, clauses jsonb not null, reviews jsonb not null default '[]',
	state text not null default 'submitted', grant_id text not null default '', decide_before timestamptz not null,
	submitted_at timestamptz not null, decided_at timestamptz, position bigint not null, seen bigint not null);
create unique index on requests (position);
create index on requests (organization_id, position);
create index on requests (application_id);
create index on requests (product_id) where decided_at is null`,
	Apply: projection.Each(func(ctx context.Context, tx *sqlx.Tx, r eventlog.Recorded, id string, fact aggregate.Event) error {
		decided := func(state string) error {
			return projection.Exec(ctx, tx, `update requests set state=$2, decided_at=$3 where id=$1`, id, state, r.Time)
		}
		switch f := fact.(type) {
		case *approvalv1.RequestSubmitted:
			clauses := make([]Clause, 0, len(f.Clauses))
			for _, c := range f.Clauses {
				clauses = append(clauses, Clause{Seat: c.Seat, Quorum: c.Quorum})
			}
			c := f.Content
			return projection.Exec(ctx, tx, `insert into requests (id, application_id, organization_id, product_id, scopes, environment, class, duration_seconds,
				content_digest, policy, requester_id, barred_person_ids, clauses, decide_before, submitted_at, position, seen)
				values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)`, id, c.ApplicationId, c.OrganizationId, c.ProductId,
				append(pq.StringArray{}, c.Scopes...), c.Environment, c.Class, c.DurationSeconds, f.ContentDigest, f.Policy, f.RequesterId,
				append(pq.StringArray{}, f.BarredPersonIds...), projection.JSON[[]Clause]{V: clauses}, f.DecideBefore.AsTime(), r.Time, r.Sequence, r.Envelope.GetSeen())
		case *approvalv1.RequestReviewed:
			review := []taken{{Seat: f.Seat, Seen: r.Envelope.GetSeen(), Review: Review{PersonID: f.ReviewerId, Verdict: f.Verdict, At: r.Time.UTC()}}}
			return projection.Exec(ctx, tx, `update requests set state='in_review', reviews=reviews || $2 where id=$1`, id, projection.JSON[[]taken]{V: review})
		case *approvalv1.RequestReviewVoided:
			return projection.Exec(ctx, tx, `update requests set reviews=kept.reviews, state=case when kept.reviews='[]' then 'submitted' else state end
				from (select coalesce(jsonb_agg(v), '[]') as reviews from requests, jsonb_array_elements(reviews) v where id=$1 and v->>'person_id'<>$2) kept
				where id=$1`, id, f.ReviewerId)
		case *approvalv1.RequestApproved:
			return decided("approved")
		case *approvalv1.RequestDenied:
			return decided("denied")
		case *approvalv1.RequestWithdrawn:
			return decided("withdrawn")
		case *approvalv1.RequestExpired:
			return decided("expired")
		case *approvalv1.GrantActivated:
			return projection.Exec(ctx, tx, `update requests set grant_id=$2 where id=$1`, f.RequestId, id)
		}
		return nil
	})}

// Clause is a seat that so many different people must fill, and who has.
type Clause struct {
	Seat    string   `json:"seat" enum:"organization_admin,product_reviewer,security_reviewer"`
	Quorum  uint32   `json:"quorum"`
	Reviews []Review `json:"reviews,omitempty"`
}

// Review is one review that was given.
type Review struct {
	PersonID string    `json:"person_id"`
	Verdict  string    `json:"verdict" enum:"approve,deny"`
	At       time.Time `json:"at"`
	Comment  string    `json:"comment,omitempty"`
}

// taken is one review with the seat it was given in and the position it rested on.
type taken struct {
	Seat string `json:"seat"`
	Seen uint64 `json:"seen"`
	Review
}

// Request is one request as it is listed.
type Request struct {
	ID              string         `db:"id" json:"id"`
	ApplicationID   string         `db:"application_id" json:"application_id"`
	ApplicationName string         `db:"application_name" json:"application_name"`
	OrganizationID  string         `db:"organization_id" json:"organization_id"`
	ProductID       string         `db:"product_id" json:"product_id"`
	ProductName     string         `db:"product_name" json:"product_name"`
	Scopes          pq.StringArray `db:"scopes" json:"scopes"`
	Environment     string         `db:"environment" json:"environment" enum:"sandbox,production"`
	Class           string         `db:"class" json:"class" enum:"public,partner,sensitive"`
	DurationSeconds uint64         `db:"duration_seconds" json:"duration_seconds"`
	ContentDigest   string         `db:"content_digest" json:"content_digest" doc:"SHA-256 of the content's canonical JSON; a review names it"`
	Policy          string         `db:"policy" json:"policy" doc:"Name and version of the policy that demanded the clauses"`
	RequesterID     string         `db:"requester_id" json:"requester_id"`
	State           string         `db:"state" json:"state" enum:"submitted,in_review,approved,denied,withdrawn,expired"`
	GrantID         string         `db:"grant_id" json:"grant_id,omitempty"`
	DecideBefore    time.Time      `db:"decide_before" json:"decide_before"`
	SubmittedAt     time.Time      `db:"submitted_at" json:"submitted_at"`
	DecidedAt       *time.Time     `db:"decided_at" json:"decided_at,omitempty"`
	Position        uint64         `db:"position" json:"-"`
	// Seen is the position its submission rested on.
	Seen    uint64         `db:"seen" json:"-"`
	Barred  pq.StringArray `db:"barred_person_ids" json:"-"`
	Clauses []Clause       `db:"-" json:"clauses" doc:"Seats to fill; none means that the policy decided alone"`
}

type requestRow struct {
	Request
	Clauses projection.JSON[[]Clause] `db:"clauses"`
	Reviews projection.JSON[[]taken]  `db:"reviews"`
}

func (row requestRow) request() Request {
	r := row.Request
	r.Clauses = row.Clauses.V
	for i := range r.Clauses {
		for _, v := range row.Reviews.V {
			if v.Seat == r.Clauses[i].Seat {
				r.Clauses[i].Reviews = append(r.Clauses[i].Reviews, v.Review)
			}
		}
	}
	projection.UTC(&r.DecideBefore, &r.SubmittedAt, r.DecidedAt)
	return r
}

const request = `select q.id, q.application_id, coalesce(a.name, '') as application_name, q.organization_id, q.product_id, coalesce(p.name, '') as product_name,
	q.scopes, q.environment, q.class, q.duration_seconds, q.content_digest, q.policy, q.requester_id, q.barred_person_ids, q.clauses, q.reviews,
	q.state, q.grant_id, q.decide_before, q.submitted_at, q.decided_at, q.position, q.seen
	from requests q left join applications a on a.id=q.application_id left join products p on p.id=q.product_id `

// Request is the request of this id; false if nobody submitted it.
func (r Rows) Request(ctx context.Context, id string) (Request, bool, error) {
	var row requestRow
	ok, err := r.One(ctx, &row, request+`where q.id=$1`, id)
	return row.request(), ok, err
}

// Waiting narrows a list to the requests a person may decide on.
type Waiting struct {
	// PersonID leaves out where the person is barred, or has reviewed.
	PersonID string
	// AdminOf is the organisation whose requests the person may review as its administrator; empty for none.
	AdminOf string
	// ReviewerOf is the provider whose products' requests the person may review, as named reviewer or any where a product
	// names none, and SecurityOf the same for the security seat; empty for none.
	ReviewerOf, SecurityOf string
	Now                    time.Time
}

// RequestFilter says which requests to list; an empty field is no condition.
type RequestFilter struct {
	OrganizationID, ProviderID, ApplicationID, State string
	// Decided leaves out the pending ones.
	Decided bool
	Waiting *Waiting
}

// Requests lists requests, the newest first, those submitted before the position if it is not 0.
func (r Rows) Requests(ctx context.Context, f RequestFilter, before uint64, limit int) ([]Request, error) {
	query := request + `where ($1='' or q.organization_id=$1) and ($2='' or p.organization_id=$2) and ($3='' or q.application_id=$3)
		and ($4='' or q.state=$4) and (not $5 or q.decided_at is not null) and ($6=0 or q.position<$6)`
	args := []any{f.OrganizationID, f.ProviderID, f.ApplicationID, f.State, f.Decided, before}
	if w := f.Waiting; w != nil {
		query += ` and q.decided_at is null and q.decide_before>$11 and not $7=any(q.barred_person_ids)
			and not q.reviews @> jsonb_build_array(jsonb_build_object('person_id', $7::text))
			and ($8<>'' and q.organization_id=$8 and ` + open("organization_admin") + `
			or $9<>'' and p.organization_id=$9 and (cardinality(p.reviewer_ids)=0 or $7=any(p.reviewer_ids)) and ` + open("product_reviewer") + `
			or $10<>'' and p.organization_id=$10 and ` + open("security_reviewer") + `)`
		args = append(args, w.PersonID, w.AdminOf, w.ReviewerOf, w.SecurityOf, w.Now)
	}
	var rows []requestRow
	if err := r.Many(ctx, &rows, query+` order by q.position desc limit `+strconv.Itoa(limit), args...); err != nil {
		return nil, err
	}
	out := make([]Request, 0, len(rows))
	for _, row := range rows {
		out = append(out, row.request())
	}
	return out, nil
}

// open is the condition that the request demands the seat and it is not full.
func open(seat string) string {
	return `exists (select 1 from jsonb_to_recordset(q.clauses) as c(seat text, quorum int) where c.seat='` + seat + `' and c.quorum >
		(select count(*) from jsonb_to_recordset(q.reviews) as v(seat text) where v.seat='` + seat + `'))`
}

// PendingOf are the ids of the pending requests of an application, or of an organisation's, that rest on what was known
// before the position.
func (r Rows) PendingOf(ctx context.Context, application, organization string, position uint64) (ids []string, err error) {
	err = r.Many(ctx, &ids, `select id from requests where ($1='' or application_id=$1) and ($2='' or organization_id=$2) and decided_at is null and seen<$3
		order by position`, application, organization, position)
	return ids, err
}

// ReviewedBy are the ids of the undecided requests that the person reviewed on the word of what was known before the
// position.
func (r Rows) ReviewedBy(ctx context.Context, person string, position uint64) (ids []string, err error) {
	err = r.Many(ctx, &ids, `select id from requests where decided_at is null and exists (select 1 from jsonb_array_elements(reviews) v
		where v->>'person_id'=$1 and (v->>'seen')::bigint<$2) order by position`, person, position)
	return ids, err
}
