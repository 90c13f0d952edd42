package rest

// Bad input at a real instance: each gets a clear 4xx that names the member,
// says no value back and changes nothing.

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright"
)

// unchanged checks that what f does leaves no token and no event.
func (in *instance) unchanged(f func()) {
	in.t.Helper()
	count := func() (int, int) {
		page, err := in.authority.Tokens(in.t.Context(), in.operator(), keywright.TokenQuery{Limit: 200})
		must(in.t, err)
		return len(page.Items), len(in.actions())
	}
	tokens, events := count()
	f()
	if nowTokens, nowEvents := count(); nowTokens != tokens || nowEvents != events {
		in.t.Errorf("%d tokens and %d events became %d and %d", tokens, events, nowTokens, nowEvents)
	}
}

// TestBadBodies sends every malformed body, and those that only the authority can judge.
func TestBadBodies(t *testing.T) {
	t.Parallel()
	in := start(t)
	in.unchanged(func() {
		for name, tt := range badBodies {
			if tt.body == "" {
				continue // below
			}
			a := in.call(in.admin, http.MethodPost, tokensPath, tt.body)
			if p := a.refused(t, tt.status); tt.member != "" && p.Problems[0].Member != strings.ToValidUTF8(tt.member, "") {
				t.Errorf("%s: names %q, want %q", name, p.Problems[0].Member, tt.member)
			}
		}
		in.call(in.admin, http.MethodPost, tokensPath, "").refused(t, http.StatusBadRequest)
		in.call(in.admin, http.MethodPost, tokensPath, strings.Repeat("[", 60_000)).refused(t, http.StatusBadRequest)
		in.call(in.admin, http.MethodPost, tokensPath+"/batch", strings.Repeat("[", 1_000_000)).refused(t, http.StatusBadRequest)
		in.call(in.admin, http.MethodPost, tokensPath, `{"label":"`+strings.Repeat("a", 1<<20)+`"}`).refused(t, http.StatusRequestEntityTooLarge)
	})
}

