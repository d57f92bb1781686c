package registry_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// B31
func TestAnOperationIsOpenedToAPartOfTheOrganisations(t *testing.T) {
	d := open(t)
	product := d.Call(&d.paula, "POST", "/v1/products", body{"slug": "ledger", "name": "Ledger", "purpose": "see balances"}).Wants(201, "").ID()
	version := d.Call(&d.paula, "POST", "/v1/products/"+product+"/versions", ledger(t)).Wants(201, "").ID()
	var shown struct {
		Operations []struct{ ID string }
		Rollouts   []struct {
			OperationID     string `json:"operation_id"`
			Percent         int
			OrganizationIDs []string `json:"organization_ids"`
		}
	}
	read := func() {
		t.Helper()
		if err := json.Unmarshal(d.Call(&d.paula, "GET", "/v1/versions/"+version, nil).Wants(200, "").Body, &shown); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if len(shown.Operations) == 0 || len(shown.Rollouts) != 0 {
		t.Fatalf("%+v", shown)
	}
	id := shown.Operations[0].ID
	at := "/v1/versions/" + version + "/rollout"
	d.Call(&d.paula, "POST", at, body{"operation_id": "nothing", "percent": 10}).Wants(422, "operation_unknown")
	d.Call(&d.paula, "POST", at, body{"operation_id": id, "percent": 10, "organization_ids": []string{d.northwind, d.northwind}}).Wants(422, "rollout_invalid")
	if got := d.Call(&d.paula, "POST", at, body{"operation_id": id, "percent": 101}); got.Status != 422 {
		t.Errorf("101 percent: %d", got.Status)
	}
	d.Call(&d.paula, "POST", at, body{"operation_id": id, "percent": 10, "organization_ids": []string{d.northwind}}).Wants(200, "")
	read()
	if len(shown.Rollouts) != 1 || shown.Rollouts[0].OperationID != id || shown.Rollouts[0].Percent != 10 || strings.Join(shown.Rollouts[0].OrganizationIDs, "") != d.northwind {
		t.Errorf("%+v", shown.Rollouts)
	}
}
