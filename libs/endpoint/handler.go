package endpoint

import (
	"net/http"
	"path"
	"strings"

	"github.com/chancery-dev/chancery/libs/problem"
)

// Handler serves the API. It names every request, bounds its head, and answers what no operation answers as a problem.
func (a *API) Handler() http.Handler { return a.handler() }

func (a *API) finish() http.Handler {
	document, err := a.OpenAPI()
	if err != nil {
		panic("endpoint: the OpenAPI document cannot be written: " + err.Error())
	}
	a.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		_, _ = w.Write(document)
	})
	return http.HandlerFunc(a.serve)
}

func (a *API) serve(out http.ResponseWriter, r *http.Request) {
	w := &writer{ResponseWriter: out}
	id := r.Header.Get(RequestIDHeader)
	if !isRequestID(id) {
		id = newUUID()
	}
	r = r.WithContext(problem.WithRequestID(r.Context(), id))
	SecurityHeaders(w.Header())
	w.Header().Set(RequestIDHeader, id)
	if err := boundHead(r); err != nil {
		problem.Write(w, err, id)
		return
	}
	if _, pattern := a.mux.Handler(r); pattern == "" {
		problem.Write(w, a.unmatched(r, w.Header()), id)
		return
	}
	a.mux.ServeHTTP(w, r)
}

var (
	errNoOperation = problem.New(problem.NotFound, "no_such_operation", "No operation has this path.")
	errMethod      = problem.New(problem.MethodNotAllowed, "method_not_allowed", "The path exists, the method does not.")
	errHead        = problem.New(problem.HeadersTooLarge, "headers_too_large", "The request's address or headers are larger than allowed.")
	errPath        = problem.New(problem.NotFound, "no_such_operation", "The path is not in its shortest form.")
)

// unmatched is what the mux would say in plain text.
func (a *API) unmatched(r *http.Request, header http.Header) error {
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		probe := &http.Request{Method: m, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(probe); pattern != "" {
			allowed = append(allowed, m)
		}
	}
	if allowed == nil {
		return errNoOperation
	}
	header.Set("Allow", strings.Join(allowed, ", "))
	return errMethod
}

func boundHead(r *http.Request) error {
	size := len(r.RequestURI)
	if size > maxURI {
		return errHead
	}
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + 4
		}
	}
	if size > MaxHeader {
		return errHead
	}
	p := r.URL.Path
	if p == "" || p[0] != '/' || p != "/" && path.Clean(p) != strings.TrimSuffix(p, "/") {
		return errPath
	}
	return nil
}

// SecurityHeaders sets what every answer of an API carries: it is data, for nobody to frame, sniff, cache or script.
func SecurityHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

func isRequestID(s string) bool {
	if len(s) < 8 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// writer knows what has been answered.
type writer struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (w *writer) WriteHeader(status int) {
	if !w.wrote && status >= 200 {
		w.wrote, w.status = true, status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	if !w.wrote {
		w.wrote, w.status = true, http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Flush sends what is buffered, for streams.
func (w *writer) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap serves http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