func TestBadValues(t *testing.T) {
	t.Parallel()
	in := start(t)
	scopes := `"` + strings.Repeat(`a:b","`, 100_000) + `c"`
	for name, tt := range map[string]struct{ body, member string }{
		"label of a megabyte":        {`{"label":"` + strings.Repeat("a", 1<<20) + `"}`, "/label"},
		"label with a line end":      {`{"label":"a\nb"}`, "/label"},
		"label turned around":        {`{"label":"a\u202eb"}`, "/label"},
		"10^5 scopes":                {`{"scopes":[` + scopes + `]}`, "/scopes"},
		"scope with a space":         {`{"scopes":["a","a b"]}`, "/scopes/1"},
		"empty scope":                {`{"scopes":[""]}`, "/scopes/0"},
		"past expiry":                {`{"expires_at":"2001-02-03"}`, "/expires_at"},
		"year 10000":                 {`{"expires_at":"10000-01-01T00:00:00Z"}`, "/expires_at"},
		"no such day":                {`{"expires_at":"2090-02-30"}`, "/expires_at"},
		"not a date":                 {`{"expires_at":"tomorrow"}`, "/expires_at"},
		"negative lifetime":          {`{"expires_in":-1}`, "/expires_in"},
		"lifetime of 2^63-1 seconds": {`{"expires_in":9223372036854775807}`, "/expires_in"},
		"unknown lifetime":           {`{"lifetime":"forever"}`, "/lifetime"},
		"not a network":              {`{"allowed_cidrs":["10.0.0.0/33"]}`, "/allowed_cidrs/0"},
		"unknown space":              {`{"space":"nowhere"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in.unchanged(func() {
				// as an item of a batch, whose limit lets even the longest body through
				a := in.call(in.admin, http.MethodPost, tokensPath+"/batch", `{"items":[`+tt.body+`]}`)
				if tt.member == "" {
					if a.StatusCode < 400 || a.StatusCode > 499 {
						t.Errorf("status %d", a.StatusCode)
					}
					return
				}
				p := a.refused(t, http.StatusUnprocessableEntity)
				want := "/items/0" + tt.member
				if !slices.ContainsFunc(p.Problems, func(each keywright.Problem) bool { return each.Member == want }) {
					t.Errorf("names %+v, want %s", p.Problems, want)
				}
			})
		})
	}
}

// TestValuesAreNotSaidBack puts an API key wherever somebody could by mistake.
func TestValuesAreNotSaidBack(t *testing.T) {
	t.Parallel()
	in := start(t)
	key := in.issueFor("invoices:read")
	quoted := `"` + key + `"`
	for _, tt := range []struct{ method, path, body string }{
		{"POST", tokensPath, `{` + quoted + `:1}`},
		{"POST", tokensPath, `{` + quoted + `:1,` + quoted + `:2}`},
		{"POST", tokensPath, `{"kind":` + quoted + `}`},
		{"POST", tokensPath, `{"lifetime":` + quoted + `}`},
		{"POST", tokensPath, `{"expires_at":` + quoted + `}`},
		{"POST", tokensPath, `{"expires_in":` + quoted + `}`},
		{"POST", tokensPath, `{"owner":` + quoted + `}`},
		{"POST", tokensPath, `{"space":` + quoted + `}`},
		{"POST", tokensPath, `{"account":` + quoted + `}`},
		{"POST", tokensPath, `{"allowed_cidrs":[` + quoted + `]}`},
		{"POST", tokensPath, `{"scopes":["` + key + `::"]}`},
		{"POST", tokensPath, key},
		{"POST", tokensPath + "/bulk", `{"action":` + quoted + `}`},
		{"POST", tokensPath + "/import", `{"sha256":` + quoted + `}`},
		{"POST", tokensPath + "/import", `{"key":` + quoted + `}`},
		{"POST", verifyPath, `{"token":` + quoted + `,"address":` + quoted + `}`},
		{"POST", verifyPath, `{"token":` + quoted + `,"scopes":["` + key + `::"]}`},
		{"POST", verifyPath, `{"token":[` + quoted + `]}`},
		{"POST", verifyPath + "/batch", `{"items":[{"token":` + quoted + `,"colour":` + quoted + `}]}`},
		{"POST", "/api/v1/login", `{"username":` + quoted + `,"password":` + quoted + `}`},
		{"GET", tokensPath + "?cursor=" + key, ""},
		{"GET", tokensPath + "?access_token=" + key, ""},
		{"GET", tokensPath + "?" + key + "=1", ""},
		{"GET", tokensPath + "?kind=" + key, ""},
		{"GET", tokensPath + "/" + key, ""},
		{"GET", "/api/v1/" + key, ""},
	} {
		a := in.call(in.admin, tt.method, tt.path, tt.body)
		if a.StatusCode < 400 || a.StatusCode > 499 {
			t.Errorf("%s %s %s: status %d", tt.method, tt.path, tt.body, a.StatusCode)
		}
		secret := key[25:68]
		for name, values := range a.Header {
			a.body += name + strings.Join(values, " ")
		}
		if strings.Contains(a.body, secret) || strings.Contains(a.body, secret[:20]) {
			t.Errorf("%s %s %s says the key back: %s", tt.method, tt.path, tt.body, a.body)
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	in := start(t)
	made := in.issue(keywright.NewToken{Label: "caller", Scopes: []string{"keywright:tokens:read"}})
	key := made.APIKey.Reveal()
	wrong := key[:len(key)-1] + map[bool]string{true: "0", false: "1"}[key[len(key)-1] != '0']
	basic := func(id, secret string) string {
		r, _ := http.NewRequest(http.MethodGet, "/", nil)
		r.SetBasicAuth(id, secret)
		return r.Header.Get("Authorization")
	}
	for name, tt := range map[string]struct {
		headers   []string
		status    int
		challenge string
	}{
		"bearer":                {[]string{"Bearer " + key}, 200, ""},
		"scheme in small":       {[]string{"bearer " + key}, 200, ""},
		"scheme in capitals":    {[]string{"BEARER " + key}, 200, ""},
		"several spaces":        {[]string{"Bearer    " + key}, 200, ""},
		"basic":                 {[]string{basic(made.Token.ID.String(), made.ClientSecret.Reveal())}, 200, ""},
		"session":               {[]string{"Bearer " + in.admin}, 200, ""},
		"none":                  {nil, 401, `Bearer realm="keywright"`},
		"empty":                 {[]string{""}, 401, `Bearer realm="keywright", error="invalid_token"`},
		"wrong checksum":        {[]string{"Bearer " + wrong}, 401, `Bearer realm="keywright", error="invalid_token"`},
		"wrong secret":          {[]string{basic(made.Token.ID.String(), strings.Repeat("a", 43))}, 401, `Bearer realm="keywright", error="invalid_token"`},
		"unknown id":            {[]string{basic("01890000-0000-7000-8000-000000000000", made.ClientSecret.Reveal())}, 401, `Bearer realm="keywright", error="invalid_token"`},
		"id in capitals":        {[]string{basic(strings.ToUpper(made.Token.ID.String()), made.ClientSecret.Reveal())}, 401, `Bearer realm="keywright", error="invalid_token"`},
		"key with a tail":       {[]string{"Bearer " + key + "="}, 401, `Bearer realm="keywright", error="invalid_token"`},
		"other scheme":          {[]string{"Digest " + key}, 401, `Bearer realm="keywright", error="invalid_token"`},
		"two headers":           {[]string{"Bearer " + key, "Bearer " + key}, 400, ""},
		"two headers, one good": {[]string{"Bearer x", "Bearer " + key}, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			for _, h := range tt.headers {
				headers = append(headers, "Authorization", h)
			}
			a := in.call("", http.MethodGet, tokensPath+"?limit=1", "", headers...)
			if a.StatusCode != tt.status || a.Header.Get("WWW-Authenticate") != tt.challenge {
				t.Errorf("status %d, challenge %q: %s", a.StatusCode, a.Header.Get("WWW-Authenticate"), a.body)
			}
			if tt.status == 401 && a.refused(t, 401).Detail != keywright.ErrUnauthenticated.Error() {
				t.Errorf("the refusal tells why: %s", a.body)
			}
		})
	}
	forbidden := in.call(key, http.MethodPost, tokensPath, `{}`)
	forbidden.refused(t, http.StatusForbidden)
	if got := forbidden.Header.Get("WWW-Authenticate"); got != `Bearer realm="keywright", error="insufficient_scope"` {
		t.Errorf("403 challenges with %q", got)
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	in := start(t)
	for query, member := range map[string]string{
		"limit=0": "limit", "limit=201": "limit", "limit=-1": "limit", "limit=1.0": "limit", "limit=+1": "limit", "limit=01": "limit", "limit=x": "limit",
		"limit=": "limit", "limit=1&limit=2": "limit", "colour=red": "colour", "Limit=1": "Limit", "state=": "state", "state=Active": "state",
		"state=active&state=revoked": "state", "kind=root": "kind", "permanent=1": "permanent", "permanent=yes": "permanent", "parent=x": "parent",
		"ids=x": "ids", "sort=secret": "sort", "sort=label,created": "sort", "label=%00": "label", "label=%ff": "label", "owner=%zz": "query", "a;b": "query",
		"access_token=x": "access_token",
	} {
		p := in.call(in.admin, http.MethodGet, tokensPath+"?"+query, "").refused(t, http.StatusUnprocessableEntity)
		if len(p.Problems) != 1 || p.Problems[0].Member != member {
			t.Errorf("%s: names %+v, want %s", query, p.Problems, member)
		}
	}
	p := in.call(in.admin, http.MethodGet, tokensPath+"?b=1&a=1&limit=0", "").refused(t, http.StatusUnprocessableEntity)
	if len(p.Problems) != 3 || p.Problems[0].Member != "a" {
		t.Errorf("not all told at once: %+v", p.Problems)
	}
	p = in.call(in.admin, http.MethodGet, tokensPath+"?cursor=x", "").refused(t, http.StatusBadRequest)
	if len(p.Problems) != 1 || p.Problems[0].Member != "cursor" {
		t.Errorf("cursor: %+v", p.Problems)
	}
	in.call(in.admin, http.MethodDelete, "/api/v1/accounts/default/users/admin/roles", "").refused(t, http.StatusUnprocessableEntity)
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	in := start(t)
	for _, keys := range [][]string{{"short"}, {strings.Repeat("a", 256)}, {"with a space"}, {"umlaut-ä-ä"}, {""}, {"same-key-1", "same-key-1"}} {
		var headers []string
		for _, key := range keys {
			headers = append(headers, "Idempotency-Key", key)
		}
		in.unchanged(func() {
			p := in.call(in.admin, http.MethodPost, tokensPath, `{}`, headers...).refused(t, http.StatusUnprocessableEntity)
			if p.Problems[0].Member != "Idempotency-Key" {
				t.Errorf("%q: %+v", keys, p.Problems)
			}
		})
	}
}

func TestPathTricks(t *testing.T) {
	t.Parallel()
	in := start(t)
	id := in.issue(keywright.NewToken{Label: "here"}).Token.ID.String()
	for _, path := range []string{
		"/1", "/%231", "/x", "/" + strings.ToUpper(id), "/" + strings.ReplaceAll(id, "-", ""), "/{" + id + "}", "/" + id + "%00", "/" + id + "%20", "/%20" + id,
		"/" + id + "%0a", "/urn:uuid:" + id, "/" + id + ";a=b", "/" + id + "%2f", "/" + id + "%2frotate", "/00000000-0000-0000-0000-000000000000",
		"/%ff" + id, "/" + id + ".json", "/" + strings.Repeat("a", 5000), "/" + id + "%23", "/*", "/01890000-0000-7000-8000-000000000000",
	} {
		in.unchanged(func() {
			in.call(in.admin, http.MethodGet, tokensPath+path, "").refused(t, http.StatusNotFound)
			in.call(in.admin, http.MethodDelete, tokensPath+path, "").refused(t, http.StatusNotFound)
		})
	}
	for _, name := range []string{"nowhere", "a%2fb", "%00", "DEFAULT%20", "%ff", strings.Repeat("a", 300), "default%0a", "a%27b"} {
		in.call(in.admin, http.MethodGet, "/api/v1/accounts/"+name, "").refused(t, http.StatusNotFound)
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	in := start(t)
	for _, path := range []string{tokensPath, verifyPath, verifyBatchPath, "/api/v1/login"} {
		for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"} {
			in.unchanged(func() {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, in.url+path, strings.NewReader(`{}`))
				must(t, err)
				r.Header.Set("Authorization", "Bearer "+in.admin)
				if kind != "" {
					r.Header.Set("Content-Type", kind)
				}
				res, err := in.RoundTrip(r)
				must(t, err)
				defer res.Body.Close()
				if res.StatusCode != http.StatusUnsupportedMediaType {
					t.Errorf("%s as %q: %d", path, kind, res.StatusCode)
				}
			})
		}
	}
}

// TestNoBodyWhereNoneBelongs: a body that would be ignored is refused.
func TestNoBodyWhereNoneBelongs(t *testing.T) {
	t.Parallel()
	in := start(t)
	id := in.issue(keywright.NewToken{Label: "here"}).Token.ID.String()
	in.unchanged(func() {
		in.call(in.admin, http.MethodPost, tokensPath+"/"+id+"/disable", `{"dry_run":true}`).refused(t, http.StatusBadRequest)
		in.call(in.admin, http.MethodDelete, tokensPath+"/"+id, `{"dry_run":true}`).refused(t, http.StatusBadRequest)
	})
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	in := start(t)
	key := in.issueFor("invoices:read")
	verifier := in.issueFor("keywright:tokens:verify")
	for name, tt := range map[string]struct {
		key, body string
		status    int
		member    string
	}{
		"nobody":                {"", `{}`, 401, ""},
		"nobody, about another": {"", `{"token":"` + key + `"}`, 401, ""},
		"not a key":             {"nobody-knows-this-key", `{}`, 401, ""},
		"no right to ask":       {key, `{"token":"` + verifier + `"}`, 403, ""},
		"empty body":            {key, ``, 400, ""},
		"empty token":           {verifier, `{"token":""}`, 422, "/token"},
		"token null":            {verifier, `{"token":null}`, 422, "/token"},
		"malformed scope":       {key, `{"scopes":["invoices:read","a b"]}`, 422, "/scopes/1"},
		"own address claimed":   {key, `{"address":"192.0.2.1"}`, 422, "/address"},
		"not an address":        {verifier, `{"token":"` + key + `","address":"localhost"}`, 422, "/address"},
		"capitals":              {key, `{"Scopes":[]}`, 422, "/Scopes"},
		"duplicate":             {key, `{"scopes":[],"scopes":[]}`, 400, "/scopes"},
		"too long":              {key, `{"space":"` + strings.Repeat("a", bodyLimit) + `"}`, 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := in.call(tt.key, http.MethodPost, verifyPath, tt.body).refused(t, tt.status)
			if tt.member != "" && (len(p.Problems) != 1 || p.Problems[0].Member != tt.member) {
				t.Errorf("names %+v, want %s", p.Problems, tt.member)
			}
		})
	}
	batch := func(body string) refusal {
		return in.call(verifier, http.MethodPost, verifyBatchPath, body).refused(t, 422)
	}
	if p := batch(`{"items":[{},{"scopes":["a b"]}]}`); p.Problems[0].Member != "/items/1/scopes/0" {
		t.Errorf("%+v", p.Problems)
	}
	if p := batch(`{"items":[]}`); p.Problems[0].Member != "/items" {
		t.Errorf("%+v", p.Problems)
	}
	if p := batch(`{}`); p.Problems[0].Member != "/items" {
		t.Errorf("%+v", p.Problems)
	}
	if p := batch(`{"items":[` + strings.Repeat(`{},`, 1000) + `{}]}`); p.Problems[0].Member != "/items" {
		t.Errorf("%+v", p.Problems)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	in := start(t)
	a := in.call(in.admin, http.MethodHead, "/api/v1/whoami", "")
	if a.StatusCode != http.StatusOK || a.body != "" || a.Header.Get("Content-Length") == "" {
		t.Errorf("status %d, body %q", a.StatusCode, a.body)
	}
}

// TestRawRequests sends what Go's client would not.
func TestRawRequests(t *testing.T) {
	t.Parallel()
	in := start(t)
	host := strings.TrimPrefix(in.url, "http://")
	for request, want := range map[string]string{
		"POST /api/v1/verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nauthorization: Bearer b\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}": "400",
		"TRACE /api/v1/tokens HTTP/1.1\r\nHost: x\r\n\r\n":                           "405",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n":                                      "200",
		"OPTIONS /api/v1/tokens HTTP/1.1\r\nHost: x\r\nOrigin: https://evil\r\n\r\n": "405",
	} {
		conn, err := net.Dial("tcp", host)
		must(t, err)
		_, err = conn.Write([]byte(request))
		must(t, err)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		if res.Header.Get("Access-Control-Allow-Origin") != "" || !strings.HasPrefix(res.Status, want) {
			t.Errorf("%.30q: %s, %v", request, res.Status, res.Header)
		}
		_ = res.Body.Close()
		_ = conn.Close()
	}
}
