package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/dialect"
)

// At a dialect's paths nothing is answered in another shape than its own, and nothing is redirected: not even what no
// operation of it is asked about.
func TestDialectsKeepTheirShape(t *testing.T) {
	t.Parallel()
	front := start(t, Config{}).front
	for _, spoken := range everyDialect() {
		for _, path := range spoken.open(dialect.Config{}).Paths {
			for name, r := range map[string]*http.Request{
				"empty part":      httptest.NewRequest("DELETE", path+"//", nil),
				"dots":            httptest.NewRequest("DELETE", path+"/x/../../..", nil),
				"encoded slash":   httptest.NewRequest("DELETE", path+"/x%2fy", nil),
				"NUL":             httptest.NewRequest("GET", path+"/%00", nil),
				"not UTF-8":       httptest.NewRequest("GET", path+"/%ff", nil),
				"nothing there":   httptest.NewRequest("GET", path+"/nothing/is/here", nil),
				"unused method":   httptest.NewRequest("OPTIONS", path, nil),
				"no method":       httptest.NewRequest("BREW", path, nil),
				"too large":       tooLarge(path),
				"slash at an end": httptest.NewRequest("POST", path+"/", nil),
			} {
				w := httptest.NewRecorder()
				front.ServeHTTP(w, r)
				kind := w.Header().Get("Content-Type")
				if w.Code < 400 || w.Code >= 500 || strings.Contains(kind, "problem") || strings.Contains(kind, "text/plain") || w.Header().Get("Location") != "" {
					t.Errorf("%s, %s %s: %d %v %s", spoken.name, name, path, w.Code, w.Header(), w.Body)
				}
			}
		}
	}
}

func tooLarge(path string) *http.Request {
	r := httptest.NewRequest("POST", path, nil)
	r.ContentLength = 1 << 40
	return r
}

func TestDialectsOff(t *testing.T) {
	t.Parallel()
	front := start(t, Config{Dialects: []string{"none"}}).front
	for _, spoken := range everyDialect() {
		for _, path := range spoken.open(dialect.Config{}).Paths {
			w := httptest.NewRecorder()
			front.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
			if w.Code != http.StatusNotFound {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
	}
}

func TestDialectNames(t *testing.T) {
	t.Parallel()
	for _, chosen := range [][]string{nil, {}, {"none"}, {"meerschaum"}, DialectNames()} {
		if err := checkDialects(chosen); err != nil {
			t.Errorf("%q: %v", chosen, err)
		}
	}
	for _, chosen := range [][]string{{"cobol"}, {"meerschaum", "cobol"}, {"none", "meerschaum"}, {""}, {"Meerschaum"}} {
		if err := checkDialects(chosen); err == nil {
			t.Errorf("%q is taken", chosen)
		}
	}
}

// A server that is told to speak what it does not know says so before it touches anything.
func TestUnknownDialect(t *testing.T) {
	t.Parallel()
	data := t.TempDir() + "/data"
	_, err := Open(t.Context(), Config{Data: data, Listen: "127.0.0.1:0", Dialects: []string{"cobol"}})
	if err == nil || !strings.Contains(err.Error(), `"cobol"`) {
		t.Fatalf("%v", err)
	}
}
