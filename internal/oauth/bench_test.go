package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/oauth"
)

// BenchmarkIntrospect is the door without the network: what an API pays on each of its own requests.
func BenchmarkIntrospect(b *testing.B) {
	in := &instance{t: b, url: "http://127.0.0.1"}
	in.open(in.url)
	mux := http.NewServeMux()
	doors := &oauth.Server{Authority: in.authority, Issuer: in.url, Address: address}
	doors.Mount(mux)
	caller := in.issue(keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}})
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read", "invoices:write"}})
	body := url.Values{"token": {c.key}}.Encode()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, introspectPath, strings.NewReader(body))
		r.Header.Set("Content-Type", formType)
		r.SetBasicAuth(caller.id, caller.secret)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
