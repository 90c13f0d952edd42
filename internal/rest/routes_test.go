package rest

// What no operation takes is answered as a problem: methods, paths that are not
// there, and paths that mean two things.

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/authority"
)

// checkProblem checks what every refusal must say, and returns it.
func checkProblem(t *testing.T, w *httptest.ResponseRecorder, status int) refusal {
	t.Helper()
	var p refusal
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("status %d, body %q: %v", w.Code, w.Body, err)
	}
	if w.Code != status || p.Status != status || p.Title != http.StatusText(status) || p.Type != "about:blank" || p.Code == "" || p.Detail == "" {
		t.Errorf("status %d, problem %+v; want %d", w.Code, p, status)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	return p
}

func checkNotAllowed(t *testing.T, s *spoke, method, path string, documented int) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	p := checkProblem(t, w, http.StatusMethodNotAllowed)
	allow := w.Header().Get("Allow")
	if p.Code != "method_not_allowed" || strings.Contains(allow, method) || strings.Count(allow, ",")+1 < documented {
		t.Errorf("%s %s: code %s, Allow %q", method, path, p.Code, allow)
	}
}

func TestPathsThatAreNotThere(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	(&API{Authority: new(authority.Authority)}).Mount(mux)
	for _, path := range []string{
		"/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/tokens", "/api/v1/tokens/", "/api/v1/tokens/batch/",
		"/api/v1/token", "/api/v1/Tokens", "/api/v1/tokens;x", "/api/v1/verify/", "/api/openapi.yaml", "/api/docs", "/api/schemas/Token",
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		checkProblem(t, w, http.StatusNotFound)
	}
}

// TestUncleanPaths: were the front door to let such a path through, the spoke would still not redirect it.
func TestUncleanPaths(t *testing.T) {
	t.Parallel()
	s := newSpoke(&API{Authority: new(authority.Authority)})
	for _, path := range []string{"/api//v1/tokens", "/api/v1/./tokens", "/api/v1/x/../tokens", "/api/v1/tokens/.", "/api/v1/tokens/%2e%2e/verify"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.URL.Path, r.URL.RawPath = strings.ReplaceAll(path, "%2e", "."), path
		s.ServeHTTP(w, r)
		checkProblem(t, w, http.StatusNotFound)
		if w.Header().Get("Location") != "" {
			t.Errorf("%s is redirected", path)
		}
	}
}
