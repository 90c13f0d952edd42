package guard_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/guard"
	"github.com/keywright/keywright/keywrighttest"
)

// api is somebody's API behind a guard, with what its handler was told last.
func api(t *testing.T, g *guard.Guard, scopes ...string) (url string, seen *atomic.Pointer[keywright.VerifiedToken]) {
	t.Helper()
	seen = new(atomic.Pointer[keywright.VerifiedToken])
	handler := g.Require(scopes...)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen.Store(guard.FromContext(r.Context()))
	}))
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL, seen
}

// get sends a request; headers are name, value, name, value.
func get(t *testing.T, url string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode >= 400 {
		var p struct {
			Status int    `json:"status"`
			Detail string `json:"detail"`
		}
		if err := json.Unmarshal(body, &p); err != nil || p.Status != res.StatusCode || p.Detail == "" ||
			res.Header.Get("Content-Type") != "application/problem+json" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the refusal is %q, %v", body, res.Header)
		}
	}
	return res
}

// accessToken gets one at the token endpoint.
func accessToken(t *testing.T, keys *keywrighttest.Server, issued keywright.Issued) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, keys.URL+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(issued.Token.ID.String(), issued.ClientSecret.Reveal())
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil || got.AccessToken == "" {
		t.Fatal(res.Status, err)
	}
	return got.AccessToken
}

const bearer = "Authorization"

