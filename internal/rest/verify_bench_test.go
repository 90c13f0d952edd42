package rest

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// BenchmarkVerify is the hot door without the network: what a request costs between net/http's mux and its writer.
func BenchmarkVerify(b *testing.B) {
	in := open(b, "http://localhost")
	mux := http.NewServeMux()
	(&API{Authority: in.authority, Address: func(*http.Request) netip.Addr { return netip.Addr{} }}).Mount(mux)
	key := in.issueFor("invoices:read")
	verifier := in.issueFor("keywright:tokens:verify")
	for name, bb := range map[string]struct{ key, body string }{
		"self":    {key, `{"scopes":["invoices:read"]}`},
		"another": {verifier, `{"token":"` + key + `","scopes":["invoices:read"]}`},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodPost, verifyPath, nil)
			r.Header.Set("Authorization", "Bearer "+bb.key)
			r.Header.Set("Content-Type", "application/json")
			body := strings.NewReader(bb.body)
			r.Body, r.ContentLength = reading{body}, int64(len(bb.body))
			w := &mutedWriter{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(bb.body)
				clear(w.header)
				mux.ServeHTTP(w, r)
			}
			if w.status != 0 {
				b.Fatal(w.status)
			}
		})
	}
}

type reading struct{ *strings.Reader }

func (reading) Close() error { return nil }
