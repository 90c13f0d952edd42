package oauth_test

// The token endpoint: RFC 6749 sections 2.3, 3.2, 4.4 and 5, RFC 8693, RFC 8707, RFC 9700. Unknown and wrong get the
// same answer; a flood of wrong secrets does not lock the owner out.

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

func TestToken(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read", "invoices:write", "table://my.app.**"}, Audience: []string{"https://api.example", "http"}})
	other := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	ask := func(pairs ...string) url.Values {
		form := url.Values{"grant_type": {"client_credentials"}}
		for i := 0; i < len(pairs); i += 2 {
			form.Add(pairs[i], pairs[i+1])
		}
		return form
	}
	encoded := "Basic " + base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(c.id, "-", "%2D")+":%"+fmt.Sprintf("%X", c.secret[0])+c.secret[1:]))

	for name, tt := range map[string]struct {
		call   call
		status int
		want   string // the scope granted, or the error
	}{
		"RFC 6749 2.3.1 Basic":                       {call{basic: &c, form: ask()}, 200, "invoices:read invoices:write table://my.app.**"},
		"RFC 6749 2.3.1 in the body":                 {call{form: ask("client_id", c.id, "client_secret", c.secret)}, 200, "invoices:read invoices:write table://my.app.**"},
		"RFC 6749 2.3.1 Basic, form-encoded":         {call{form: ask("scope", "invoices:read"), header: http.Header{"Authorization": {encoded}}}, 200, "invoices:read"},
		"RFC 7617 2 scheme in any case":              {call{form: ask(), header: http.Header{"Authorization": {"bAsIc" + encoded[5:]}}}, 200, "invoices:read invoices:write table://my.app.**"},
		"RFC 6749 2.3.1 Basic and its client_id":     {call{basic: &c, form: ask("client_id", c.id, "scope", "invoices:read")}, 200, "invoices:read"},
		"RFC 6749 2.3.1 Basic and another client_id": {call{basic: &c, form: ask("client_id", other.id)}, 400, "invalid_request"},
		"RFC 6749 2.3.1 Basic and body at once":      {call{basic: &c, form: ask("client_id", c.id, "client_secret", c.secret)}, 400, "invalid_request"},
		"RFC 6749 2.3.1 Basic and a secret":          {call{basic: &c, form: ask("client_secret", c.secret)}, 400, "invalid_request"},
		"RFC 7521 4.2 Basic and an assertion":        {call{basic: &c, form: ask("client_assertion", "x")}, 400, "invalid_request"},
		"RFC 7521 4.2 an assertion alone":            {call{form: ask("client_assertion", "x")}, 401, "invalid_client"},
		"RFC 6749 3.2.1 nobody":                      {call{form: ask()}, 401, "invalid_client"},
		"RFC 6749 3.2.1 id without secret":           {call{form: ask("client_id", c.id)}, 401, "invalid_client"},
		"RFC 6749 3.2.1 empty secret":                {call{form: ask("client_id", c.id, "client_secret", "")}, 401, "invalid_client"},
		"RFC 6749 3.2.1 secret without id":           {call{form: ask("client_secret", c.secret)}, 401, "invalid_client"},
		"id in upper case":                           {call{basic: &client{id: strings.ToUpper(c.id), secret: c.secret}, form: ask()}, 401, "invalid_client"},
		"id with a space":                            {call{basic: &client{id: c.id + "+", secret: c.secret}, form: ask()}, 401, "invalid_client"},
		"API key as Bearer":                          {call{bearer: c.key, form: ask()}, 401, "invalid_client"},
		"RFC 9110 5.3 two Authorization headers":     {call{form: ask(), header: http.Header{"Authorization": {encoded, encoded}}}, 400, "invalid_request"},

		"RFC 6749 3.2 grant_type twice":          {call{basic: &c, form: ask("grant_type", "client_credentials")}, 400, "invalid_request"},
		"RFC 6749 3.2 scope twice":               {call{basic: &c, form: ask("scope", "invoices:read", "scope", "invoices:read")}, 400, "invalid_request"},
		"RFC 6749 3.2 client_id twice":           {call{form: ask("client_id", c.id, "client_id", c.id, "client_secret", c.secret)}, 400, "invalid_request"},
		"RFC 6749 3.2 empty scope is omitted":    {call{basic: &c, form: ask("scope", "")}, 200, "invoices:read invoices:write table://my.app.**"},
		"RFC 6749 3.2 unknown parameter":         {call{basic: &c, form: ask("foo", "1", "scope", "invoices:read")}, 200, "invoices:read"},
		"RFC 6749 2.3.1 credentials in the URL":  {call{path: "?client_id=" + c.id + "&client_secret=" + c.secret, form: ask()}, 400, "invalid_request"},
		"RFC 6749 3.2 grant in the URL":          {call{path: "?grant_type=client_credentials", basic: &c, raw: "scope=invoices:read"}, 400, "invalid_request"},
		"RFC 9700 4.3.2 access_token in the URL": {call{path: "?access_token=" + c.key, form: ask()}, 401, "invalid_client"},
		"RFC 6749 4.4.2 JSON":                    {call{basic: &c, raw: "{}", header: http.Header{"Content-Type": {"application/json"}}}, 415, "invalid_request"},
		"RFC 6749 4.4.2 no type":                 {call{basic: &c, form: ask(), header: http.Header{"Content-Type": nil}}, 415, "invalid_request"},
		"a body too large":                       {call{basic: &c, form: ask("foo", strings.Repeat("x", 65<<10))}, 413, "invalid_request"},
		"half an escape":                         {call{basic: &c, raw: "grant_type=client_credentials&scope=%2"}, 400, "invalid_request"},
		"not UTF-8":                              {call{basic: &c, raw: "grant_type=client_credentials&scope=%C0%AE"}, 400, "invalid_request"},

		"RFC 6749 5.2 no grant_type":          {call{basic: &c, form: url.Values{"scope": {"invoices:read"}}}, 400, "invalid_request"},
		"RFC 6749 5.2 empty body":             {call{basic: &c}, 400, "invalid_request"},
		"RFC 9700 2.4 password":               {call{basic: &c, form: url.Values{"grant_type": {"password"}, "username": {"admin"}, "password": {"x"}}}, 400, "unsupported_grant_type"},
		"RFC 6749 5.2 authorization_code":     {call{basic: &c, form: url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}}, 400, "unsupported_grant_type"},
		"RFC 6749 5.2 unknown grant":          {call{basic: &c, form: url.Values{"grant_type": {"CLIENT_CREDENTIALS"}}}, 400, "unsupported_grant_type"},
		"RFC 6749 3.3 narrowed":               {call{basic: &c, form: ask("scope", "table://my.app.test")}, 200, "table://my.app.test"},
		"RFC 6749 3.3 order and repeats":      {call{basic: &c, form: ask("scope", "invoices:write invoices:read  invoices:write ")}, 200, "invoices:read invoices:write"},
		"RFC 6749 5.2 scope beyond":           {call{basic: &c, form: ask("scope", "invoices:delete")}, 400, "invalid_scope"},
		"RFC 6749 5.2 scope wider":            {call{basic: &c, form: ask("scope", "invoices:*")}, 400, "invalid_scope"},
		"RFC 6749 5.2 one of two beyond":      {call{basic: &c, form: ask("scope", "invoices:read invoices:delete")}, 400, "invalid_scope"},
		"RFC 6749 5.2 reserved scope":         {call{basic: &c, form: ask("scope", "keywright:tokens:write")}, 400, "invalid_scope"},
		"RFC 6749 3.3 scope with a quote":     {call{basic: &c, form: ask("scope", `invoices:"read`)}, 400, "invalid_scope"},
		"RFC 6749 3.3 scope with a backslash": {call{basic: &c, form: ask("scope", `invoices:\read`)}, 400, "invalid_scope"},
		"RFC 6749 3.3 scope with NUL":         {call{basic: &c, form: ask("scope", "invoices:\x00")}, 400, "invalid_scope"},
		"RFC 6749 3.3 divided by a tab":       {call{basic: &c, form: ask("scope", "invoices:read\tinvoices:write")}, 400, "invalid_scope"},

		"RFC 8707 2 resource":                        {call{basic: &c, form: ask("scope", "invoices:read", "resource", "https://api.example")}, 200, "invoices:read"},
		"RFC 8707 2 resource not registered":         {call{basic: &c, form: ask("resource", "https://other.example")}, 400, "invalid_target"},
		"RFC 8707 2 one of two not registered":       {call{basic: &c, form: ask("resource", "https://api.example", "resource", "https://other.example")}, 400, "invalid_target"},
		"RFC 8707 2 relative resource":               {call{basic: &c, form: ask("resource", "/api")}, 400, "invalid_target"},
		"RFC 8707 2 resource with a fragment":        {call{basic: &c, form: ask("resource", "https://api.example#x")}, 400, "invalid_target"},
		"RFC 8707 2 resource with an empty fragment": {call{basic: &c, form: ask("resource", "https://api.example#")}, 400, "invalid_target"},
		"RFC 8693 2.1 audience":                      {call{basic: &c, form: ask("scope", "invoices:read", "audience", "http", "audience", "https://api.example")}, 200, "invoices:read"},
		"RFC 8693 2.1 audience not registered":       {call{basic: &c, form: ask("audience", "other")}, 400, "invalid_target"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.call.path = tokenPath + tt.call.path
			a := in.do(tt.call)
			if tt.status == http.StatusOK {
				a.granted(t, tt.want)
				return
			}
			a.errorIs(t, tt.status, tt.want)
			if challenge := a.header.Get("WWW-Authenticate"); (a.status == 401) != (challenge == `Basic realm="keywright"`) {
				t.Errorf("%d with challenge %q", a.status, challenge)
			}
		})
	}
}

