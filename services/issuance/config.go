package issuance

// config is what issuance reads beside what every service does.
type config struct {
	Issuer string `env:"CHANCERY_ISSUER, required" doc:"issuer of access tokens: the public address of the portal" want:"https://host"`
}
