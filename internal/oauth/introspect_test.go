package oauth_test

// Introspection: RFC 7662, and RFC 6750 section 3.1 for callers by Bearer.

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

const inactive = `{"active":false}`

func TestIntrospectCaller(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	verifier := in.issue(keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}})
	plain := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	subject := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	about := func(token string) url.Values { return url.Values{"token": {token}} }
	for name, tt := range map[string]struct {
		call      call
		status    int
		code      string // of the error; empty with 200
		challenge []string
	}{
		"RFC 7662 2.1 Basic":                  {call{basic: &verifier, form: about(subject.key)}, 200, "", nil},
		"RFC 7662 2.1 in the body":            {call{form: url.Values{"token": {subject.key}, "client_id": {verifier.id}, "client_secret": {verifier.secret}}}, 200, "", nil},
		"RFC 7662 2.1 API key as Bearer":      {call{bearer: verifier.key, form: about(subject.key)}, 200, "", nil},
		"RFC 7662 2.1 access token as Bearer": {call{bearer: in.grant(verifier, nil), form: about(subject.key)}, 200, "", nil},
		"RFC 6750 2.1 scheme, several spaces": {call{header: http.Header{"Authorization": {"bEaReR   " + verifier.key}}, form: about(subject.key)}, 200, "", nil},
		"RFC 7662 2.1 about itself":           {call{basic: &plain, form: about(plain.key)}, 200, "", nil},
		"RFC 7662 2.1 itself as Bearer":       {call{bearer: plain.key, form: about(plain.key)}, 200, "", nil},
		"RFC 7662 2.1 its own access token":   {call{basic: &plain, form: about(in.grant(plain, nil))}, 200, "", nil},
		"RFC 7662 2.1 hint not known":         {call{basic: &verifier, form: with(about(subject.key), "token_type_hint", "nonsense")}, 200, "", nil},

		"RFC 7662 2.3 nobody":                  {call{form: about(subject.key)}, 401, "invalid_client", []string{`Basic realm="keywright"`, `Bearer realm="keywright"`}},
		"RFC 7662 2.3 wrong secret":            {call{basic: &client{id: verifier.id, secret: plain.secret}, form: about(subject.key)}, 401, "invalid_client", []string{`Basic realm="keywright"`}},
		"RFC 6750 3.1 unknown Bearer":          {call{bearer: "garbage-garbage", form: about(subject.key)}, 401, "invalid_token", []string{`Bearer realm="keywright", error="invalid_token", error_description="the bearer token is not usable"`}},
		"RFC 6750 3.1 malformed Bearer":        {call{bearer: "kw_x", form: about(subject.key)}, 401, "invalid_token", []string{`Bearer realm="keywright", error="invalid_token", error_description="the bearer token is not usable"`}},
		"RFC 7662 2.1 Bearer without scope":    {call{bearer: plain.key, form: about(subject.key)}, 403, "insufficient_scope", []string{`Bearer realm="keywright", error="insufficient_scope", scope="keywright:tokens:verify"`}},
		"RFC 7662 2.1 Basic without scope":     {call{basic: &plain, form: about(subject.key)}, 403, "unauthorized_client", nil},
		"RFC 6750 2 Bearer and a secret":       {call{bearer: verifier.key, form: with(about(subject.key), "client_secret", "x")}, 400, "invalid_request", nil},
		"RFC 6750 3.1 two headers":             {call{header: http.Header{"Authorization": {"Bearer " + verifier.key, "Bearer " + verifier.key}}, form: about(subject.key)}, 400, "invalid_request", nil},
		"RFC 7662 2.1 no token":                {call{basic: &verifier, form: url.Values{}}, 400, "invalid_request", nil},
		"RFC 7662 2.1 token twice":             {call{basic: &verifier, raw: "token=a&token=a"}, 400, "invalid_request", nil},
		"RFC 7662 2.1 token in the URL":        {call{path: "?token=" + subject.key, basic: &verifier}, 400, "invalid_request", nil},
		"RFC 7662 2.1 JSON":                    {call{basic: &verifier, raw: "{}", header: http.Header{"Content-Type": {"application/json"}}}, 415, "invalid_request", nil},
		"RFC 9700 4.3.2 caller's token in URL": {call{path: "?access_token=" + verifier.key, form: about(subject.key)}, 401, "invalid_client", []string{`Basic realm="keywright"`, `Bearer realm="keywright"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.call.path = introspectPath + tt.call.path
			a := in.do(tt.call)
			if tt.status == http.StatusOK {
				a.neverStored(t)
				if a.status != 200 || a.json["active"] != true {
					t.Errorf("%d %s", a.status, a.body)
				}
				return
			}
			a.errorIs(t, tt.status, tt.code)
			if got := a.header.Values("WWW-Authenticate"); strings.Join(got, "\n") != strings.Join(tt.challenge, "\n") {
				t.Errorf("challenges %q, want %q", got, tt.challenge)
			}
		})
	}
}

// RFC 7662 section 2.2: about what is not active there is one answer, and it
// tells nothing of the cause.
func TestIntrospectInactive(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	caller := in.issue(keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}})
	live := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	presented := map[string]string{
		"garbage":            "garbage",
		"one character":      "x",
		"control characters": "\x00\n",
		"a client secret":    live.secret,
		"a client id":        live.id,
		"changed API key":    live.key[:len(live.key)-1] + "!",
		"no JWT":             "eyJhbGciOiJub25lIn0.e30.",
		"id and secret":      live.id + ":" + live.secret,
		"of another account": in.elsewhere().key,
	}
	refused := in.unusable(keywright.NewToken{Scopes: []string{"invoices:read"}})
	for _, cause := range []string{"disabled", "expired", "revoked", "deleted"} {
		presented[cause] = refused[cause].key
	}
	for name, token := range presented {
		a := in.do(call{path: introspectPath, basic: &caller, form: url.Values{"token": {token}}})
		a.neverStored(t)
		if a.status != 200 || a.body != inactive {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if !in.active(caller, live.key) {
		t.Error("the live token is inactive")
	}
}

// elsewhere is a token of another account.
func (in *instance) elsewhere() client {
	in.t.Helper()
	_, err := in.authority.CreateAccount(in.t.Context(), in.admin, "elsewhere", "")
	must(in.t, err)
	return in.issue(keywright.NewToken{Account: "elsewhere", Scopes: []string{"invoices:read"}})
}

// RFC 7662 section 2.2: a token that is limited to some resource servers is active for these alone.
func TestIntrospectByAudience(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	verifier := func(audience ...string) client {
		return in.issue(keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}, Audience: audience})
	}
	a, b, any := verifier("keywright", "https://a.example"), verifier("keywright", "https://b.example"), verifier()
	forA := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}, Audience: []string{"https://a.example"}})
	forBoth := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}, Audience: []string{"https://a.example", "https://b.example"}})
	narrowed := in.grant(forBoth, url.Values{"resource": {"https://a.example"}})
	for name, tt := range map[string]struct {
		caller client
		token  string
		active bool
	}{
		"API key for A at A":           {a, forA.key, true},
		"API key for A at B":           {b, forA.key, false},
		"API key for both at B":        {b, forBoth.key, true},
		"access token for A at A":      {a, narrowed, true},
		"access token for A at B":      {b, narrowed, false},
		"A, by who serves all":         {any, forA.key, true},
		"another A, by who serves all": {any, narrowed, true},
	} {
		if got := in.active(tt.caller, tt.token); got != tt.active {
			t.Errorf("%s: active is %v", name, got)
		}
	}
}

func TestIntrospectActive(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	caller := in.issue(keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}})
	dated := in.issue(keywright.NewToken{Scopes: []string{"invoices:write", "invoices:read"}, ExpiresIn: 3600})
	permanent := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}, Lifetime: keywright.LifetimePermanent})

	about := in.do(call{path: introspectPath, basic: &caller, form: url.Values{"token": {dated.key}}}).json
	for member, want := range map[string]any{
		"active": true, "scope": "invoices:read invoices:write", "client_id": dated.id, "sub": dated.id,
		"username": "admin", "token_type": "Bearer", "iss": in.url, "account": "default", "space": "default",
	} {
		if about[member] != want {
			t.Errorf("API key: %s is %v, want %v", member, about[member], want)
		}
	}
	if exp, _ := about["exp"].(float64); exp < float64(time.Now().Unix()+3500) || exp > float64(time.Now().Unix()+3700) {
		t.Errorf("exp is %v", about["exp"])
	}
	if about := in.do(call{path: introspectPath, basic: &caller, form: url.Values{"token": {permanent.key}}}).json; about["exp"] != nil || about["active"] != true {
		t.Errorf("permanent: %v", about)
	}

	narrow := in.grant(dated, url.Values{"scope": {"invoices:read"}})
	about = in.do(call{path: introspectPath, basic: &caller, form: url.Values{"token": {narrow}}}).json
	for member, want := range map[string]any{
		"active": true, "scope": "invoices:read", "client_id": dated.id, "sub": dated.id, "token_type": "Bearer", "iss": in.url, "aud": in.url,
	} {
		if about[member] != want {
			t.Errorf("access token: %s is %v, want %v", member, about[member], want)
		}
	}
	for _, member := range []string{"exp", "iat", "jti"} {
		if about[member] == nil {
			t.Errorf("access token: no %s in %v", member, about)
		}
	}
}

// RFC 7662 section 2.2: the owner's state counts. What is disabled or narrowed
// takes its access tokens with it at once, and gives them back.
func TestIntrospectFollowsItsToken(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	caller := in.issue(keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}})
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read", "invoices:write"}})
	token := in.grant(c, nil)
	ctx := t.Context()

	_, err := in.authority.Disable(ctx, in.admin, c.token)
	must(t, err)
	if in.active(caller, token) || in.active(caller, c.key) {
		t.Error("active while its token is disabled")
	}
	_, err = in.authority.Enable(ctx, in.admin, c.token)
	must(t, err)
	if !in.active(caller, token) {
		t.Error("inactive after its token was enabled")
	}
	_, err = in.authority.Edit(ctx, in.admin, c.token, keywright.EditToken{Scopes: &[]string{"invoices:read"}})
	must(t, err)
	about := in.do(call{path: introspectPath, basic: &caller, form: url.Values{"token": {token}}})
	if about.json["scope"] != "invoices:read" && about.body != inactive {
		t.Errorf("after its token was narrowed: %s", about.body)
	}
	in.pass(time.Hour)
	if in.active(caller, token) {
		t.Error("active after it expired")
	}
}