// granted checks RFC 6749 section 5.1.
func (a answer) granted(t *testing.T, scope string) {
	t.Helper()
	a.neverStored(t)
	lifetime, number := a.json["expires_in"].(float64)
	if a.status != 200 || a.json["scope"] != scope || a.json["token_type"] != "Bearer" || !number || lifetime <= 0 {
		t.Fatalf("%d %s, want scope %q", a.status, a.body, scope)
	}
	if _, refresh := a.json["refresh_token"]; refresh {
		t.Error("RFC 6749 4.4.3: there is a refresh token")
	}
	if a.header.Get("Content-Type") != "application/json" {
		t.Errorf("Content-Type %q", a.header.Get("Content-Type"))
	}
}

// RFC 6749 section 5.2: whoever's credentials are not usable hears the same,
// whatever the cause; by either method.
func TestTokenRefusalsAreTheSame(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	refused := in.unusable(keywright.NewToken{Scopes: []string{"invoices:read"}})
	for _, method := range []string{"basic", "post"} {
		var first answer
		for name, c := range refused {
			a := in.do(byMethod(method, c))
			a.errorIs(t, 401, "invalid_client")
			a.header.Del("Date")
			if first.status == 0 {
				first = a
			}
			if a.body != first.body || fmt.Sprint(a.header) != fmt.Sprint(first.header) {
				t.Errorf("%s, %s: %v %s; others hear %v %s", method, name, a.header, a.body, first.header, first.body)
			}
		}
	}
}

