package endpoint_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chancery-dev/chancery/libs/endpoint"
)

// The guard with its signature check beside a handler that only answers, both without a network.
func BenchmarkGuard(b *testing.B) {
	w := newWorld(b, func(o *endpoint.Options) {
		o.Limits = endpoint.Limits{Address: endpoint.Rate{Count: 1 << 40, Per: minute}, Person: endpoint.Rate{Count: 1 << 40, Per: minute}, Organization: endpoint.Rate{Count: 1 << 40, Per: minute}}
	}, nil)
	id := w.create("one")
	handler := w.handler
	token := "Bearer " + w.portal.Token("notes", w.ann)
	b.Run("plain", func(b *testing.B) {
		plain := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"id":"1"}`) })
		for b.Loop() {
			plain.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/notes/"+id, nil))
		}
	})
	b.Run("guarded", func(b *testing.B) {
		for b.Loop() {
			r := httptest.NewRequest("GET", "/v1/notes/"+id, nil)
			r.Header.Set("Authorization", token)
			answer := httptest.NewRecorder()
			if handler.ServeHTTP(answer, r); answer.Code != 200 {
				b.Fatal(fmt.Sprint(answer.Code, answer.Body))
			}
		}
	})
}
