package server_test

// No secret at rest, in a log, in the audit trail or in an error, wherever a client put it. The
// key of this test is that every secret there ever was is looked for in every spelling.

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// sink is a log that can be read while it is written.
type sink struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// secrets is every secret that a run has seen, by what it is.
type secrets map[string]string

// parts are the pieces of a secret that would give it away: itself in several spellings,
// and each run of twelve characters of its secret part, which is what follows the public id.
func parts(secret string) [][]byte {
	raw := []byte(secret)
	found := [][]byte{
		raw,
		[]byte(hex.EncodeToString(raw)),
		[]byte(base64.StdEncoding.EncodeToString(raw)),
		[]byte(base64.RawURLEncoding.EncodeToString(raw)),
		[]byte(url.QueryEscape(secret)),
	}
	sum := sha256.Sum256(raw)
	found = append(found, sum[:], []byte(hex.EncodeToString(sum[:])))
	if _, key, ok := strings.Cut(secret, "_"); ok && len(key) > 22 {
		secret = key[22:]
	}
	for i := 0; i+12 <= len(secret); i++ {
		found = append(found, []byte(secret[i:i+12]))
	}
	return found
}

func (s secrets) lookIn(t *testing.T, where string, text []byte) {
	t.Helper()
	for name, secret := range s {
		for _, part := range parts(secret) {
			if at := bytes.Index(text, part); at >= 0 {
				t.Errorf("%s holds a part of %s: …%q…", where, name, text[max(0, at-40):min(len(text), at+len(part)+40)])
				break
			}
		}
	}
}

