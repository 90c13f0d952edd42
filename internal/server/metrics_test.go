package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

	text := s.scraped(t)
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

// scraped is what is told at /metrics.
func (i *instance) scraped(t *testing.T) []byte {
	t.Helper()
	res, err := http.Get("http://" + i.beside[0].listener.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestAnswersAreMeasured: each answer is counted once, at its door, whichever way it came there; and those of doors that nobody measures are
// not.
func TestAnswersAreMeasured(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Metrics: "127.0.0.1:0"})
	issued, err := s.admin(t).CreateToken(t.Context(), keywright.NewToken{Scopes: []string{"a", "keywright:tokens:verify"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	key := issued.APIKey.Reveal()
	want := map[string]int{"change answered": 2} // signing in, and the token
	for _, q := range []struct {
		method, path, body string
		length             int64
		door               string
	}{
		{"POST", "/api/v1/verify", `{"scopes":["a"]}`, 16, "verify answered"},
		{"POST", "/api/v1/verify", `{"scopes":["b"]}`, 16, "verify answered"}, // an answer, although it is no
		{"POST", "/api/v1/verify", `{"scopes":["a"]}`, -1, "verify answered"},
		{"POST", "/api/v1/verify", `{`, 1, "verify refused"},
		{"POST", "/api/v1/verify/batch", `{"items":[{"token":"x"}]}`, 25, "verify_batch answered"},
		{"POST", "/api/v1/facts", `{"token":"x"}`, 13, "facts answered"},
		{"POST", "/oauth2/introspect", "token=x", 7, "introspect answered"},
		{"POST", "/oauth2/token", "grant_type=client_credentials", 29, "token answered"},
		{"GET", "/check/nginx/scope/a", "", 0, "check answered"},
		{"GET", "/check/nginx/scope/a", "", 0, "check answered"}, // the short way
		{"GET", "/check/nginx/scope/b", "", 0, "check refused"},
		{"GET", "/api/v1/whoami", "", 0, "read answered"},
		{"GET", "/api/v1/nowhere", "", 0, "read refused"},
		{"POST", "/api/v1/tokens", `{}`, 2, "change refused"},
		{"GET", "/healthz", "", 0, ""},
		{"GET", "/api/v1/changes?since=0&follower=" + issued.Token.ID.String(), "", 0, ""},
	} {
		r := httptest.NewRequest(q.method, q.path, strings.NewReader(q.body))
		r.ContentLength = q.length
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/json")
		if strings.HasPrefix(q.path, "/oauth2/") {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth(issued.Token.ID.String(), issued.ClientSecret.Reveal())
		}
		w := httptest.NewRecorder()
		if s.Handler().ServeHTTP(w, r); q.door != "" {
			want[q.door]++
		}
		if refused := strings.HasSuffix(q.door, "refused"); refused != (w.Code >= 400) {
			t.Errorf("%s %s: %d %s", q.method, q.path, w.Code, w.Body)
		}
	}
	got := map[string]int{}
	text := s.scraped(t)
	for _, found := range regexp.MustCompile(`(?m)^keywright_answer_seconds_count\{door="(\w+)",result="(\w+)"\} (\d+)$`).FindAllSubmatch(text, -1) {
		if n, _ := strconv.Atoi(string(found[3])); n > 0 {
			got[string(found[1])+" "+string(found[2])] = n
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want, +got:\n%s", diff)
	}
	for _, line := range []string{
		`keywright_answer_seconds_bucket{door="check",result="answered",le="5e-06"} \d`, `keywright_answer_seconds_bucket{door="check",result="answered",le="1"} 2`,
		`keywright_answer_seconds_sum{door="token",result="answered"} 0\.\d+|\d\.\d+e-\d+`, `keywright_answer_seconds_count{door="ext_authz",result="failed"} 0`, `keywright_answer_seconds_count{door="spoe",result="answered"} 0`,
	} {
		if !regexp.MustCompile("(?m)^" + strings.ReplaceAll(line, "{", `\{`) + "$").Match(text) {
			t.Errorf("there is no %s", line)
		}
	}
}
