package keywright_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// sent is a request as the server got it.
type sent struct {
	line, body string
	header     http.Header
}

// answering is a client of a server that gives every request one answer, and
// the requests it got.
func answering(t *testing.T, status int, header http.Header, body string) (*keywright.Client, <-chan sent) {
	t.Helper()
	got := make(chan sent, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		got <- sent{r.Method + " " + r.URL.RequestURI(), string(data), r.Header}
		for name, values := range header {
			w.Header()[name] = values
		}
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return keywright.NewClient(server.URL+"/", "kw_key"), got
}

// only drops the answer of a call.
func only[T any](_ T, err error) error { return err }

// clientCall is a call of the client and what it sends.
type clientCall struct {
	line, body string
	call       func(*keywright.Client) error
}

func clientCalls(ctx context.Context) []clientCall {
	id := mustID(sampleID)
	overlap, yes, expect := 90*time.Second, true, int64(2)
	var empty []string
	type client = *keywright.Client
	return append(slices.Concat(peopleCalls(ctx), audienceCalls(ctx), gatewayCalls(ctx), usageCalls(ctx), followCalls(ctx)), []clientCall{
		{"GET /api/v1/nodes", "", func(c client) error { return only(c.Nodes(ctx)) }},
		{"POST /api/v1/tokens", `{"label":"ci","scopes":["a:read"]}`, func(c client) error {
			return only(c.CreateToken(ctx, keywright.NewToken{Label: "ci", Scopes: []string{"a:read"}}, ""))
		}},
		{"POST /api/v1/tokens/batch", `{"items":[{"kind":"space","space":"lab"}]}`, func(c client) error {
			return only(c.CreateTokens(ctx, []keywright.NewToken{{Kind: keywright.KindSpace, Space: "lab"}}, ""))
		}},
		{"POST /api/v1/tokens/import", `{"label":"old","key":"somebody-elses"}`, func(c client) error {
			return only(c.ImportToken(ctx, keywright.ImportToken{NewToken: keywright.NewToken{Label: "old"}, Key: "somebody-elses"}))
		}},
		{"POST /api/v1/tokens/import/batch", `{"items":[{"sha256":"ab"}]}`, func(c client) error {
			return only(c.ImportTokens(ctx, []keywright.ImportToken{{SHA256: "ab"}}))
		}},
		{"GET /api/v1/tokens", "", func(c client) error { return only(c.Tokens(ctx, keywright.TokenQuery{})) }},
		{"GET /api/v1/tokens?audience=http&cursor=c&ids=" + sampleID + "&kind=manager&label=a+b%26c&limit=7&number=12&owner=eve&parent=" + sampleID +
			"&permanent=true&sort=-label&space=lab&state=active&account=child%40acme", "", func(c client) error {
			return only(c.Tokens(ctx, keywright.TokenQuery{TokenFilter: keywright.TokenFilter{
				Account: "child@acme", Space: "lab", Owner: "eve", Audience: "http", Number: 12, Label: "a b&c", Kind: keywright.KindManager,
				State: keywright.StateActive, Permanent: &yes, Parent: &id, IDs: []keywright.ID{id},
			}, Sort: "-" + keywright.SortLabel, Limit: 7, Cursor: "c"}))
		}},
		{"GET /api/v1/tokens/" + sampleID, "", func(c client) error { return only(c.Token(ctx, id)) }},
		{"PATCH /api/v1/tokens/" + sampleID, `{"scopes":[],"audience":[],"metadata":{}}`, func(c client) error {
			var none map[string]string
			return only(c.EditToken(ctx, id, keywright.EditToken{Scopes: &empty, Audience: &[]string{}, Metadata: &none}))
		}},
		{"POST /api/v1/tokens/" + sampleID + "/disable", "", func(c client) error { return only(c.DisableToken(ctx, id)) }},
		{"POST /api/v1/tokens/" + sampleID + "/enable", "", func(c client) error { return only(c.EnableToken(ctx, id)) }},
		{"POST /api/v1/tokens/" + sampleID + "/revoke", `{"reason":"leaked"}`, func(c client) error { return only(c.RevokeToken(ctx, id, "leaked")) }},
		{"POST /api/v1/tokens/" + sampleID + "/rotate", `{}`, func(c client) error { return only(c.RotateToken(ctx, id, nil, "")) }},
		{"POST /api/v1/tokens/" + sampleID + "/rotate", `{"overlap":90}`, func(c client) error { return only(c.RotateToken(ctx, id, &overlap, "")) }},
		{"DELETE /api/v1/tokens/" + sampleID + "/rotation", "", func(c client) error { return only(c.CancelRotation(ctx, id)) }},
		{"DELETE /api/v1/tokens/" + sampleID, "", func(c client) error { return only(c.DeleteToken(ctx, id)) }},
		{"POST /api/v1/tokens/" + sampleID + "/reveal", "", func(c client) error { return only(c.RevealToken(ctx, id)) }},
		{"POST /api/v1/tokens/bulk", `{"action":"revoke","filter":{"owner":"eve"},"expect":2}`, func(c client) error {
			return only(c.BulkTokens(ctx, keywright.BulkChange{Action: keywright.BulkRevoke, Filter: keywright.TokenFilter{Owner: "eve"}, Expect: &expect}))
		}},
		{"POST /api/v1/verify", `{"token":"t","scopes":["a"]}`, func(c client) error {
			return only(c.Verify(ctx, keywright.VerifyRequest{Token: "t", Scopes: []string{"a"}}))
		}},
		{"POST /api/v1/verify/batch", `{"items":[{"token":"t"}]}`, func(c client) error {
			return only(c.VerifyBatch(ctx, []keywright.VerifyRequest{{Token: "t"}}))
		}},
		{"GET /api/v1/login", "", func(c client) error { return only(c.SignInWays(ctx)) }},
		{"POST /api/v1/login/sso", `{"code":"kwc_1","verifier":"v"}`, func(c client) error {
			return only(c.LoginBySSO(ctx, keywright.NewSecret("kwc_1"), keywright.NewSecret("v")))
		}},
		{"POST /api/v1/login", `{"password":"pw","username":"eve"}`, func(c client) error { return only(c.Login(ctx, "eve", keywright.NewSecret("pw"))) }},
		{"POST /api/v1/logout", "", func(c client) error { return c.Logout(ctx) }},
		{"POST /api/v1/password", `{"end_sessions":true,"end_tokens":false,"new_password":"b","old_password":"a"}`, func(c client) error {
			return c.ChangePassword(ctx, keywright.PasswordChange{Old: keywright.NewSecret("a"), New: keywright.NewSecret("b"), EndSessions: true})
		}},
		{"GET /api/v1/whoami", "", func(c client) error { return only(c.Whoami(ctx)) }},
		{"GET /api/v1/accounts?limit=2", "", func(c client) error { return only(c.Accounts(ctx, keywright.ListQuery{Limit: 2})) }},
		{"GET /api/v1/accounts/child@acme", "", func(c client) error { return only(c.Account(ctx, "child@acme")) }},
		{"GET /api/v1/accounts/a%2Fb%3Fc", "", func(c client) error { return only(c.Account(ctx, "a/b?c")) }},
		{"POST /api/v1/accounts", `{"name":"acme","title":"Acme"}`, func(c client) error { return only(c.CreateAccount(ctx, "acme", "Acme")) }},
		{"PUT /api/v1/accounts/acme/policy", `{"enabled":true,"default_lifetime":0,"temporary_lifetime":0,"max_lifetime":0,"max_unused":0,"expiry_required":false,` +
			`"max_permanent":0,"max_tokens":0,"max_overlap":0,"allowed_scopes":[],"allowed_audience":[],"allowed_cidrs":[],"recoverable_allowed":false}`,
			func(c client) error {
				return only(c.SetPolicy(ctx, "acme", keywright.NewPolicy{Policy: keywright.Policy{Enabled: true}}))
			}},
		{"POST /api/v1/accounts/acme/policy/preview", `{"enabled":false,"default_lifetime":0,"temporary_lifetime":0,"max_lifetime":0,"max_unused":0,"expiry_required":false,` +
			`"max_permanent":0,"max_tokens":0,"max_overlap":0,"allowed_scopes":[],"allowed_audience":[],"allowed_cidrs":[],"recoverable_allowed":false,"disable_tokens":true}`,
			func(c client) error {
				return only(c.PreviewPolicy(ctx, "acme", keywright.NewPolicy{DisableTokens: true}))
			}},
		{"POST /api/v1/explain", `{"token":"` + sampleID + `","scopes":["a"]}`, func(c client) error {
			return only(c.Explain(ctx, keywright.ExplainRequest{Token: id, Scopes: []string{"a"}}))
		}},
		{"GET /api/v1/accounts/acme/spaces/lab/policy", "", func(c client) error { return only(c.SpacePolicy(ctx, "acme", "lab")) }},
		{"PUT /api/v1/accounts/acme/spaces/lab/policy", `{"max_tokens":2}`, func(c client) error {
			return only(c.SetSpacePolicy(ctx, "acme", "lab", keywright.NewSpacePolicy{SpacePolicy: keywright.SpacePolicy{MaxTokens: &expect}}))
		}},
		{"POST /api/v1/accounts/acme/spaces/lab/policy/preview", `{}`, func(c client) error {
			return only(c.PreviewSpacePolicy(ctx, "acme", "lab", keywright.NewSpacePolicy{}))
		}},
		{"GET /api/v1/accounts/acme/spaces", "", func(c client) error { return only(c.Spaces(ctx, "acme", keywright.ListQuery{})) }},
		{"POST /api/v1/accounts/acme/spaces", `{"name":"lab"}`, func(c client) error { return only(c.CreateSpace(ctx, "acme", "lab", "")) }},
		{"GET /api/v1/accounts/acme/users?cursor=x", "", func(c client) error { return only(c.Users(ctx, "acme", keywright.ListQuery{Cursor: "x"})) }},
		{"POST /api/v1/accounts/acme/users", `{"email":"e@x","password":"pw","role":"owner","space":"lab","username":"eve"}`, func(c client) error {
			return only(c.CreateUser(ctx, "acme", keywright.NewUser{
				Username: "eve", Email: "e@x", Password: keywright.NewSecret("pw"), Role: keywright.Role{Name: "owner", Space: "lab"},
			}))
		}},
		{"PUT /api/v1/accounts/acme/users/eve/roles", `{"role":"admin","space":""}`, func(c client) error {
			return only(c.GrantRole(ctx, "acme", "eve", keywright.Role{Name: "admin"}))
		}},
		{"DELETE /api/v1/accounts/acme/users/eve/roles?role=admin", "", func(c client) error {
			return only(c.DropRole(ctx, "acme", "eve", keywright.Role{Name: "admin"}))
		}},
		{"GET /api/v1/events?account=acme&action=token.&subject=user%3Aeve", "", func(c client) error {
			return only(c.Events(ctx, keywright.EventQuery{EventFilter: keywright.EventFilter{Account: "acme", Subject: "user:eve", Action: "token."}}))
		}},
		{"GET /api/v1/events/export?actor=user%3Aeve&address=192.0.2.1&all=true&format=csv&since=2030-01-31T12%3A00%3A00.5Z&space=lab&until=2030-02-01T00%3A00%3A00Z", "", func(c client) error {
			since := time.Date(2030, 1, 31, 12, 0, 0, 500000000, time.UTC)
			f := keywright.EventFilter{All: true, Actor: "user:eve", Address: "192.0.2.1", Space: "lab", Since: since, Until: since.Truncate(24*time.Hour).AddDate(0, 0, 1)}
			return c.ExportEvents(ctx, f, keywright.FormatCSV, io.Discard)
		}},
		{"GET /api/v1/accounts/acme/webhooks?limit=2", "", func(c client) error { return only(c.Webhooks(ctx, "acme", keywright.ListQuery{Limit: 2})) }},
		{"POST /api/v1/accounts/acme/webhooks", `{"url":"https://hooks.example.com/kw","events":["notice.*"]}`, func(c client) error {
			return only(c.CreateWebhook(ctx, "acme", keywright.NewWebhook{URL: "https://hooks.example.com/kw", Events: []string{"notice.*"}}))
		}},
		{"GET /api/v1/accounts/acme/webhooks/" + sampleID, "", func(c client) error { return only(c.Webhook(ctx, "acme", id)) }},
		{"PATCH /api/v1/accounts/acme/webhooks/" + sampleID, `{"enabled":true}`, func(c client) error {
			return only(c.EditWebhook(ctx, "acme", id, keywright.EditWebhook{Enabled: &yes}))
		}},
		{"DELETE /api/v1/accounts/acme/webhooks/" + sampleID, "", func(c client) error { return c.DeleteWebhook(ctx, "acme", id) }},
		{"POST /api/v1/accounts/acme/webhooks/" + sampleID + "/rotate", "", func(c client) error { return only(c.RotateWebhook(ctx, "acme", id)) }},
		{"POST /api/v1/accounts/acme/webhooks/" + sampleID + "/test", "", func(c client) error { return only(c.TestWebhook(ctx, "acme", id)) }},
		{"GET /api/v1/accounts/acme/webhooks/" + sampleID + "/deliveries?cursor=c", "", func(c client) error {
			return only(c.Deliveries(ctx, "acme", id, keywright.ListQuery{Cursor: "c"}))
		}},
		{"POST /api/v1/accounts/acme/webhooks/" + sampleID + "/deliveries/" + sampleID + "/redeliver", "", func(c client) error {
			return only(c.Redeliver(ctx, "acme", id, id))
		}},
		{"GET /api/v1/audit/key", "", func(c client) error { return only(c.AuditKey(ctx)) }},
		{"GET /api/v1/audit/checkpoint?size=7", "", func(c client) error { return only(c.Checkpoint(ctx, 7)) }},
		{"GET /api/v1/audit/proof?seq=3", "", func(c client) error { return only(c.ProveInclusion(ctx, 3, 0)) }},
		{"GET /api/v1/audit/consistency?from=0&to=7", "", func(c client) error { return only(c.ProveConsistency(ctx, 0, 7)) }},
		{"GET /api/openapi.json", "", func(c client) error { return only(c.OpenAPI(ctx)) }},
	}...)
}

func TestClientRequests(t *testing.T) {
	t.Parallel()
	for _, row := range clientCalls(t.Context()) {
		c, requests := answering(t, 200, nil, `{}`)
		if err := row.call(c); err != nil {
			t.Errorf("%s: %v", row.line, err)
			continue
		}
		if got := <-requests; !sameRequest(got.line, row.line) || got.body != row.body {
			t.Errorf("sent %s\n%s\nwant %s\n%s", got.line, got.body, row.line, row.body)
		}
	}
}

// sameRequest compares request lines, with the query's members in any order.
func sameRequest(a, b string) bool {
	pathA, queryA, _ := strings.Cut(a, "?")
	pathB, queryB, _ := strings.Cut(b, "?")
	valuesA, errA := url.ParseQuery(queryA)
	valuesB, errB := url.ParseQuery(queryB)
	return pathA == pathB && errA == nil && errB == nil && valuesA.Encode() == valuesB.Encode()
}

func TestClientHeaders(t *testing.T) {
	t.Parallel()
	c, requests := answering(t, 201, nil, `{"client_id":"`+sampleID+`","client_secret":"s","api_key":"k","token":{"id":"`+sampleID+`","kind":"account"}}`)
	key := keywright.NewIdempotencyKey()
	issued, err := c.CreateToken(context.Background(), keywright.NewToken{}, key)
	if err != nil || issued.Token.ID.String() != sampleID || issued.ClientSecret.Reveal() != "s" || issued.APIKey.Reveal() != "k" {
		t.Errorf("%+v, %v", issued, err)
	}
	got := (<-requests).header
	for name, want := range map[string]string{
		"Authorization": "Bearer kw_key", "Idempotency-Key": key, "Content-Type": "application/json", "User-Agent": "keywright-go",
	} {
		if got.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Get(name), want)
		}
	}
	c, requests = answering(t, 200, nil, `{"token":"kws_1","username":"eve"}`)
	c.UserAgent = "mine/1"
	if session, err := c.Login(context.Background(), "eve", keywright.NewSecret("pw")); err != nil || session.Token.Reveal() != "kws_1" {
		t.Errorf("%+v, %v", session, err)
	}
	if got := (<-requests).header; got.Get("Authorization") != "" || got.Get("User-Agent") != "mine/1" {
		t.Errorf("a login carries %v", got)
	}
}

