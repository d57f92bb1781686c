// Package conf carries the configurations with which gateways ask the authorizer.
package conf

import (
	_ "embed" // the configurations
	"strings"
)

//go:embed nginx.conf
var nginx string

// Nginx is nginx's configuration for one API, with host:port of where it listens, the authorizer and the API.
func Nginx(listen, authorizer, upstream string) string {
	return strings.NewReplacer("LISTEN", listen, "AUTHORIZER", authorizer, "UPSTREAM", upstream).Replace(nginx)
}
