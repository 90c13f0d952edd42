package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// inFront stands between a person and a real server: it lets the first requests to path through,
// then what fails says.
func inFront(t *testing.T, keys *keywrighttest.Server, path string, first int64, fails func(next http.Handler) http.HandlerFunc) string {
	t.Helper()
	to, err := url.Parse(keys.URL)
	if err != nil {
		t.Fatal(err)
	}
	server := httputil.NewSingleHostReverseProxy(to)
	var seen atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path && seen.Add(1) > first {
			fails(server)(w, r)
			return
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

func unavailable(http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
}

// answerLost has the request done and cuts the connection instead of answering.
func answerLost(next http.Handler) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
}

// An import that breaks off says what is imported and where to look; again, it imports what is missing.
func TestImportBreaksOff(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	var file strings.Builder
	for i := range 700 {
		file.WriteString(`{"key":"legacy-key-number-` + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + `","scopes":["a:b"]}` + "\n")
	}
	for _, step := range []struct {
		front string
		code  int
		out   string
		err   string
	}{
		{inFront(t, keys, "/api/v1/tokens/import/batch", 1, unavailable), exitUnavailable, `{"imported":500,"refused":[]}`, "lines from 501 on are not known to be imported"},
		{keys.URL, exitRefused, `{"imported":200,"refused":[{"line":1,`, ""},
	} {
		p := sitDown(t, keys, file.String())
		p.InTerminal, p.ErrTerminal = false, false
		p.moveTo(t, step.front)
		code := p.keywright(t, "token", "import", "-", "--json")
		if code != step.code || !strings.HasPrefix(p.out.String(), step.out) || !strings.Contains(p.err.String(), step.err) {
			t.Errorf("exit code %d\n%.200s\n%s", code, p.out.String(), p.err.String())
		}
	}
	if got := len(actions(t, keys)); got != 200 { // of 700; one page is 200
		t.Errorf("%d events on the first page", got)
	}
}

// moveTo has the same session at another address.
func (p *person) moveTo(t *testing.T, address string) {
	t.Helper()
	err := p.changeContexts(func(saved *savedContexts) error {
		c := saved.Contexts[saved.Current]
		c.URL = address
		saved.Contexts[saved.Current] = c
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A create whose answer is lost says how to repeat it, and repeated so it is done once.
func TestLostAnswerOfCreate(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	create := []string{"token", "create", "--label", "once", "--scope", "a:b", "--json"}
	p := sitDown(t, keys, "")
	p.moveTo(t, inFront(t, keys, "/api/v1/tokens", 0, answerLost))
	code := p.keywright(t, create...)
	again := regexp.MustCompile(`--idempotency-key=(\S+)`).FindString(p.err.String())
	if code != exitUnavailable || again == "" {
		t.Fatalf("exit code %d: %s", code, p.err.String())
	}
	p.moveTo(t, keys.URL)
	if code := p.keywright(t, append(create, again)...); code != 0 || !strings.Contains(p.out.String(), `"api_key":"kw_`) {
		t.Errorf("again: exit code %d: %s", code, p.err.String())
	}
	if got := actions(t, keys); !slices.Equal(got, []string{"token.create"}) {
		t.Errorf("events %v", got)
	}
	list, err := keys.Client.Tokens(t.Context(), keywright.TokenQuery{})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("%d tokens, %v", len(list.Items), err)
	}
}