func TestClientErrors(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status int
		header http.Header
		body   string
		want   error
	}{
		{400, nil, `{"code":"malformed","detail":"it ends too early"}`, keywright.ErrInvalid},
		{401, nil, `{"code":"unauthenticated"}`, keywright.ErrUnauthenticated},
		{403, nil, `{"code":"forbidden","detail":"not allowed: role"}`, keywright.ErrForbidden},
		{404, nil, `{"code":"not_found"}`, keywright.ErrNotFound},
		{405, nil, `{"code":"method_not_allowed"}`, keywright.ErrInvalid},
		{409, nil, `{"code":"conflict"}`, keywright.ErrConflict},
		{409, nil, `{"code":"quota"}`, keywright.ErrQuota},
		{413, nil, `{"code":"too_large"}`, keywright.ErrInvalid},
		{422, nil, `{"code":"invalid","problems":[{"member":"/label","reason":"is too long"}]}`, keywright.ErrInvalid},
		{429, http.Header{"Retry-After": {"7"}}, `{"code":"throttled"}`, keywright.ErrThrottled},
		{500, nil, `{}`, keywright.ErrUnavailable},
		{503, nil, `{"code":"unavailable"}`, keywright.ErrUnavailable},
		{502, http.Header{"Content-Type": {"text/html"}}, `<h1>Bad Gateway</h1>`, keywright.ErrUnavailable},
		{404, http.Header{"Content-Type": {"text/html"}}, `<h1>Not Found</h1>`, keywright.ErrNotFound},
		{401, nil, `{"code":`, keywright.ErrUnauthenticated},
		{401, nil, `[]`, keywright.ErrUnauthenticated},
	} {
		header := http.Header{"Content-Type": {"application/problem+json"}, "X-Request-Id": {"r-1"}}
		for name, values := range row.header {
			header[name] = values
		}
		c, _ := answering(t, row.status, header, row.body)
		_, err := c.Whoami(context.Background())
		var answer *keywright.AnswerError
		if !errors.Is(err, row.want) || !errors.As(err, &answer) || answer.Status != row.status || answer.RequestID != "r-1" {
			t.Errorf("%d %s: %v, want %v", row.status, row.body, err, row.want)
			continue
		}
		if text := err.Error(); strings.Contains(text, "kw_key") || !strings.HasSuffix(text, "(request r-1)") || strings.Count(text, row.want.Error()) != 1 {
			t.Errorf("%d %s: %q", row.status, row.body, text)
		}
	}
}