func byMethod(method string, c client) call {
	form := url.Values{"grant_type": {"client_credentials"}}
	if method == "basic" {
		return call{path: tokenPath, basic: &c, form: form}
	}
	form.Set("client_id", c.id)
	form.Set("client_secret", c.secret)
	return call{path: tokenPath, form: form}
}

// unusable is one client for every cause for which credentials are not usable.
func (in *instance) unusable(req keywright.NewToken) map[string]client {
	in.t.Helper()
	ctx := in.t.Context()
	refused := map[string]client{}
	for _, cause := range []string{"wrong", "disabled", "expired", "revoked", "deleted"} {
		r := req
		if cause == "expired" {
			r.ExpiresIn = 60
		}
		refused[cause] = in.issue(r)
	}
	wrong := refused["wrong"]
	wrong.secret = strings.Repeat("x", 43)
	refused["wrong"] = wrong
	unknown := wrong
	unknown.id = "0198c0de-0000-7000-8000-000000000001"
	refused["unknown"] = unknown
	refused["malformed secret"] = client{id: wrong.id, secret: "x"}
	refused["malformed id"] = client{id: "x", secret: wrong.secret}
	_, err := in.authority.Disable(ctx, in.admin, refused["disabled"].token)
	must(in.t, err)
	_, err = in.authority.Revoke(ctx, in.admin, refused["revoked"].token, "test")
	must(in.t, err)
	_, err = in.authority.Delete(ctx, in.admin, refused["deleted"].token)
	must(in.t, err)
	in.pass(2 * time.Minute)
	return refused
}

