// Package ocsf renders records as events of the Open Cybersecurity Schema Framework 1.8.0: one record is one event.
package ocsf

// class is one class of the schema, and how its required attributes are filled.
type class struct {
	uid, category      int
	name, categoryName string
	fill               func(b *builder, m mapping)
}

var (
	base           = class{0, 0, "Base Event", "Uncategorized", func(*builder, mapping) {}}
	accountChange  = class{3001, 3, "Account Change", "Identity & Access Management", (*builder).account}
	authentication = class{3002, 3, "Authentication", "Identity & Access Management", (*builder).authentication}
	entity         = class{3004, 3, "Entity Management", "Identity & Access Management", (*builder).entity}
	userAccess     = class{3005, 3, "User Access Management", "Identity & Access Management", (*builder).access}
	finding        = class{2004, 2, "Detection Finding", "Findings", (*builder).finding}
	apiActivity    = class{6003, 6, "API Activity", "Application Activity", (*builder).call}
	eventLog       = class{1008, 1, "Event Log Activity", "System Activity", (*builder).log}
)

// activity is an activity of a class, by the schema's own caption; other is 99 with a word of ours.
type activity struct {
	id   int
	name string
}

func other(name string) activity { return activity{99, name} }

var (
	create     = activity{1, "Create"}
	update     = activity{3, "Update"}
	remove     = activity{4, "Delete"}
	enable     = activity{8, "Enable"}
	disable    = activity{9, "Disable"}
	activate   = activity{10, "Activate"}
	deactivate = activity{11, "Deactivate"}
	suspend    = activity{12, "Suspend"}
	resume     = activity{13, "Resume"}
	assign     = activity{1, "Assign Privileges"}
	revoke     = activity{2, "Revoke Privileges"}
	logon      = activity{1, "Logon"}
	logoff     = activity{2, "Logoff"}
	ticket     = activity{3, "Authentication Ticket"}
)

// Severities of the schema.
const (
	informational = 1
	low           = 2
	medium        = 3
	high          = 4
	critical      = 5
)

// mapping is what one event type becomes.
type mapping struct {
	class    class
	activity activity
	severity int
	// what names the entity, or the technique of a finding.
	what   string
	failed bool
}