func TestClientErrorDetails(t *testing.T) {
	t.Parallel()
	problem := http.Header{"Content-Type": {"application/problem+json"}, "Retry-After": {"7"}}
	c, _ := answering(t, 422, problem, `{"code":"invalid","detail":"invalid request: /label: is too long","problems":[{"member":"/label","reason":"is too long"}]}`)
	var invalid *keywright.InvalidError
	if _, err := c.Whoami(context.Background()); !errors.As(err, &invalid) || invalid.Problems[0] != (keywright.Problem{Member: "/label", Reason: "is too long"}) ||
		err.Error() != "invalid request: /label: is too long" {
		t.Errorf("%v", err)
	}
	c, _ = answering(t, 429, problem, `{}`)
	var throttled *keywright.ThrottledError
	if _, err := c.Whoami(context.Background()); !errors.As(err, &throttled) || throttled.RetryAfter != 7*time.Second {
		t.Errorf("%v", err)
	}
	for text, want := range map[string]time.Duration{"": time.Second, "-5": 0, "Wed, 21 Oct 2015 07:28:00 GMT": time.Second, "99999999": time.Hour} {
		problem.Set("Retry-After", text)
		c, _ = answering(t, 429, problem, `{}`)
		if _, err := c.Whoami(context.Background()); !errors.As(err, &throttled) || throttled.RetryAfter != want {
			t.Errorf("Retry-After %q: %v", text, err)
		}
	}
}