func TestTokenExchange(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read", "invoices:write"}})
	foreign := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	_, err := in.authority.Revoke(t.Context(), in.admin, foreign.token, "test")
	must(t, err)
	narrow := in.grant(c, url.Values{"scope": {"invoices:read"}})
	ask := func(subject string, pairs ...string) url.Values {
		form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}}
		if subject != "" {
			form.Set("subject_token", subject)
			form.Set("subject_token_type", "urn:ietf:params:oauth:token-type:access_token")
		}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return form
	}
	for name, tt := range map[string]struct {
		form   url.Values
		status int
		want   string
	}{
		"RFC 8693 2.1 an API key for less":           {ask(c.key, "scope", "invoices:read"), 200, "invoices:read"},
		"RFC 8693 2.1 an API key for the same":       {ask(c.key), 200, "invoices:read invoices:write"},
		"RFC 8693 2.1 requested_token_type":          {ask(c.key, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token"), 200, "invoices:read invoices:write"},
		"RFC 8693 2.1 what was got by a grant":       {ask(narrow), 400, "invalid_request"},
		"RFC 8693 3 an API key by its own type":      {ask(c.key, "subject_token_type", "urn:keywright:params:oauth:token-type:api_key"), 200, "invoices:read invoices:write"},
		"RFC 8693 2.1 scope beyond":                  {ask(c.key, "scope", "invoices:delete"), 400, "invalid_scope"},
		"RFC 8693 2.2.2 target refused":              {ask(c.key, "resource", "https://other.example"), 400, "invalid_target"},
		"RFC 8693 2.2.2 audience refused":            {ask(c.key, "audience", "other"), 400, "invalid_target"},
		"RFC 8693 2.1 no subject_token":              {ask(""), 400, "invalid_request"},
		"RFC 8693 2.1 no subject_token_type":         {ask(c.key, "subject_token_type", ""), 400, "invalid_request"},
		"RFC 8693 2.1 unknown subject_token_type":    {ask(c.key, "subject_token_type", "urn:ietf:params:oauth:token-type:saml2"), 400, "invalid_request"},
		"RFC 8693 2.1 unknown requested_token_type":  {ask(c.key, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), 400, "invalid_request"},
		"RFC 8693 2.1 actor_token without its type":  {ask(c.key, "actor_token", "x"), 400, "invalid_request"},
		"RFC 8693 2.1 actor_token_type alone":        {ask(c.key, "actor_token_type", "x"), 400, "invalid_request"},
		"RFC 8693 2.1 actor_token":                   {ask(c.key, "actor_token", "x", "actor_token_type", "y"), 400, "invalid_request"},
		"RFC 8693 2.2.2 subject_token is garbage":    {ask("garbage!"), 400, "invalid_request"},
		"RFC 8693 2.2.2 subject_token revoked":       {ask(foreign.key), 400, "invalid_request"},
		"RFC 8693 2.2.2 a client secret is no token": {ask(c.secret), 400, "invalid_request"},
	} {
		for as, basic := range map[string]*client{"as a client": &c, "as the holder": nil} {
			t.Run(name+", "+as, func(t *testing.T) {
				t.Parallel()
				a := in.do(call{path: tokenPath, basic: basic, form: tt.form})
				if tt.status != http.StatusOK {
					a.errorIs(t, tt.status, tt.want)
					return
				}
				a.granted(t, tt.want)
				if a.json["issued_token_type"] != "urn:ietf:params:oauth:token-type:access_token" {
					t.Errorf("RFC 8693 2.2.1: %s", a.body)
				}
			})
		}
	}
	wrong := c
	wrong.secret = strings.Repeat("x", len(c.secret))
	in.do(call{path: tokenPath, basic: &wrong, form: ask(c.key)}).errorIs(t, 401, "invalid_client")
}

// RFC 6749 section 5.2: no input comes back in characters that are not allowed.
func TestTokenReflectsNothing(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	const evil = "\"\\\n\r\t\x00<script>ä\u202e"
	for _, name := range []string{"grant_type", "scope", "resource", "audience", "client_id", "client_secret", "subject_token", evil} {
		form := url.Values{"grant_type": {"client_credentials"}}
		form[name] = []string{evil, evil}
		for _, raw := range []string{form.Encode(), strings.Replace(form.Encode(), "&"+url.QueryEscape(name)+"=", "&ignored=", 1)} {
			a := in.do(call{path: tokenPath, basic: &c, raw: raw})
			for _, member := range []string{"error", "error_description"} {
				text, _ := a.json[member].(string)
				if strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r > 0x7e || r == '"' || r == '\\' }) {
					t.Errorf("%s: %s has %q", name, member, text)
				}
			}
			if a.status >= 500 {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	}
}

// RFC 6749 section 2.3.1: the endpoint is protected against guessing, however the id is spelled and wherever the
// secret is put; and its owner is not locked out by it.
func TestTokenBruteForce(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	wrong := c
	wrong.secret = strings.Repeat("x", 43)
	tries := 0
	for tries < 1000 && in.do(byMethod("basic", wrong)).status == 401 {
		tries++
	}
	encoded := wrong
	encoded.id = strings.ReplaceAll(c.id, "-", "%2D")
	for name, again := range map[string]call{
		"Basic": byMethod("basic", wrong), "body": byMethod("post", wrong), "id encoded": byMethod("basic", encoded),
	} {
		a := in.do(again)
		if a.errorIs(t, 429, "temporarily_unavailable"); a.header.Get("Retry-After") == "" {
			t.Errorf("%s, after %d tries: 429 without Retry-After", name, tries)
		}
	}
	in.grant(c, nil)
}

// An answer that is not known is 503, at every door, and never a refusal. What is remembered is known: with the
// database away nothing can change it. A revocation has to be kept, so it is never known.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	seen, unseen := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}}), in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	token := in.grant(seen, nil)
	must(t, in.store.Close())
	for name, tt := range map[string]call{
		"grant":                       {path: tokenPath, basic: &unseen, form: url.Values{"grant_type": {"client_credentials"}}},
		"introspection":               {path: introspectPath, basic: &unseen, form: url.Values{"token": {unseen.key}}},
		"introspection by Bearer":     {path: introspectPath, bearer: unseen.key, form: url.Values{"token": {token}}},
		"revocation":                  {path: revokePath, basic: &unseen, form: url.Values{"token": {unseen.key}}},
		"revocation, remembered":      {path: revokePath, basic: &seen, form: url.Values{"token": {token}}},
		"revocation of the API key":   {path: revokePath, basic: &seen, form: url.Values{"token": {seen.key}}},
		"revocation of what is none":  {path: revokePath, basic: &seen, form: url.Values{"token": {"garbage"}}},
		"revocation by what is wrong": {path: revokePath, basic: &client{id: seen.id, secret: unseen.secret}, form: url.Values{"token": {"garbage"}}},
	} {
		a := in.do(tt)
		if a.errorIs(t, 503, "temporarily_unavailable"); a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
	}
	if !in.active(seen, token) {
		t.Error("what is remembered is forgotten")
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	for path, allow := range map[string]string{
		tokenPath: "POST", introspectPath: "POST", revokePath: "POST",
		metadataPath: "GET, HEAD", "/.well-known/jwks.json": "GET, HEAD",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			a := in.do(call{method: method, path: path})
			if strings.Contains(allow, method) {
				if a.status == 405 {
					t.Errorf("%s %s: 405", method, path)
				}
				continue
			}
			if a.status != 405 || a.header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q", method, path, a.status, a.header.Get("Allow"))
			}
			a.neverStored(t)
		}
	}
}
