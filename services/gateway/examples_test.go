package gateway_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3" // named in the example
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3" // named in the example
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// example reads a shipped configuration as one of Envoy's own messages, which knows every field.
func example(t *testing.T, path string, into proto.Message) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/gateways/" + path)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := protojson.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// X4
func TestEnvoyUnderstandsItsExamples(t *testing.T) {
	var all bootstrapv3.Bootstrap
	example(t, "envoy/envoy.yaml", &all)
	if err := all.ValidateAll(); err != nil {
		t.Error(err)
	}
	var manager hcmv3.HttpConnectionManager
	if err := all.GetStaticResources().GetListeners()[0].GetFilterChains()[0].GetFilters()[0].GetTypedConfig().UnmarshalTo(&manager); err != nil {
		t.Fatal(err)
	}
	var filter extauthzv3.ExtAuthz
	if err := manager.GetHttpFilters()[0].GetTypedConfig().UnmarshalTo(&filter); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*extauthzv3.ExtAuthz{&filter, overHTTP(t)} {
		if err := f.ValidateAll(); err != nil {
			t.Error(err)
		}
		shown := map[string]bool{}
		for _, p := range f.GetAllowedHeaders().GetPatterns() {
			shown[p.GetExact()] = true
		}
		for _, name := range []string{"authorization", "x-api-key", "dpop", "x-http-method-override", "x-http-method", "x-method-override"} {
			if !shown[name] {
				t.Errorf("the authorizer is not shown %s", name)
			}
		}
		if f.GetFailureModeAllow() {
			t.Error("calls pass when the authorizer is not there")
		}
	}
	if manager.GetNormalizePath().GetValue() || manager.GetMergeSlashes() || manager.GetForwardClientCertDetails() != hcmv3.HttpConnectionManager_SANITIZE || !filter.GetIncludePeerCertificate() {
		t.Error("Envoy tidies paths, or believes clients about their certificates")
	}
}

func overHTTP(t *testing.T) *extauthzv3.ExtAuthz {
	var one hcmv3.HttpFilter
	example(t, "envoy/over-http.yaml", &one)
	var filter extauthzv3.ExtAuthz
	if err := one.GetTypedConfig().UnmarshalTo(&filter); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(filter.GetHttpService().GetPathPrefix(), "/envoy/") {
		t.Error("the prefix is no door")
	}
	return &filter
}
