package oauth_test

// Revocation: RFC 7009.

import (
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/keywright/keywright"
)

func TestRevokeRefused(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	wrong := client{id: c.id, secret: "x" + c.secret[1:]}
	if wrong.secret == c.secret {
		wrong.secret = "y" + c.secret[1:]
	}
	form := url.Values{"token": {c.key}}
	for name, tt := range map[string]struct {
		call   call
		status int
		code   string
	}{
		"RFC 7009 2.1 nobody":       {call{form: form}, 401, "invalid_client"},
		"RFC 7009 2.1 wrong secret": {call{basic: &wrong, form: form}, 401, "invalid_client"},
		"RFC 7009 2.1 Bearer wrong": {call{bearer: "garbage-garbage", form: form}, 401, "invalid_token"},
		"RFC 7009 2.1 no token":     {call{basic: &c, form: url.Values{"token_type_hint": {"access_token"}}}, 400, "invalid_request"},
		"RFC 7009 2.1 empty token":  {call{basic: &c, form: url.Values{"token": {""}}}, 400, "invalid_request"},
		"RFC 7009 2.1 in the URL":   {call{path: "?token=" + c.key, basic: &c}, 400, "invalid_request"},
	} {
		tt.call.path = revokePath + tt.call.path
		t.Run(name, func(t *testing.T) { in.do(tt.call).errorIs(t, tt.status, tt.code) })
	}
	if !in.active(c, c.key) {
		t.Error("a refused revocation revoked")
	}
}

// revoked checks RFC 7009 section 2.2: an empty 200, always.
func (a answer) revoked(t *testing.T) {
	t.Helper()
	a.neverStored(t)
	if a.status != http.StatusOK || a.body != "" {
		t.Errorf("%d %q, want an empty 200", a.status, a.body)
	}
}

// RFC 7009 section 2.2: what is not the caller's is left alone, and the answer does not tell.
func TestRevokeLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	other := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	otherAccess := in.grant(other, nil)
	for name, token := range map[string]string{
		"garbage": "garbage", "NUL": "\x00", "no JWT": "eyJhbGciOiJub25lIn0.e30.", "another's API key": other.key,
		"another's access token": otherAccess, "a client secret": c.secret, "a client id": c.id,
	} {
		t.Run(name, func(t *testing.T) {
			in.do(call{path: revokePath, basic: &c, form: url.Values{"token": {token}}}).revoked(t)
		})
	}
	if !in.active(other, other.key) || !in.active(other, otherAccess) || !in.active(c, c.key) {
		t.Error("something was revoked")
	}
}

func TestRevokeAccessToken(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	for name, hint := range map[string]string{
		"no hint": "", "its hint": "access_token", "RFC 7009 2.1 wrong hint": "refresh_token", "RFC 7009 2.1 unknown hint": "nonsense",
	} {
		t.Run(name, func(t *testing.T) {
			token, spared := in.grant(c, nil), in.grant(c, nil)
			form := url.Values{"token": {token}, "token_type_hint": {hint}}
			for range 2 {
				in.do(call{path: revokePath, basic: &c, form: form}).revoked(t)
				if in.active(c, token) {
					t.Error("still active")
				}
			}
			if !in.active(c, spared) {
				t.Error("another access token of the same client was revoked")
			}
		})
	}
	in.grant(c, nil) // the client itself is as it was
}

// RFC 7009 section 2.1: with the API key go the access tokens got for it.
func TestRevokeAPIKey(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	verifier := in.issue(keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}})
	for name, as := range map[string]func(client, *call){
		"by Basic":  func(c client, q *call) { q.basic = &c },
		"by Bearer": func(c client, q *call) { q.bearer = c.key },
		"in the body": func(c client, q *call) {
			q.form.Set("client_id", c.id)
			q.form.Set("client_secret", c.secret)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
			token := in.grant(c, nil)
			q := call{path: revokePath, form: url.Values{"token": {c.key}}}
			as(c, &q)
			in.do(q).revoked(t)
			if in.active(verifier, c.key) || in.active(verifier, token) {
				t.Error("still active")
			}
			in.do(byMethod("basic", c)).errorIs(t, 401, "invalid_client")
		})
	}
}

func TestRevokeConcurrently(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	token := in.grant(c, nil)
	var calls sync.WaitGroup
	for range 100 {
		calls.Go(func() {
			in.do(call{path: revokePath, basic: &c, form: url.Values{"token": {token}}}).revoked(t)
		})
	}
	calls.Wait()
	if in.active(c, token) {
		t.Error("still active")
	}
}
