package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/keywright/keywright"
)

// TestMetrics: what is scraped says how verifications ended and that facts are remembered, and nothing of any secret. At the doors
// for everybody there are none.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Metrics: "127.0.0.1:0"})
	admin := s.admin(t)
	issued, err := admin.CreateToken(t.Context(), keywright.NewToken{Scopes: []string{"a"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	verify := func(times int) {
		for range times {
			if _, err := holderOf(s, issued).Verify(t.Context(), keywright.VerifyRequest{Scopes: []string{"a"}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	verify(3)
	if _, err := admin.DisableToken(t.Context(), issued.Token.ID); err != nil {
		t.Fatal(err)
	}
	verify(2)

	res, err := http.Get("http://" + s.beside[0].listener.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`keywright_verifications_total{door="verify",reason="allowed"} 3`, `keywright_verifications_total{door="verify",reason="disabled"} 2`,
		`keywright_lease_held 1`, `keywright_nodes 1`, `keywright_revision_applied [1-9]\d*`, `keywright_cache_entries{kind="token"} 1`, `keywright_change_wait_seconds_count [1-9]\d*`,
		`keywright_database_writes_waiting 0`, `keywright_build_info{go_version=".*",version="dev"} 1`, `go_goroutines \d+`,
	} {
		if !regexp.MustCompile("(?m)^" + strings.ReplaceAll(line, "{", `\{`) + "$").Match(text) {
			t.Errorf("there is no %s", line)
		}
	}
	if strings.Contains(string(text), issued.Token.ID.String()) || strings.Contains(string(text), issued.ClientSecret.Reveal()) {
		t.Error("a token is named")
	}
	if res, err := http.Get(s.Opened.URL + "/metrics"); err != nil || res.StatusCode != http.StatusNotFound {
		t.Errorf("at the doors: %v %v", res, err)
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Errorf("inconsistent: %s", w.Body)
	}
}
