package api

import (
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/approval/internal/grant"
	"github.com/chancery-dev/chancery/services/approval/internal/request"
)

var refusals = problem.Map{
	request.ErrUnknown:          {Kind: problem.NotFound, Code: "not_found"},
	request.ErrAlreadySubmitted: {Kind: problem.Conflict, Code: "already_submitted"},
	request.ErrApplication:      {Kind: problem.Conflict, Code: "application_inactive"},
	request.ErrOrganization:     {Kind: problem.Conflict, Code: "organization_closed"},
	request.ErrNotVerified:      {Kind: problem.Conflict, Code: "organization_unverified"},
	request.ErrNotOwner:         {Kind: problem.Forbidden, Code: "not_owner"},
	request.ErrProduct:          {Kind: problem.Conflict, Code: "product_not_offered"},
	request.ErrNoScopes:         {Kind: problem.Invalid, Code: "scopes_missing"},
	request.ErrScope:            {Kind: problem.Invalid, Code: "scope_invalid"},
	request.ErrDuration:         {Kind: problem.Invalid, Code: "duration_invalid"},
	request.ErrJustification:    {Kind: problem.Invalid, Code: "justification_invalid"},
	request.ErrQuorum:           {Kind: problem.Internal, Code: "internal"},
	request.ErrDeadline:         {Kind: problem.Internal, Code: "internal"},
	request.ErrNotPending:       {Kind: problem.Conflict, Code: "already_decided"},
	request.ErrTooLate:          {Kind: problem.Conflict, Code: "too_late"},
	request.ErrNotDue:           {Kind: problem.Conflict, Code: "not_due"},
	request.ErrSeat:             {Kind: problem.Conflict, Code: "seat_not_asked"},
	request.ErrSeatFilled:       {Kind: problem.Conflict, Code: "seat_filled"},
	request.ErrRequester:        {Kind: problem.Forbidden, Code: "separation_of_duties"},
	request.ErrOwner:            {Kind: problem.Forbidden, Code: "separation_of_duties"},
	request.ErrReviewedBefore:   {Kind: problem.Forbidden, Code: "separation_of_duties"},
	request.ErrNotEligible:      {Kind: problem.Forbidden, Code: "not_eligible"},
	request.ErrStale:            {Kind: problem.Conflict, Code: "content_changed"},
	request.ErrVerdict:          {Kind: problem.Invalid, Code: "verdict_invalid"},
	request.ErrComment:          {Kind: problem.Invalid, Code: "comment_invalid"},
	request.ErrNotYours:         {Kind: problem.Forbidden, Code: "not_requester"},

	grant.ErrUnknown:          {Kind: problem.NotFound, Code: "not_found"},
	grant.ErrAlreadyActivated: {Kind: problem.Conflict, Code: "already_activated"},
	grant.ErrNotApproved:      {Kind: problem.Conflict, Code: "not_approved"},
	grant.ErrEnded:            {Kind: problem.Conflict, Code: "ended"},
	grant.ErrNotNarrower:      {Kind: problem.Invalid, Code: "not_narrower"},
	grant.ErrNotDue:           {Kind: problem.Conflict, Code: "not_due"},
	grant.ErrProposed:         {Kind: problem.Conflict, Code: "already_proposed"},
	grant.ErrNotProposed:      {Kind: problem.Conflict, Code: "not_proposed"},
	grant.ErrNotUnused:        {Kind: problem.Invalid, Code: "not_unused"},
	grant.ErrUsedMeanwhile:    {Kind: problem.Conflict, Code: "used_meanwhile"},
	grant.ErrNothingToUndo:    {Kind: problem.Conflict, Code: "nothing_to_undo"},
	grant.ErrReason:           {Kind: problem.Invalid, Code: "reason_invalid"},
}

var (
	errRole        = problem.New(problem.Forbidden, "role_missing", "None of your roles allows this.")
	errNotOwnGrant = problem.New(problem.Forbidden, "not_owner", "Only an owner of the application, an administrator of its organisation, or who answers for the product may do this.")
)