// A redirect is not followed, to wherever: the key would go with it, and with 307 the body too.
func TestClientFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{elsewhere.URL + "/x", "/api/v1/elsewhere"} {
			c, requests := answering(t, status, http.Header{"Location": {location}}, "")
			c.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
			_, err := c.ImportToken(context.Background(), keywright.ImportToken{Key: "somebody-elses"})
			if err == nil || !strings.Contains(err.Error(), location) || len(requests) != 1 {
				t.Errorf("%d to %s: %v after %d requests", status, location, err, len(requests))
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests were sent elsewhere", n)
	}
}

// A mint whose answer was lost is not sent again, neither by the client nor by net/http, and is
// told as unknown.
func TestClientSendsAMintOnce(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			arrived.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(server.Close)
	c := keywright.NewClient(server.URL, "kw_key")
	c.HTTP = &http.Client{Transport: &http.Transport{}}
	if _, err := c.Whoami(context.Background()); err != nil { // so that the connection is one that was used before
		t.Fatal(err)
	}
	if _, err := c.CreateToken(context.Background(), keywright.NewToken{}, ""); !errors.Is(err, keywright.ErrUnavailable) {
		t.Errorf("%v, want it to be unknown", err)
	}
	if n := arrived.Load(); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
}

func TestClientWithoutAnswer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	c := keywright.NewClient("http://"+listener.Addr().String(), "kw_key")
	var dial *net.OpError
	if _, err := c.Whoami(context.Background()); !errors.Is(err, keywright.ErrUnavailable) || !errors.As(err, &dial) {
		t.Errorf("nobody listens: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Whoami(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// What answers is not believed to be a Keywright because it says 200.
func TestClientReadsNothingElse(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ contentType, body string }{
		{"text/html", "<html>"}, {"", ""}, {"application/json", "<html>"}, {"application/json", ""}, {"application/json", `{"user":1}`},
	} {
		c, _ := answering(t, 200, http.Header{"Content-Type": {row.contentType}}, row.body)
		if self, err := c.Whoami(context.Background()); err == nil {
			t.Errorf("%v: %+v", row, self)
		}
	}
	c, _ := answering(t, 200, http.Header{"Content-Length": {"100"}, "Content-Type": {"application/json"}}, `{}`)
	if _, err := c.Whoami(context.Background()); !errors.Is(err, keywright.ErrUnavailable) {
		t.Errorf("an answer that breaks off: %v", err)
	}
}

// An answer without end is not read without end.
func TestClientBoundsAnswers(t *testing.T) {
	t.Parallel()
	for status, contentType := range map[int]string{200: "application/json", 503: "application/problem+json"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			for page := []byte(strings.Repeat(" ", 1<<16)); r.Context().Err() == nil; {
				if _, err := w.Write(page); err != nil {
					return
				}
			}
		}))
		t.Cleanup(server.Close)
		if _, err := keywright.NewClient(server.URL, "").Whoami(context.Background()); err == nil {
			t.Errorf("%d: read to its end", status)
		}
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "keys.example.com", "ftp://keys.example.com", "http://", "https://u:p@keys.example.com", "https://keys.example.com?x=1", "https://keys.example.com#x", "http://[::1"} {
		if _, err := keywright.NewClient(base, "kw_key").Whoami(context.Background()); !errors.Is(err, keywright.ErrInvalid) || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", base, err)
		}
	}
	c, requests := answering(t, 200, nil, `{}`)
	for _, name := range []string{"", ".", ".."} {
		if _, err := c.Account(context.Background(), name); !errors.Is(err, keywright.ErrInvalid) {
			t.Errorf("account %q: %v", name, err)
		}
	}
	c.BaseURL += "behind/a/path/"
	if err := only(c.Whoami(context.Background())); err != nil {
		t.Error(err)
	}
	if got := <-requests; got.line != "GET /behind/a/path/api/v1/whoami" {
		t.Error(got.line)
	}
}

