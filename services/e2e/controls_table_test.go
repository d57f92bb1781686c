package e2e

// control is one thing that must be true, where it is seen to, and whom it serves.
type control struct {
	what   string
	code   []string
	serves string
}

const (
	identityCode = "services/identity"
	registryCode = "services/registry"
	approvalCode = "services/approval"
	issuanceCode = "services/issuance"
	auditCode    = "services/audit"
	gatewayCode  = "services/gateway"
	portalCode   = "services/portal"
)

var controls = map[string]control{
	"A1":  {"People enter by their organisation's OpenID provider; there is no password", []string{identityCode + "/internal/signon", identityCode + "/internal/api"}, "API2, PR.AA-03"},
	"A2":  {"Privileged operations want a fresh second factor", []string{"libs/endpoint", identityCode + "/internal/signon"}, "API2, PR.AA-03"},
	"A5":  {"Roles and departures follow the provider; who has left loses sessions and seats", []string{identityCode + "/internal/policy", identityCode + "/internal/person"}, "NHI1, PR.AA-05"},
	"A6":  {"Built-in roles, each with the least it needs", []string{"libs/principal"}, "API5, PR.AA-05"},
	"A7":  {"Access depends on organisation, environment and assurance too", []string{"libs/principal", "libs/endpoint"}, "API5, PR.AA-05"},
	"A9":  {"An organisation is verified before it gets production access", []string{approvalCode + "/internal/request", identityCode + "/internal/organization"}, "GV.SC-06"},
	"A11": {"Guessing and scripted sign-ins are limited and recorded", []string{"libs/endpoint", identityCode + "/internal/api"}, "API4, DE.CM-03"},
	"A14": {"Upstreams are told who calls by one signed context, and check the same scopes", []string{"libs/upstream", gatewayCode + "/internal/doors"}, "API2, API5, PR.AA-05"},
	"A15": {"People and applications are principals of different types", []string{"libs/principal", "libs/accesstoken"}, "API5, NHI4"},
	"A16": {"What belongs to others answers as if it were absent", []string{"libs/endpoint", "libs/service/servicetest"}, "API1, API3"},
	"A17": {"Compromised sessions take with them what was made in them", []string{"libs/lineage", identityCode + "/internal/person"}, "NHI1, RS.MI-01"},
	"B1":  {"No credential without a registered application", []string{registryCode + "/internal/application", issuanceCode + "/internal/credential"}, "API9, ID.AM-02"},
	"B2":  {"Every application has two named owners", []string{registryCode + "/internal/application"}, "NHI1, GV.RR-02"},
	"B3":  {"A leaver's applications are orphaned, then suspended", []string{registryCode + "/internal/policy"}, "NHI1, GV.RR-02"},
	"B4":  {"Each application has its organisation, its purpose and an end", []string{registryCode + "/internal/application"}, "ID.AM-02"},
	"B5":  {"Scopes mirror the contract's operations", []string{registryCode + "/internal/contract", gatewayCode + "/internal/contract"}, "API5, NHI5"},
	"B6":  {"A credential of one product opens no other", []string{gatewayCode + "/internal/verdict"}, "API5, NHI5"},
	"B7":  {"Lists of what is allowed, never wildcards", []string{registryCode + "/internal/product", approvalCode + "/internal/request", issuanceCode + "/internal/credential", issuanceCode + "/internal/delivery"}, "API8, NHI5"},
	"B8":  {"A product is invisible until it is shown to an audience", []string{registryCode + "/internal/product", registryCode + "/internal/view"}, "API9"},
	"B9":  {"Audiences are classes and named organisations", []string{registryCode + "/internal/product"}, "API9"},
	"B10": {"Publishing is a decision of its own", []string{registryCode + "/internal/version", registryCode + "/internal/product"}, "API9, PR.PS-01"},
	"B11": {"The class of a product decides its controls", []string{approvalCode + "/internal/pack"}, "ID.RA-05"},
	"B12": {"The seats of a product are never empty", []string{registryCode + "/internal/product"}, "GV.RR-02"},
	"B13": {"Who decides, reviews and is told is named per product", []string{registryCode + "/internal/product"}, "GV.RR-02"},
	"B15": {"A version passes its gates by what is checked", []string{registryCode + "/internal/version"}, "PR.PS-06"},
	"B24": {"Deprecated versions retire at their sunset", []string{registryCode + "/internal/version", registryCode + "/internal/policy"}, "API9"},
	"B31": {"New operations are opened to a part of the organisations", []string{registryCode + "/internal/version", gatewayCode + "/internal/contract"}, "API9"},
	"C1":  {"Production wants the tenant's approval and a reviewer's", []string{approvalCode + "/internal/pack", approvalCode + "/internal/request"}, "PR.AA-05"},
	"C2":  {"A request says why, and asks for no more than it names", []string{approvalCode + "/internal/request"}, "NHI5, PR.AA-05"},
	"C3":  {"Requester, reviewers and issuer are different people", []string{approvalCode + "/internal/request"}, "PR.AA-05"},
	"C4":  {"Low risk is decided by policy, high risk by people", []string{approvalCode + "/internal/pack"}, "ID.RA-05"},
	"C5":  {"Requests have states, deadlines and reasons", []string{approvalCode + "/internal/request", "libs/deadline"}, "GV.OV-01"},
	"C6":  {"Grants end by themselves", []string{approvalCode + "/internal/grant", "libs/deadline"}, "NHI7, PR.AA-05"},
	"D1":  {"Every credential ends, at the latest as its class says", []string{issuanceCode + "/internal/credential"}, "NHI7"},
	"D2":  {"A successor overlaps with what it replaces; a machine renews by itself", []string{issuanceCode + "/internal/credential", issuanceCode + "/internal/api", issuanceCode + "/renewal"}, "NHI7"},
	"D4":  {"What is retired is never used again, and no key is registered twice", []string{issuanceCode + "/internal/credential", issuanceCode + "/internal/claim", "libs/lineage"}, "NHI9"},
	"D5":  {"A client certificate proves who a client is, and binds its tokens", []string{issuanceCode + "/internal/pki", issuanceCode + "/internal/proof", issuanceCode + "/internal/oauth", gatewayCode + "/internal/verdict", gatewayCode + "/internal/certificate"}, "NHI4, PR.AA-03"},
	"D6":  {"A token bound to a key is good with a proof that was not used before", []string{"libs/dpop", "libs/jws", issuanceCode + "/internal/oauth", gatewayCode + "/internal/verdict"}, "NHI4, PR.AA-03"},
	"D7":  {"An exchanged token reaches less, lives shorter and names who acts", []string{issuanceCode + "/internal/oauth", "libs/accesstoken"}, "NHI5, API5"},
	"D8":  {"The end of what stands above ends every token below", []string{"libs/lineage"}, "NHI1, RS.MI-01"},
	"D9":  {"Disabling an application ends its credentials", []string{"libs/lineage", issuanceCode + "/internal/policy"}, "NHI1, RS.MI-01"},
	"D10": {"How fast a revocation is felt is measured for each authorizer", []string{issuanceCode + "/internal/killtree"}, "RS.MI-01, DE.CM-09"},
	"D11": {"A secret is shown once or delivered unseen; a keyed hash is kept, and what must be kept is sealed", []string{"libs/secret", "libs/openbao", issuanceCode + "/internal/api", issuanceCode + "/internal/delivery"}, "NHI2, PR.DS-01"},
	"D12": {"What is shown of a credential later is a mask", []string{"libs/secret", "services/portal/web"}, "NHI2"},
	"D14": {"A redirect URI is compared exactly", []string{issuanceCode + "/internal/credential", issuanceCode + "/internal/oauth"}, "API2, API8"},
	"D13": {"A reported leak ends the secret at once, and the time it took is on record", []string{issuanceCode + "/internal/intake", issuanceCode + "/internal/credential"}, "NHI2, RS.MI-01"},
	"D15": {"Issuing needs an authorization that approval gave", []string{issuanceCode + "/internal/authorization"}, "NHI4, PR.AA-05"},
	"D16": {"The server refuses what the pages hide", []string{issuanceCode + "/internal/oauth", issuanceCode + "/internal/credential"}, "API8"},
	"D17": {"People come by OpenID Connect, applications by keys and tokens of their scopes", []string{identityCode + "/internal/signon", issuanceCode + "/internal/oauth", issuanceCode + "/internal/credential"}, "API2, NHI4"},
	"D18": {"Live credentials are an inventory that tells the orphaned, unused, ageing and never rotated", []string{issuanceCode + "/internal/view", issuanceCode + "/internal/api"}, "NHI1, ID.AM-02"},
	"D19": {"A grant is narrowed to what is used, never widened", []string{approvalCode + "/internal/grant"}, "NHI5"},
	"D21": {"What people and policies change reaches live credentials", []string{"libs/lineage", issuanceCode + "/internal/policy"}, "NHI1"},
	"E2":  {"The admin plane is on no public listener", []string{"libs/service", "docker-compose.yaml"}, "API8, PR.IR-01"},
	"E3":  {"Limits by person, application and organisation hold across instances", []string{"libs/endpoint", "libs/service"}, "API4"},
	"E7":  {"The authorizer checks scopes and product again", []string{gatewayCode + "/internal/verdict"}, "API5"},
	"G1":  {"Sign-ins, registrations, credentials, scopes and roles are on record", []string{auditCode + "/internal/record", "proto"}, "DE.CM-03, PR.PS-04"},
	"G2":  {"Records leave as OCSF without loss", []string{auditCode + "/internal/ocsf", auditCode + "/internal/feed"}, "DE.AE-03"},
	"G3":  {"A call is followed from the portal to its record by one trace", []string{"libs/service", "libs/eventlog"}, "DE.AE-03"},
	"G10": {"Each call is decided from the state of that moment", []string{gatewayCode + "/internal/verdict"}, "PR.AA-05"},
	"H1":  {"A strict content policy and the other security headers", []string{portalCode + "/internal/ui", "libs/endpoint"}, "API8"},
	"H4":  {"One form of error, without internals", []string{"libs/problem"}, "API3, API8"},
	"H5":  {"Bodies, pages and time are bounded", []string{"libs/endpoint", "libs/service"}, "API4"},
	"L1":  {"A revocation ends in a signed receipt of every authorizer, and without a lease what is sensitive is refused", []string{gatewayCode, issuanceCode + "/internal/applied", "libs/receipt"}, "RS.MI-01"},
	"L2":  {"An authorizer starts from its sealed snapshot and the tail, and serves nothing before it has caught up", []string{gatewayCode + "/internal/fold", gatewayCode + "/internal/snapshot", "libs/lineage"}, "RS.MI-01"},
	"E4":  {"Consumers' calls are limited as the product says, over all authorizers together", []string{registryCode + "/internal/product", gatewayCode}, "API4, PR.IR-04"},
	"L14": {"What a grant gives and nobody uses is proposed to go, and comes back by one step", []string{approvalCode + "/internal/grant", gatewayCode + "/internal/record"}, "NHI5, PR.AA-05"},
	"L18": {"Every decision of an authorizer carries an id from which it is reached again", []string{gatewayCode + "/internal/decision", gatewayCode + "/internal/why"}, "DE.AE-03, PR.PS-04"},
	"L3":  {"One ending reaches all that descends from it, and the list of it is signed", []string{"libs/lineage", issuanceCode + "/internal/killtree", issuanceCode + "/endings"}, "NHI1, RS.MI-01"},
	"L20": {"Every cause of revocation is told to who reads a stream, once, and what a provider revokes ends here", []string{issuanceCode + "/internal/signal", issuanceCode + "/internal/transmit", identityCode + "/internal/signon"}, "NHI1, RS.CO-03"},
	"L4":  {"The log's tree proves each record, offline", []string{auditCode + "/internal/tree", auditCode + "/verify"}, "PR.PS-04"},
	"L6":  {"Erasing a person leaves the proofs whole", []string{"libs/eventlog", identityCode + "/internal/person"}, "PR.DS-01"},
	"L7":  {"Quorums by different people, of the content they saw", []string{approvalCode + "/internal/request"}, "PR.AA-05"},
	"L8":  {"A review without an answer has a defined result", []string{approvalCode + "/internal/request", "libs/deadline"}, "PR.AA-05"},
	"L9":  {"One engine ends everything that has an end", []string{"libs/deadline"}, "NHI7"},
	"L10": {"An old secret goes once it is proven unused, at the latest at its deadline, and never comes back", []string{issuanceCode + "/internal/cutover", issuanceCode + "/internal/credential"}, "NHI7"},
	"L11": {"Whoever finds a key can end it; the owners hear of it, with what it was used for", []string{"libs/secret", issuanceCode + "/internal/intake", issuanceCode + "/internal/leak", issuanceCode + "/internal/detector"}, "NHI2, RS.MI-01, RS.AN-03"},
	"L12": {"An owner's departure orphans, it does not surprise", []string{registryCode + "/internal/application", registryCode + "/internal/policy"}, "NHI1"},
	"P13": {"An authorizer is ready soon after its start, from its snapshot and the tail", []string{gatewayCode + "/internal/snapshot", "libs/lineage"}, "PR.IR-04"},
	"P12": {"Memory of the authorizer grows with live keys alone", []string{gatewayCode + "/internal/fold"}, "PR.IR-04"},
	"X1":  {"Services exchange state by the log alone", []string{"libs/eventlog", "libs/embedded", "docker-compose.yaml"}, "PR.IR-01"},
	"X10": {"What comes from another system is approved like anything else, marked, and ends", []string{"services/chancery/internal/imports", issuanceCode + "/internal/api"}, "NHI7, ID.AM-08"},
	"X2":  {"Every view can be dropped and made again", []string{"libs/projection", "libs/testkit"}, "RC.RP-03"},
	"X3":  {"An accepted command is on disk, once", []string{"libs/eventlog"}, "PR.DS-01, PR.IR-03"},
	"X4":  {"Every door of the authorizer says the same", []string{gatewayCode + "/internal/doors"}, "API5"},
	"X5":  {"A leaver is cut off at once", []string{identityCode + "/internal/person"}, "NHI1"},
	"X6":  {"OAuth as its standards say", []string{issuanceCode + "/internal/oauth", "libs/accesstoken", "libs/dpop", "libs/jws"}, "API2"},
	"X7":  {"A person's values are gone from streams and views after erasure", []string{"libs/eventlog", identityCode + "/internal/policy"}, "PR.DS-01"},
	"X9":  {"Subscribers get what is theirs, complete, and nothing else", []string{auditCode + "/internal/subscription", auditCode + "/internal/feed"}, "API1, DE.AE-03"},
}