// Every form of a credential passes; every refusal has its status and challenge (RFC 6750 section 3).
func TestRequire(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	g := keys.Guard(t)
	url, seen := api(t, g, "invoices:read")
	good := keys.Issue(t, keywright.NewToken{Scopes: []string{"invoices:*"}, Metadata: map[string]string{"team": "a"}})
	small := keys.Issue(t, keywright.NewToken{Scopes: []string{"orders:read"}})
	none := keys.Issue(t, keywright.NewToken{})
	far := keys.Issue(t, keywright.NewToken{Scopes: []string{"invoices:*"}, AllowedCIDRs: []string{"198.51.100.0/24"}})
	elsewhere := keys.Issue(t, keywright.NewToken{Scopes: []string{"invoices:*"}, Audience: []string{"http"}})
	if _, err := keys.Client.ImportToken(t.Context(), keywright.ImportToken{Key: "a-key-from-before-1", NewToken: keywright.NewToken{Scopes: []string{"invoices:*"}}}); err != nil {
		t.Fatal(err)
	}
	key := good.APIKey.Reveal()
	basic := httptest.NewRequest(http.MethodGet, "/", nil)
	basic.SetBasicAuth(good.Token.ID.String(), good.ClientSecret.Reveal())
	const realm, invalid = `Bearer realm="keywright"`, `Bearer realm="keywright", error="invalid_token", error_description="the credential is not usable here"`
	for range 2 { // asked, and from memory
		for name, tt := range map[string]struct {
			headers   []string
			status    int
			challenge string
		}{
			"API key":           {[]string{bearer, "Bearer " + key}, 200, ""},
			"any case, spaces":  {[]string{bearer, "bEaReR   " + key}, 200, ""},
			"id and secret":     {[]string{bearer, basic.Header.Get(bearer)}, 200, ""},
			"access token":      {[]string{bearer, "Bearer " + accessToken(t, keys, good)}, 200, ""},
			"imported":          {[]string{bearer, "Bearer a-key-from-before-1"}, 200, ""},
			"nothing":           {nil, 401, realm},
			"in the URL":        {[]string{"X-Api-Key", key}, 401, realm},
			"nobody's":          {[]string{bearer, "Bearer no-such-key-at-all"}, 401, invalid},
			"malformed":         {[]string{bearer, "Bearer " + key[:len(key)-1]}, 401, invalid},
			"empty":             {[]string{bearer, ""}, 401, invalid},
			"another scheme":    {[]string{bearer, "Digest " + key}, 401, invalid},
			"Basic, a key":      {[]string{bearer, "Basic " + key}, 401, invalid},
			"two":               {[]string{bearer, "Bearer " + key, bearer, "Bearer " + key}, 400, realm + `, error="invalid_request"`},
			"too little":        {[]string{bearer, "Bearer " + small.APIKey.Reveal()}, 403, realm + `, error="insufficient_scope", scope="invoices:read"`},
			"no scopes":         {[]string{bearer, "Bearer " + none.APIKey.Reveal()}, 403, realm + `, error="insufficient_scope", scope="invoices:read"`},
			"from elsewhere":    {[]string{bearer, "Bearer " + far.APIKey.Reveal()}, 403, ""},
			"claims to be near": {[]string{bearer, "Bearer " + far.APIKey.Reveal(), "X-Forwarded-For", "198.51.100.7"}, 403, ""},
			"another audience":  {[]string{bearer, "Bearer " + elsewhere.APIKey.Reveal()}, 401, invalid},
		} {
			seen.Store(nil)
			res := get(t, url, tt.headers...)
			if res.StatusCode != tt.status || res.Header.Get("WWW-Authenticate") != tt.challenge {
				t.Errorf("%s: %d %q, want %d %q", name, res.StatusCode, res.Header.Get("WWW-Authenticate"), tt.status, tt.challenge)
			}
			if token := seen.Load(); (token != nil) != (tt.status == 200) {
				t.Errorf("%s: the handler was told %+v", name, token)
			}
		}
	}
	get(t, url, bearer, "Bearer "+key)
	if token := seen.Load(); token == nil || token.ID != good.Token.ID || token.Metadata["team"] != "a" || token.Owner != "admin" {
		t.Errorf("the handler was told %+v", token)
	}
	trusting := keys.Guard(t, guard.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")), guard.WithAudience("http"))
	url, _ = api(t, trusting, "invoices:read")
	if res := get(t, url, bearer, "Bearer "+elsewhere.APIKey.Reveal(), "X-Forwarded-For", "10.0.0.1, 198.51.100.7"); res.StatusCode != 200 {
		t.Errorf("for its audience: %s", res.Status)
	}
}

// Whatever a change takes away does not pass any more when the call has returned; what it gives does.
func TestChangesHold(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	ctx, admin := t.Context(), keys.Client
	g := keys.Guard(t)
	settled(t, keys, g)
	for name, change := range map[string]func(keywright.Issued) error{
		"revoke":  func(i keywright.Issued) error { return drop(admin.RevokeToken(ctx, i.Token.ID, "")) },
		"disable": func(i keywright.Issued) error { return drop(admin.DisableToken(ctx, i.Token.ID)) },
		"delete":  func(i keywright.Issued) error { return drop(admin.DeleteToken(ctx, i.Token.ID)) },
		"rotate": func(i keywright.Issued) error {
			return drop(admin.RotateToken(ctx, i.Token.ID, new(time.Duration), ""))
		},
		"narrow": func(i keywright.Issued) error {
			return drop(admin.EditToken(ctx, i.Token.ID, keywright.EditToken{Scopes: &[]string{"orders:read"}}))
		},
		"another audience": func(i keywright.Issued) error {
			return drop(admin.EditToken(ctx, i.Token.ID, keywright.EditToken{Audience: &[]string{"http"}}))
		},
		"another network": func(i keywright.Issued) error {
			return drop(admin.EditToken(ctx, i.Token.ID, keywright.EditToken{AllowedCIDRs: &[]string{"198.51.100.0/24"}}))
		},
		"policy": func(keywright.Issued) error {
			p := keywright.DefaultPolicy()
			p.AllowedScopes = []string{"orders:*", "keywright:tokens:verify"}
			return drop(admin.SetPolicy(ctx, "default", keywright.NewPolicy{Policy: p}))
		},
	} {
		issued := keys.Issue(t, keywright.NewToken{Scopes: []string{"invoices:*"}})
		forms := map[string]string{"API key": issued.APIKey.Reveal(), "access token": accessToken(t, keys, issued)}
		check := func(when string, want bool) {
			for form, presented := range forms {
				if v, err := g.Verify(ctx, presented, read(t)); err != nil || v.Allowed() != want {
					t.Errorf("%s, %s: %+v, %v", form, when, v, err)
				}
			}
		}
		check("before "+name, true)
		if err := change(issued); err != nil {
			t.Fatal(name, err)
		}
		check("after "+name, false)
		if name == "policy" {
			if err := drop(admin.SetPolicy(ctx, "default", keywright.NewPolicy{Policy: keywright.DefaultPolicy()})); err != nil {
				t.Fatal(err)
			}
			check("after the policy is as it was", true)
		}
	}
}

func drop[T any](_ T, err error) error { return err }

// settled waits until the guard goes by its memory.
func settled(t testing.TB, keys *keywrighttest.Server, g *guard.Guard) {
	t.Helper()
	issued := keys.Issue(t, keywright.NewToken{Scopes: []string{"invoices:read"}})
	for presented := issued.APIKey.Reveal(); !g.Remembers(presented); {
		if _, err := g.Verify(t.Context(), presented, keywright.Access{}); err != nil {
			t.Fatal(err)
		}
	}
}

// A revocation that has returned holds at the guard, a hundred times, while others ask about the same token all the time.
func TestRevokeReturnsThenRefused(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	g := keys.Guard(t)
	settled(t, keys, g)
	ctx := t.Context()
	for range 10 {
		batch, err := keys.Client.CreateTokens(ctx, slicesOf(10, keywright.NewToken{Scopes: []string{"invoices:read"}}), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, issued := range batch {
			presented := issued.APIKey.Reveal()
			asking, stop := context.WithCancel(ctx)
			var others sync.WaitGroup
			for range 2 {
				others.Go(func() {
					for asking.Err() == nil {
						_, _ = g.Verify(ctx, presented, read(t))
					}
				})
			}
			for !g.Remembers(presented) {
				if _, err := g.Verify(ctx, presented, read(t)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := keys.Client.RevokeToken(ctx, issued.Token.ID, ""); err != nil {
				t.Error(err)
			}
			for range 20 {
				if v, err := g.Verify(ctx, presented, read(t)); err != nil || v.Decision.Reason != keywright.Revoked {
					t.Errorf("after the revocation: %+v, %v", v, err)
				}
			}
			stop()
			others.Wait()
		}
	}
}

func slicesOf[T any](n int, one T) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = one
	}
	return list
}

// A key that nobody knows is remembered as that, until it is imported.
func TestImportOfWhatWasUnknown(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	g := keys.Guard(t)
	settled(t, keys, g)
	const key = "a-key-from-before-2"
	for range 2 {
		if v, err := g.Verify(t.Context(), key, read(t)); err != nil || v.Decision.Reason != keywright.Unproved {
			t.Fatalf("%+v, %v", v, err)
		}
	}
	if !g.Remembers(key) {
		t.Error("the server is asked each time about a key that nobody knows")
	}
	if _, err := keys.Client.ImportToken(t.Context(), keywright.ImportToken{Key: key, NewToken: keywright.NewToken{Scopes: []string{"invoices:read"}}}); err != nil {
		t.Fatal(err)
	}
	if v, err := g.Verify(t.Context(), key, read(t)); err != nil || !v.Allowed() {
		t.Errorf("after the import: %+v, %v", v, err)
	}
}

// What passes and what does not is on file, each attempt once, when the guard is closed.
func TestUsageIsReported(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	verifier := keys.Issue(t, keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}})
	issued := keys.Issue(t, keywright.NewToken{Scopes: []string{"invoices:read", "orders:read"}})
	g := guard.New(keys.ClientFor(verifier))
	var all sync.WaitGroup
	const each = 300
	for range 4 {
		all.Go(func() {
			for i := range each {
				access := read(t)
				access.Address, access.UserAgent = netip.MustParseAddr("198.51.100.9"), "curl"
				if i%3 == 0 {
					access.Space = "another"
				}
				if v, err := g.Verify(t.Context(), issued.APIKey.Reveal(), access); err != nil || v.Allowed() != (i%3 != 0) {
					t.Error(v, err)
				}
			}
		})
	}
	all.Wait()
	if err := g.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	usage, err := keys.Client.TokenUsage(t.Context(), issued.Token.ID, keywright.UsageQuery{})
	if err != nil || usage.Total.Accepted != 4*each*2/3 || usage.Total.Causes["wrong_tenant"] != 4*each/3 || usage.Total.Doors[keywright.DoorGuard] != 4*each {
		t.Errorf("%+v, %v", usage.Total, err)
	}
	token, err := keys.Client.Token(t.Context(), issued.Token.ID)
	if err != nil || token.LastUsedAt == nil || token.LastUsedFrom != "198.51.100.9" || token.LastUsedAgent != "curl" || token.LastUsedDoor != keywright.DoorGuard {
		t.Errorf("%+v, %v", token, err)
	}
}

