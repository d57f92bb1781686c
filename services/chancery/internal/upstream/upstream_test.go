package upstream_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/chancery-dev/chancery/services/chancery/internal/upstream"
)

func TestAnswersComeFromTheContract(t *testing.T) {
	raw, err := os.ReadFile("../world/contracts/ledger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	api := upstream.New(doc, "/ledger/v1")
	for _, c := range []struct {
		method, path string
		status       int
		holds        string
	}{
		{"GET", "/ledger/v1/accounts", 200, "Operating account"},
		{"GET", "/ledger/v1/accounts/acc_7f2/balance", 200, "18204.55"},
		{"POST", "/ledger/v1/payments", 201, "Harbour Logistics"},
		{"DELETE", "/ledger/v1/webhooks/wh_1", 204, ""},
		{"GET", "/ledger/v1/nothing", 404, "not found"},
		{"PATCH", "/ledger/v1/accounts", 404, "not found"},
	} {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest(c.method, c.path, http.NoBody))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.holds) {
			t.Errorf("%s %s: %d %q, want %d with %q", c.method, c.path, w.Code, w.Body, c.status, c.holds)
		}
	}
}
