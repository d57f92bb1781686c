package api

import (
	"github.com/chancery-dev/chancery/libs/endpoint"
	"github.com/chancery-dev/chancery/libs/principal"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/registry/internal/application"
	"github.com/chancery-dev/chancery/services/registry/internal/product"
	"github.com/chancery-dev/chancery/services/registry/internal/version"
)

var refusals = problem.Map{
	product.ErrUnknown:           {Kind: problem.NotFound, Code: "not_found"},
	product.ErrAlreadyDrafted:    {Kind: problem.Conflict, Code: "slug_taken"},
	product.ErrSlug:              {Kind: problem.Invalid, Code: "slug_invalid"},
	product.ErrName:              {Kind: problem.Invalid, Code: "name_invalid"},
	product.ErrPurpose:           {Kind: problem.Invalid, Code: "purpose_invalid"},
	product.ErrOrganization:      {Kind: problem.Forbidden, Code: "provider_only"},
	product.ErrClass:             {Kind: problem.Invalid, Code: "class_invalid"},
	product.ErrSeat:              {Kind: problem.Invalid, Code: "seat_invalid"},
	product.ErrNotOfOrganization: {Kind: problem.Invalid, Code: "person_invalid"},
	product.ErrAudience:          {Kind: problem.Invalid, Code: "audience_invalid"},
	product.ErrPartner:           {Kind: problem.Invalid, Code: "partner_invalid"},
	product.ErrSensitive:         {Kind: problem.Conflict, Code: "sensitive_not_public"},
	product.ErrNoClass:           {Kind: problem.Conflict, Code: "class_missing"},
	product.ErrNoAudience:        {Kind: problem.Conflict, Code: "audience_missing"},
	product.ErrSeatEmpty:         {Kind: problem.Conflict, Code: "seat_empty"},
	product.ErrVersion:           {Kind: problem.Conflict, Code: "version_unpublished"},
	product.ErrNotShown:          {Kind: problem.Conflict, Code: "not_published"},
	product.ErrRetired:           {Kind: problem.Conflict, Code: "retired"},
	product.ErrLimit:             {Kind: problem.Invalid, Code: "limit_invalid"},
	product.ErrReason:            {Kind: problem.Invalid, Code: "reason_invalid"},

	version.ErrUnknown:          {Kind: problem.NotFound, Code: "not_found"},
	version.ErrAlreadySubmitted: {Kind: problem.Conflict, Code: "version_taken"},
	version.ErrProduct:          {Kind: problem.Conflict, Code: "product_closed"},
	version.ErrVersion:          {Kind: problem.Invalid, Code: "version_invalid"},
	version.ErrDigest:           {Kind: problem.Invalid, Code: "contract_invalid"},
	version.ErrNoOperations:     {Kind: problem.Invalid, Code: "contract_invalid"},
	version.ErrOperation:        {Kind: problem.Invalid, Code: "contract_invalid"},
	version.ErrScope:            {Kind: problem.Invalid, Code: "contract_invalid"},
	version.ErrUndeclaredScope:  {Kind: problem.Invalid, Code: "contract_invalid"},
	version.ErrRisk:             {Kind: problem.Invalid, Code: "contract_invalid"},
	version.ErrGate:             {Kind: problem.Conflict, Code: "gate_failed"},
	version.ErrGateName:         {Kind: problem.Invalid, Code: "gate_invalid"},
	version.ErrPublished:        {Kind: problem.Conflict, Code: "already_published"},
	version.ErrNotPublished:     {Kind: problem.Conflict, Code: "not_published"},
	version.ErrDeprecated:       {Kind: problem.Conflict, Code: "already_deprecated"},
	version.ErrNotice:           {Kind: problem.Invalid, Code: "notice_too_short"},
	version.ErrMigration:        {Kind: problem.Invalid, Code: "migration_invalid"},
	version.ErrNotDue:           {Kind: problem.Conflict, Code: "not_due"},
	version.ErrRetired:          {Kind: problem.Conflict, Code: "retired"},
	version.ErrNoSuchOperation:  {Kind: problem.Invalid, Code: "operation_unknown"},
	version.ErrRollout:          {Kind: problem.Invalid, Code: "rollout_invalid"},

	application.ErrUnknown:           {Kind: problem.NotFound, Code: "not_found"},
	application.ErrAlreadyRegistered: {Kind: problem.Conflict, Code: "already_registered"},
	application.ErrName:              {Kind: problem.Invalid, Code: "name_invalid"},
	application.ErrPurpose:           {Kind: problem.Invalid, Code: "purpose_invalid"},
	application.ErrEnvironment:       {Kind: problem.Invalid, Code: "environment_invalid"},
	application.ErrOrganization:      {Kind: problem.Conflict, Code: "organization_closed"},
	application.ErrTwoOwners:         {Kind: problem.Invalid, Code: "two_owners"},
	application.ErrNotOfOrganization: {Kind: problem.Invalid, Code: "owner_invalid"},
	application.ErrSeat:              {Kind: problem.Invalid, Code: "seat_invalid"},
	application.ErrSuspended:         {Kind: problem.Conflict, Code: "already_suspended"},
	application.ErrNotSuspended:      {Kind: problem.Conflict, Code: "not_suspended"},
	application.ErrDisabled:          {Kind: problem.Conflict, Code: "already_disabled"},
	application.ErrNotDisabled:       {Kind: problem.Conflict, Code: "not_disabled"},
	application.ErrOrphaned:          {Kind: problem.Conflict, Code: "orphaned"},
	application.ErrImposed:           {Kind: problem.Forbidden, Code: "imposed"},
	application.ErrOffboarded:        {Kind: problem.Conflict, Code: "offboarded"},
	application.ErrReason:            {Kind: problem.Invalid, Code: "reason_invalid"},
}

var (
	errRole     = problem.New(problem.Forbidden, "role_missing", "None of your roles allows this.")
	errNotOwner = problem.New(problem.Forbidden, "not_owner", "Only an owner of the application or an administrator may do this.")
	errReach    = problem.New(problem.Forbidden, "out_of_reach", "It belongs to another organisation.")
)

// verdict says whether the caller may take an action now: by role, by what else is asked of them, and by the domain.
func verdict(p principal.Principal, needed endpoint.Permission, further error, dry func() error) endpoint.Verdict {
	switch {
	case !needed.Allows(p):
		return endpoint.Judge(refusals, errRole)
	case further != nil:
		return endpoint.Judge(refusals, further)
	}
	return endpoint.Judge(refusals, dry())
}