// Without its server a guard says yes to nobody: 503, and when to try again.
func TestWithoutServer(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]*keywright.Client{
		"there is none":     keywright.NewClient("http://127.0.0.1:1", "kw_key"),
		"no credential":     keywright.NewClient(keywrighttest.New(t).URL, ""),
		"a wrong one":       keywright.NewClient(keywrighttest.New(t).URL, "no-such-key-at-all"),
		"it may not verify": unableToVerify(t),
	} {
		g := guard.New(client, guard.WithLog(slog.New(slog.DiscardHandler)))
		url, _ := api(t, g)
		res := get(t, url, bearer, "Bearer some-key-or-other")
		if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || res.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %s %v", name, res.Status, res.Header)
		}
		if err := g.Close(t.Context()); err == nil {
			t.Errorf("%s: goodbye came through", name)
		}
		if v, err := g.Verify(t.Context(), "some-key-or-other", read(t)); !errors.Is(err, keywright.ErrUnavailable) || v.Allowed() {
			t.Errorf("%s, closed: %+v, %v", name, v, err)
		}
	}
}

func unableToVerify(t *testing.T) *keywright.Client {
	keys := keywrighttest.New(t)
	return keys.ClientFor(keys.Issue(t, keywright.NewToken{Scopes: []string{"invoices:read"}}))
}

// Guessing through a guard is held back as at the server.
func TestGuessing(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	url, _ := api(t, keys.Guard(t))
	issued := keys.Issue(t, keywright.NewToken{Scopes: []string{"a"}})
	key := issued.APIKey.Reveal()
	for n := range 100 {
		secret := strings.Repeat("x", 41) + string([]byte{byte('0' + n/10), byte('0' + n%10)})
		res := get(t, url, bearer, "Bearer "+keywright.FormatAPIKey("kw", issued.Token.ID, secret))
		if res.StatusCode == http.StatusTooManyRequests {
			if res.Header.Get("Retry-After") == "" {
				t.Error("it is not said when to try again")
			}
			if res := get(t, url, bearer, "Bearer "+key); res.StatusCode != 200 {
				t.Errorf("who knows the secret is answered %s", res.Status)
			}
			return
		}
	}
	t.Error("a hundred wrong secrets, and nobody is held back")
}