func TestClientCredential(t *testing.T) {
	t.Parallel()
	c, requests := answering(t, 200, nil, `{}`)
	broken := errors.New("no key on file")
	c.Credential = func(context.Context) (keywright.Secret, error) { return keywright.Secret{}, broken }
	if _, err := c.Whoami(context.Background()); !errors.Is(err, broken) || len(requests) != 0 {
		t.Errorf("%v, %d requests", err, len(requests))
	}
	c.Credential = func(context.Context) (keywright.Secret, error) { return keywright.NewSecret("kw_key\nX-Evil: 1"), nil }
	if _, err := c.Whoami(context.Background()); err == nil || strings.Contains(err.Error(), "kw_key") || len(requests) != 0 {
		t.Errorf("%v, %d requests", err, len(requests))
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, *keywright.NewClient("http://x", "kw_key")); strings.Contains(text, "kw_key") {
		t.Errorf("a client prints its key: %s", text)
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	pages := map[string]keywright.Page[int]{"": {Items: []int{1, 2}, Next: "b"}, "b": {Next: "c"}, "c": {Items: []int{3}}}
	fetch := func(cursor string) (keywright.Page[int], error) { return pages[cursor], nil }
	var got []int
	for n, err := range keywright.All(fetch) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if fmt.Sprint(got) != "[1 2 3]" {
		t.Error(got)
	}
	for n := range keywright.All(fetch) {
		if n != 1 {
			t.Error("it goes on after the loop was left")
		}
		break
	}
	broken, count := errors.New("broken"), 0
	for _, err := range keywright.All(func(string) (keywright.Page[int], error) { return keywright.Page[int]{}, broken }) {
		if count++; !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	if count != 1 {
		t.Errorf("the error comes %d times", count)
	}
}

// The token of an answer is read as it was written.
func TestTokenAsJSON(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(keywright.Token{ID: mustID(sampleID), Kind: keywright.KindSpace, State: keywright.StateActive, AllowedCIDRs: prefixes("10.0.0.0/8")})
	if err != nil || !strings.Contains(string(data), `"scopes":[]`) || !strings.Contains(string(data), `"allowed_cidrs":["10.0.0.0/8"]`) {
		t.Errorf("%s, %v", data, err)
	}
	var back keywright.Token
	if err := json.Unmarshal(data, &back); err != nil || back.ID.String() != sampleID || back.Kind != keywright.KindSpace {
		t.Errorf("%+v, %v", back, err)
	}
}
