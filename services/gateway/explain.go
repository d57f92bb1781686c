package gateway

import (
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/libs/service"
	"github.com/chancery-dev/chancery/services/gateway/internal/api"
	"github.com/chancery-dev/chancery/services/gateway/internal/decision"
	"github.com/chancery-dev/chancery/services/gateway/internal/fold"
	"github.com/chancery-dev/chancery/services/gateway/internal/quota"
	"github.com/chancery-dev/chancery/services/gateway/internal/why"
)

// explaining serves beside the doors what people may ask an authorizer.
func explaining(d service.Deps, seal *decision.Seal, facts *fold.Fold, keeper *quota.Keeper, doors http.Handler) http.Handler {
	api.Routes(d.API, api.Deps{Seal: seal, Fold: facts, Replay: &why.Replay{Follow: d.Log.Follow, Logger: d.Logger}, Read: d.Log.Read, Quota: keeper})
	people := d.API.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/") || r.URL.Path == "/openapi.json" {
			people.ServeHTTP(w, r)
			return
		}
		doors.ServeHTTP(w, r)
	})
}