// mappings is by full message name; a test fails where an event has none.
var mappings = map[string]mapping{
	"identity.v1.OrganizationRegistered":             {entity, create, informational, "Organization", false},
	"identity.v1.OrganizationVerified":               {entity, activate, informational, "Organization", false},
	"identity.v1.OrganizationSuspended":              {entity, suspend, medium, "Organization", false},
	"identity.v1.OrganizationResumed":                {entity, resume, low, "Organization", false},
	"identity.v1.OrganizationClosed":                 {entity, remove, medium, "Organization", false},
	"identity.v1.OrganizationSingleSignOnConfigured": {entity, update, medium, "Organization", false},
	"identity.v1.OrganizationSignalsConfigured":      {entity, update, medium, "Organization", false},
	"identity.v1.OrganizationRoleGranted":            {userAccess, assign, low, "", false},
	"identity.v1.OrganizationRoleRevoked":            {userAccess, revoke, low, "", false},
	"identity.v1.PersonProvisioned":                  {accountChange, activity{1, "Create"}, informational, "", false},
	"identity.v1.PersonChanged":                      {accountChange, other("Update"), informational, "", false},
	"identity.v1.PersonLocked":                       {accountChange, activity{9, "Lock"}, medium, "", false},
	"identity.v1.PersonUnlocked":                     {accountChange, activity{12, "Unlock"}, low, "", false},
	"identity.v1.PersonSessionEnded":                 {authentication, logoff, informational, "", false},
	"identity.v1.PersonSessionsEnded":                {authentication, logoff, low, "", false},
	"identity.v1.PersonSignedOutUpstream":            {authentication, logoff, low, "", false},
	"identity.v1.PersonSessionsCompromised":          {finding, create, high, "T1078 Valid Accounts", false},
	"identity.v1.PersonDeprovisioned":                {accountChange, activity{5, "Disable"}, low, "", false},
	"identity.v1.PersonErased":                       {accountChange, activity{6, "Delete"}, medium, "", false},

	"registry.v1.ProductDrafted":           {entity, create, informational, "API product", false},
	"registry.v1.ProductClassified":        {entity, update, low, "API product", false},
	"registry.v1.ProductSeatAssigned":      {entity, update, low, "API product", false},
	"registry.v1.ProductOrphaned":          {entity, other("Orphan"), medium, "API product", false},
	"registry.v1.ProductAudienceSet":       {entity, update, low, "API product", false},
	"registry.v1.ProductPublished":         {entity, enable, low, "API product", false},
	"registry.v1.ProductWithdrawn":         {entity, disable, low, "API product", false},
	"registry.v1.ProductRetired":           {entity, disable, medium, "API product", false},
	"registry.v1.VersionSubmitted":         {entity, create, informational, "API version", false},
	"registry.v1.VersionGateEvaluated":     {entity, update, informational, "API version", false},
	"registry.v1.VersionPublished":         {entity, enable, low, "API version", false},
	"registry.v1.VersionDeprecated":        {entity, update, low, "API version", false},
	"registry.v1.VersionRolloutSet":        {entity, update, low, "API version", false},
	"registry.v1.VersionRetired":           {entity, disable, low, "API version", false},
	"registry.v1.ApplicationRegistered":    {entity, create, informational, "Application", false},
	"registry.v1.ApplicationOwnerAssigned": {entity, update, low, "Application", false},
	"registry.v1.ApplicationOrphaned":      {entity, other("Orphan"), medium, "Application", false},
	"registry.v1.ApplicationSuspended":     {entity, suspend, low, "Application", false},
	"registry.v1.ApplicationResumed":       {entity, resume, low, "Application", false},
	"registry.v1.ApplicationDisabled":      {entity, disable, medium, "Application", false},
	"registry.v1.ApplicationEnabled":       {entity, enable, low, "Application", false},
	"registry.v1.ApplicationOffboarded":    {entity, remove, medium, "Application", false},

	"gateway.v1.AuthorizerJoined":     {entity, activate, informational, "Authorizer", false},
	"gateway.v1.AuthorizerLeft":       {entity, deactivate, low, "Authorizer", false},
	"issuance.v1.AuthorizerSignedOff": {entity, deactivate, medium, "Authorizer", false},
	"activity.v1.AuthorizerStale":     {eventLog, other("Stale"), high, "authorizers", true},
	"activity.v1.AuthorizerSilent":    {eventLog, other("Silent"), high, "authorizers", true},
	"activity.v1.ReceiptSigned":       {eventLog, other("Receipt"), informational, "receipts", false},

	"approval.v1.RequestSubmitted":    {entity, create, informational, "Access request", false},
	"approval.v1.RequestReviewed":     {entity, other("Review"), informational, "Access request", false},
	"approval.v1.RequestReviewVoided": {entity, other("Void"), low, "Access request", false},
	"approval.v1.RequestApproved":     {userAccess, assign, low, "", false},
	"approval.v1.RequestDenied":       {userAccess, assign, low, "", true},
	"approval.v1.RequestWithdrawn":    {entity, remove, informational, "Access request", false},
	"approval.v1.RequestExpired":      {entity, deactivate, informational, "Access request", false},
	"approval.v1.GrantActivated":      {userAccess, assign, low, "", false},
	"approval.v1.GrantNarrowed":       {userAccess, revoke, low, "", false},
	"approval.v1.GrantExpired":        {userAccess, revoke, low, "", false},
	"approval.v1.GrantRevoked":        {userAccess, revoke, low, "", false},

	"issuance.v1.AuthorizationOpened":             {entity, create, informational, "Authorization", false},
	"issuance.v1.AuthorizationNarrowed":           {entity, update, informational, "Authorization", false},
	"issuance.v1.AuthorizationClosed":             {entity, deactivate, informational, "Authorization", false},
	"issuance.v1.CredentialIssued":                {entity, create, low, "API credential", false},
	"issuance.v1.CredentialRotationStarted":       {entity, update, low, "API credential", false},
	"issuance.v1.CredentialRetired":               {entity, deactivate, informational, "API credential", false},
	"issuance.v1.CredentialRevoked":               {entity, remove, low, "API credential", false},
	"issuance.v1.CredentialExpired":               {entity, deactivate, informational, "API credential", false},
	"issuance.v1.CredentialLeakReported":          {finding, create, critical, "T1552 Unsecured Credentials", false},
	"issuance.v1.CredentialOwnersNotified":        {entity, other("Notify"), low, "API credential", false},
	"issuance.v1.LeakReceived":                    {finding, create, critical, "T1552 Unsecured Credentials", false},
	"issuance.v1.LeakClosed":                      {finding, activity{3, "Close"}, informational, "T1552 Unsecured Credentials", false},
	"issuance.v1.CredentialNarrowed":              {entity, update, low, "API credential", false},
	"issuance.v1.ConsentGiven":                    {userAccess, assign, low, "", false},
	"issuance.v1.ConsentRefreshed":                {entity, update, informational, "Consent", false},
	"issuance.v1.ConsentReuseDetected":            {finding, create, high, "T1550.001 Application Access Token", false},
	"issuance.v1.ConsentRevoked":                  {userAccess, revoke, low, "", false},
	"issuance.v1.ConsentExpired":                  {userAccess, revoke, informational, "", false},
	"issuance.v1.SigningKeyCreated":               {entity, create, low, "Signing key", false},
	"issuance.v1.SigningKeyActivated":             {entity, activate, low, "Signing key", false},
	"issuance.v1.SigningKeyRetired":               {entity, deactivate, low, "Signing key", false},
	"issuance.v1.SigningKeyCompromised":           {finding, create, critical, "T1552 Unsecured Credentials", false},
	"issuance.v1.SignalStreamCreated":             {entity, create, low, "Security event stream", false},
	"issuance.v1.SignalStreamChanged":             {entity, update, low, "Security event stream", false},
	"issuance.v1.SignalStreamStatusChanged":       {entity, update, low, "Security event stream", false},
	"issuance.v1.SignalSubjectRemoved":            {entity, update, low, "Security event stream", false},
	"issuance.v1.SignalSubjectAdded":              {entity, update, informational, "Security event stream", false},
	"issuance.v1.SignalVerificationRequested":     {entity, other("Verify"), informational, "Security event stream", false},
	"issuance.v1.SignalStreamEnded":               {entity, remove, low, "Security event stream", false},
	"issuance.v1.TokenRevoked":                    {entity, remove, low, "Access token", false},
	"issuance.v1.CredentialDelivered":             {entity, update, informational, "API credential", false},
	"issuance.v1.CredentialDeliveryFailed":        {entity, deactivate, medium, "API credential", false},
	"issuance.v1.KeyClaimed":                      {entity, create, informational, "Public key", false},
	"issuance.v1.CertificateAuthorityCreated":     {entity, create, low, "Certificate authority", false},
	"issuance.v1.CertificateAuthorityRetired":     {entity, deactivate, low, "Certificate authority", false},
	"issuance.v1.CertificateAuthorityCompromised": {finding, create, critical, "T1649 Steal or Forge Authentication Certificates", false},

	"audit.v1.SubscriptionCreated":  {entity, create, low, "Event subscription", false},
	"audit.v1.SubscriptionReplayed": {eventLog, activity{3, "Export"}, low, "LIFECYCLE", false},
	"audit.v1.SubscriptionEnded":    {entity, remove, low, "Event subscription", false},

	"activity.v1.SignInSucceeded": {authentication, logon, informational, "", false},
	"activity.v1.SignInFailed":    {authentication, logon, low, "", true},
	"activity.v1.StepUpSucceeded": {authentication, other("Step-Up"), informational, "", false},
	"activity.v1.CommandRefused":  {apiActivity, other("Refused"), low, "", true},
	"activity.v1.TokenIssued":     {authentication, ticket, informational, "", false},
	"activity.v1.TokenExchanged":  {authentication, ticket, informational, "", false},
	"activity.v1.ReplayDetected":  {finding, create, high, "T1550.001 Application Access Token", false},
	"activity.v1.TokenRejected":   {authentication, ticket, low, "", true},
	"activity.v1.AccessDenied":    {apiActivity, other("Denied"), low, "", true},
	"activity.v1.UsageWindow":     {apiActivity, other("Usage"), informational, "", false},

	"event.v1.SignerKeyPublished": {entity, create, low, "Signing key", false},
	"event.v1.SignerKeyWithdrawn": {entity, remove, medium, "Signing key", false},

	"approval.v1.GrantShrinkProposed":  {entity, other("Propose"), informational, "Grant", false},
	"approval.v1.GrantShrinkDismissed": {entity, other("Dismiss"), informational, "Grant", false},
	"approval.v1.GrantRestored":        {userAccess, assign, medium, "", false},
	"issuance.v1.AuthorizationWidened": {entity, update, low, "Authorization", false},
	"registry.v1.ProductLimitsSet":     {entity, update, low, "API product", false},

	"activity.v1.RetiredCredentialUsed": {finding, create, high, "T1550.001 Application Access Token", false},
	"activity.v1.QuotaExhausted":        {apiActivity, other("Limited"), low, "", true},
}