// issueAll makes one secret of every sort.
func issueAll(t *testing.T, keys *keywrighttest.Server) secrets {
	t.Helper()
	ctx := t.Context()
	policy := keywright.DefaultPolicy()
	policy.RecoverableAllowed = true
	if _, err := keys.Client.SetPolicy(ctx, "default", keywright.NewPolicy{Policy: policy}); err != nil {
		t.Fatal(err)
	}
	plain := keys.Issue(t, keywright.NewToken{Scopes: []string{"a", "keywright:tokens:*"}})
	recoverable := keys.Issue(t, keywright.NewToken{Scopes: []string{"a"}, Recoverable: true})
	idempotencyKey := "retry-" + rand.Text()
	retried, err := keys.Client.CreateToken(ctx, keywright.NewToken{Scopes: []string{"a"}}, idempotencyKey)
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := keys.Client.RotateToken(ctx, plain.Token.ID, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	foreign := "legacy-" + rand.Text()
	if _, err := keys.Client.ImportToken(ctx, keywright.ImportToken{NewToken: keywright.NewToken{Scopes: []string{"a"}}, Key: foreign}); err != nil {
		t.Fatal(err)
	}
	session, err := keywright.NewClient(keys.URL, "").Login(ctx, keywrighttest.AdminUsername, keywright.NewSecret(keywrighttest.AdminPassword))
	if err != nil {
		t.Fatal(err)
	}
	hook, err := keys.Client.CreateWebhook(ctx, "default", keywright.NewWebhook{URL: "https://127.0.0.1:9999/hidden", Events: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := keys.Client.RotateWebhook(ctx, "default", hook.Webhook.ID)
	if err != nil {
		t.Fatal(err)
	}
	access := grant(t, keys.URL, rotated)
	return secrets{
		"a webhook's secret":          hook.Secret.Reveal(),
		"a webhook's rotated secret":  renewed.Secret.Reveal(),
		"a webhook's key":             webhookKey(t, hook.Secret),
		"an API key":                  plain.APIKey.Reveal(),
		"a client secret":             plain.ClientSecret.Reveal(),
		"a recoverable API key":       recoverable.APIKey.Reveal(),
		"a retried API key":           retried.APIKey.Reveal(),
		"an idempotency key":          idempotencyKey,
		"a rotated API key":           rotated.APIKey.Reveal(),
		"an imported key":             foreign,
		"a session":                   session.Token.Reveal(),
		"an access token":             access,
		"an access token's signature": access[strings.LastIndexByte(access, '.')+1:],
		"the password":                keywrighttest.AdminPassword,
	}
}

// webhookKey is what a webhook's secret is written for: the bytes that sign.
func webhookKey(t *testing.T, secret keywright.Secret) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret.Reveal(), "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	return string(key)
}

func grant(t *testing.T, at string, issued keywright.Issued) string {
	t.Helper()
	r, err := http.NewRequest("POST", at+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(issued.Token.ID.String(), issued.ClientSecret.Reveal())
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	_, body := send(t, r)
	if err := json.Unmarshal(body, &granted); err != nil || granted.AccessToken == "" {
		t.Fatalf("%s, %v", body, err)
	}
	return granted.AccessToken
}

func send(t *testing.T, r *http.Request) (int, []byte) {
	t.Helper()
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

// misplaced is the secret in every place where somebody could put it by mistake.
func misplaced(base, secret string) []*http.Request {
	escaped, quoted := url.PathEscape(secret), mustJSON(secret)
	const devo = "/ws/accounts/default/credentials/tokens"
	type place struct{ method, path, body, header, value string }
	places := []place{
		{"GET", "/api/v1/tokens?access_token=" + url.QueryEscape(secret), "", "", ""},
		{"GET", "/api/v1/tokens?cursor=" + url.QueryEscape(secret), "", "", ""},
		{"GET", "/api/v1/tokens/" + escaped, "", "", ""},
		{"GET", "/" + escaped, "", "", ""},
		{"GET", "//" + escaped, "", "", ""},
		{"GET", "/api/v1/accounts/" + escaped, "", "", ""},
		{"POST", "/oauth2/token?client_secret=" + url.QueryEscape(secret), "grant_type=client_credentials", "", ""},
		{"POST", "/oauth2/token", "grant_type=" + url.QueryEscape(secret), "", ""},
		{"POST", "/oauth2/token", "grant_type=client_credentials&client_id=x&client_secret=" + url.QueryEscape(secret), "", ""},
		{"POST", "/oauth2/introspect", "token=" + url.QueryEscape(secret), "", ""},
		{"POST", "/oauth2/revoke", url.QueryEscape(secret) + "=x", "", ""},
		{"POST", "/api/v1/tokens", `{"label":` + quoted + `}`, "", ""},
		{"POST", "/api/v1/tokens", `{` + quoted + `:1}`, "X-Named", "yes"},
		{"POST", "/api/v1/tokens", `{"scopes":[` + quoted + `]}`, "X-Named", "yes"},
		{"POST", "/api/v1/tokens", `{"expires_at":` + quoted + `}`, "", ""},
		{"POST", "/api/v1/tokens", `{"label":` + quoted, "", ""},
		{"POST", "/api/v1/tokens", secret, "", ""},
		{"POST", "/api/v1/login", `{"username":` + quoted + `,"password":` + quoted + `}`, "", ""},
		{"POST", "/api/v1/verify", `{"token":` + quoted + `,"scopes":["b"]}`, "", ""},
		{"POST", "/api/v1/verify", `{"token":` + mustJSON(secret+"x") + `}`, "", ""},
		{"GET", "/api/v1/tokens", "", "Authorization", "Bearer " + secret + "x"},
		{"GET", "/api/v1/tokens", "", "Authorization", secret},
		{"GET", "/api/v1/tokens", "", "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+secret))},
		{"GET", "/api/v1/tokens", "", "Cookie", "session=" + secret},
		{"GET", "/api/v1/tokens", "", "X-Api-Key", secret},
		{"POST", "/api/v1/tokens", `{}`, "User-Agent", secret},
		{"POST", "/api/v1/tokens", `{}`, "User-Agent", "client/1 (" + secret + ")"},
		{"GET", "/api/v1/tokens", "", "Referer", "https://x/?key=" + url.QueryEscape(secret)},
		{"GET", "/api/v1/tokens", "", "X-Forwarded-For", secret},
		{"POST", "/api/v1/tokens", `{}`, "Content-Type", secret},
		{"POST", "/login", "username=" + url.QueryEscape(secret) + "&password=" + url.QueryEscape(secret), "", ""},
		{"POST", "/login", "client_id=" + url.QueryEscape(secret) + "&client_secret=" + url.QueryEscape(secret), "", ""},
		{"POST", "/login", "grant_type=" + url.QueryEscape(secret), "", ""},
		{"POST", "/login?client_secret=" + url.QueryEscape(secret), "", "Authorization", "Bearer mrsm-key:" + secret},
		{"GET", "/tokens?labels=" + url.QueryEscape(secret), "", "Authorization", "mrsm-key:" + secret},
		{"GET", "/tokens/" + escaped, "", "X-Named", "yes"},
		{"POST", "/tokens/register", `{"expiration":` + quoted + `}`, "X-Named", "yes"},
		{"POST", "/tokens/register", `{"scopes":[` + quoted + `" "]}`, "X-Named", "yes"},
		{"GET", "/users/" + escaped + "/id", "", "X-Named", "yes"},
		{"POST", "/api/login", `{"clientId":` + quoted + `,"clientSecret":` + quoted + `}`, "", ""},
		{"POST", "/api/login", `{"clientId":` + quoted, "", ""},
		{"GET", "/api/meshobjects/meshapikeys/" + escaped, "", "X-Named", "yes"},
		{"GET", "/api/meshobjects/meshapikeys?page=" + url.QueryEscape(secret), "", "X-Named", "yes"},
		{"GET", "/v1/tokens/" + escaped + "/", "", "", ""},
		{"GET", "/v1/tokens/" + escaped, "", "", ""},
		{"GET", "/v1/tokens/?limit=" + url.QueryEscape(secret), "", "", ""},
		{"GET", "/v1/tokens/", "", "Token", "Token " + secret + "x"},
		{"POST", "/v1/tokens/", `{` + quoted + `:1}`, "X-Named", "yes"},
		{"POST", "/v1/auth/token/", `{"username":` + quoted + `,"password":` + quoted + `}`, "", ""},
		{"POST", "/v1/auth/token/", `{"username":` + quoted, "", ""},
		{"GET", "/console/" + escaped, "", "", ""},
		{"GET", "/console/a/" + escaped + "/tokens", "", "", ""},
		{"GET", "/console/a/default/tokens/" + escaped, "", "", ""},
		{"GET", "/console/sign-in?next=/console/" + escaped, "", "X-Named", "yes"}, // the page goes on to what the URL says
		{"GET", "/console/sign-in/return?state=" + escaped + "&code=" + escaped, "", "", ""},
		{"GET", "/console/", "", "Cookie", "keywright-session=" + secret},
		{"POST", "/console/sign-in", "username=x&password=" + url.QueryEscape(secret), "", ""},
		{"POST", "/console/invite", "invitation=" + url.QueryEscape(secret), "X-Named", "yes"}, // the form as it was filled in
		{"GET", devo, "", "Standalonetoken", secret + "x"},
		{"GET", devo + "/" + escaped, "", "", ""},
		{"GET", "/ws/accounts/" + escaped + "/credentials/tokens", "", "", ""},
		{"PUT", devo + "/999/rename?name=" + url.QueryEscape(secret), "", "", ""},
		{"POST", devo, `{` + quoted + `:1}`, "X-Named", "yes"},
		{"POST", devo, `{"name":"a","user":"admin@localhost","scopes":"table://a","audience":` + quoted + `}`, "X-Named", "yes"},
		{"POST", devo, `{"name":"a","audience":"http","scopes":"table://a","user":` + quoted + `}`, "", ""},
	}
	var requests []*http.Request
	for _, p := range places {
		r, err := http.NewRequest(p.method, base+p.path, strings.NewReader(p.body))
		if err != nil {
			panic(err)
		}
		contentType := "application/json"
		if strings.HasPrefix(p.path, "/oauth2/") || strings.HasPrefix(p.path, "/login") || strings.HasPrefix(p.path, "/console/") {
			contentType = "application/x-www-form-urlencoded"
		}
		r.Header.Set("Content-Type", contentType)
		if p.header != "" {
			r.Header.Set(p.header, p.value)
		}
		requests = append(requests, r)
	}
	return requests
}

func mustJSON(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// ours reports whether the secret has a shape by which it is known wherever it stands.
func ours(name string) bool {
	return name != "the password" && name != "an imported key" && name != "an idempotency key" && !strings.HasPrefix(name, "a webhook's")
}

// named reports whether the secret is where the refusal has to name what it refuses, to the
// one who sent it: an unknown member or a malformed scope.
func named(r *http.Request) bool { return r.Header.Get("X-Named") != "" }

// Everything that a client could do with a secret by mistake is done, once by
// nobody and once by the operator; none of it may stand in the log at its finest, in an answer that
// refuses, or in the audit trail.
func TestNoSecretIsToldOn(t *testing.T) {
	t.Parallel()
	var log sink
	handler := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true})
	keys := keywrighttest.New(t, keywrighttest.WithLog(slog.New(handler)))
	all := issueAll(t, keys)
	for name, secret := range all {
		if name == "a webhook's key" {
			continue // no header can hold it; it is looked for all the same
		}
		for _, operator := range []bool{false, true} {
			for _, r := range misplaced(keys.URL, secret) {
				if operator && r.Header.Get("Authorization") == "" {
					r.Header.Set("Authorization", "Bearer "+all["a session"])
				}
				status, body := send(t, r)
				if status >= 500 {
					t.Errorf("%s %s: HTTP %d", r.Method, r.URL.Path, status)
				}
				if status >= 400 && (ours(name) || !named(r)) {
					secrets{name: secret}.lookIn(t, "the refusal of "+r.Method+" "+r.URL.Path, body)
				}
			}
		}
	}
	all.lookIn(t, "the log", []byte(log.String()))
	for name := range all {
		if !ours(name) {
			delete(all, name) // in a label or a user agent nobody can tell it from other words
		}
	}
	all.lookIn(t, "the audit trail", trail(t, keys))
	if !strings.Contains(log.String(), "route=") {
		t.Error("nothing is logged at all")
	}
}

// trail is all of the audit trail but labels and scopes, which are whatever words their owner chose.
func trail(t *testing.T, keys *keywrighttest.Server) []byte {
	t.Helper()
	var text []byte
	for q := (keywright.EventQuery{ListQuery: keywright.ListQuery{Limit: 200}}); ; {
		page, err := keys.Client.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range page.Items {
			delete(event.After, "label")
			delete(event.After, "scopes")
			line, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			text = append(append(text, line...), '\n')
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return text
		}
	}
}

// Of all that was ever issued, the files of the data directory hold nothing that could be presented.
func TestNoSecretAtRest(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	keys := keywrighttest.New(t, keywrighttest.WithData(data))
	all := issueAll(t, keys)
	for name, secret := range all {
		if strings.Contains(name, "API key") || strings.Contains(name, "imported") { // used, so that usage is noted too
			if _, err := keys.Client.Verify(t.Context(), keywright.VerifyRequest{Token: secret}); err != nil {
				t.Fatal(err)
			}
		}
	}
	files := 0
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		all.lookIn(t, filepath.Base(path), text)
		return nil
	})
	if err != nil || files < 3 {
		t.Errorf("%d files read, %v", files, err)
	}
}
