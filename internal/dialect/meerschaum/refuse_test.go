package meerschaum_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// instance is a server with a session of Meerschaum's.
type instance struct {
	*keywrighttest.Server
	session string
	token   string // id of a token of the session's user
}

func start(t testing.TB) *instance {
	in := &instance{Server: keywrighttest.New(t)}
	status, body := in.do(t, "POST", "/login", "username=admin&password="+strings.ReplaceAll(keywrighttest.AdminPassword, " ", "+"), nil)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	in.session = answer.AccessToken
	in.token = in.Issue(t, keywright.NewToken{Label: "kept", Scopes: []string{"pipes:read"}}).Token.ID.String()
	return in
}

func (in *instance) do(t testing.TB, method, path, body string, header http.Header) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, in.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if in.session != "" {
		r.Header.Set("Authorization", "Bearer "+in.session)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if kind := answer.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("%s %s: Content-Type %q", method, path, kind)
	}
	return answer.StatusCode, bytes.TrimSpace(text)
}

// detail holds an answer against the one shape of every error: a sentence, or a list of faults with their four members.
func detail(t testing.TB, body []byte) {
	t.Helper()
	var sentence struct {
		Detail string `json:"detail"`
	}
	var list struct {
		Detail []map[string]any `json:"detail"`
	}
	if strict(body, &sentence) == nil && sentence.Detail != "" {
		return
	}
	if err := strict(body, &list); err != nil || len(list.Detail) == 0 {
		t.Fatalf("not of the shape of an error: %s", body)
	}
	for _, fault := range list.Detail {
		if len(fault) != 4 || fault["type"] == "" || fault["loc"] == nil || fault["msg"] == "" {
			t.Fatalf("not a fault: %s", body)
		}
	}
}

func strict(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	in := start(t)
	edit := "/tokens/" + in.token + "/edit"
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"not JSON", "POST", "/tokens/register", `{"label":`, 422, `"loc":["body",9]`},
		{"duplicate member", "POST", "/tokens/register", `{"label":"a","label":"b"}`, 422, "JSON decode error"},
		{"two documents", "POST", "/tokens/register", `{} {}`, 422, "JSON decode error"},
		{"not UTF-8", "POST", "/tokens/register", "{\"label\":\"\xff\"}", 422, "JSON decode error"},
		{"half a surrogate pair", "POST", "/tokens/register", `{"label":"\ud800"}`, 422, "JSON decode error"},
		{"NUL", "POST", "/tokens/register", `{"label":"a\u0000b"}`, 422, `"loc":["body","label"]`},
		{"a list", "POST", "/tokens/register", `[]`, 422, "valid dictionary"},
		{"null", "POST", "/tokens/register", `null`, 422, "valid dictionary"},
		{"a string", "POST", "/tokens/register", `"x"`, 422, "valid dictionary"},
		{"label of another type", "POST", "/tokens/register", `{"label":5}`, 422, `"loc":["body","label"]`},
		{"scopes of another type", "POST", "/tokens/register", `{"scopes":"pipes:read"}`, 422, `"loc":["body","scopes"]`},
		{"scope of another type", "POST", "/tokens/register", `{"scopes":[1]}`, 422, `"loc":["body","scopes"]`},
		{"no scope", "POST", "/tokens/register", `{"scopes":["pipes read"]}`, 422, `"loc":["body","scopes","0"]`},
		{"expiration of another type", "POST", "/tokens/register", `{"expiration":1893456000}`, 422, `"loc":["body","expiration"]`},
		{"no time", "POST", "/tokens/register", `{"expiration":"soon"}`, 422, `"loc":["body","expiration"]`},
		{"a past time", "POST", "/tokens/register", `{"expiration":"2020-01-01T00:00:00Z"}`, 422, "in the past"},
		{"a far time", "POST", "/tokens/register", `{"expiration":"10000-01-01T00:00:00Z"}`, 422, "expiration"},
		{"a long label", "POST", "/tokens/register", `{"label":"` + strings.Repeat("x", 500) + `"}`, 422, "label"},
		{"many things at once", "POST", "/tokens/register", `{"label":5,"scopes":5,"expiration":5}`, 422, `"label"`},
		{"a large body", "POST", "/tokens/register", `{"label":"` + strings.Repeat("x", 1<<17) + `"}`, 413, "Request Entity Too Large"},
		{"deep nesting", "POST", "/tokens/register", `{"x":` + strings.Repeat("[", 30000), 422, "JSON decode error"},
		{"no body", "POST", edit, "", 422, `"loc":["body"]`},
		{"members missing", "POST", edit, `{}`, 422, `"loc":["body","expiration"]`},
		{"label null", "POST", edit, `{"label":null,"expiration":null}`, 422, `"label"`},
		{"creation of another type", "POST", edit, `{"creation":"never","label":"a","expiration":null}`, 422, `"creation"`},
		{"validity of another type", "POST", edit, `{"label":"a","expiration":null,"is_valid":"maybe"}`, 422, `"is_valid"`},
		{"validity null", "POST", edit, `{"label":"a","expiration":null,"is_valid":null}`, 422, `"is_valid"`},
		{"an id that is none", "GET", "/tokens/nonsense", "", 400, "Invalid token ID."},
		{"an id in upper case", "GET", "/tokens/" + strings.ToUpper(in.token), "", 400, "Invalid token ID."},
		{"an id that is none, edited", "POST", "/tokens/nonsense/edit", `{}`, 400, "Token ID must be a UUID."},
		{"an id that is none, invalidated", "POST", "/tokens/nonsense/invalidate", "", 400, "Token ID must be a UUID."},
		{"an id that is none, deleted", "DELETE", "/tokens/nonsense", "", 400, "Token ID must be a UUID."},
		{"no id, deleted", "DELETE", "/tokens/", "", 404, "Not Found"},
		{"an empty id, deleted", "DELETE", "/tokens//", "", 404, "Not Found"},
		{"all, deleted", "DELETE", "/tokens", "", 405, "Method Not Allowed"},
		{"put", "PUT", "/tokens/" + in.token, `{}`, 405, "Method Not Allowed"},
		{"patch", "PATCH", "/tokens/" + in.token, `{}`, 405, "Method Not Allowed"},
		{"a slash at the end", "GET", "/tokens/" + in.token + "/", "", 404, "Not Found"},
		{"nothing there", "GET", "/tokens/" + in.token + "/more", "", 404, "Not Found"},
		{"nobody there", "GET", "/users/admin", "", 404, "Not Found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, body := in.do(t, test.method, test.path, test.body, nil)
			if status != test.status || !strings.Contains(string(body), test.says) {
				t.Errorf("%d %s, want %d %q", status, body, test.status, test.says)
			}
			detail(t, body)
		})
	}
	token, err := in.Client.Tokens(t.Context(), keywright.TokenQuery{})
	if err != nil || len(token.Items) != 1 || token.Items[0].Label != "kept" {
		t.Errorf("%+v, %v", token.Items, err)
	}
}

// Who shows nothing usable gets the one answer at every route, whatever else is wrong with the request.
func TestUnauthenticated(t *testing.T) {
	t.Parallel()
	in := start(t)
	for _, route := range []string{
		"GET /tokens", "POST /tokens/register", "POST /tokens/validate", "GET /tokens/nonsense", "POST /tokens/nonsense/edit",
		"POST /tokens/nonsense/invalidate", "DELETE /tokens/nonsense", "GET /users/admin/id",
	} {
		method, path, _ := strings.Cut(route, " ")
		for _, shown := range []string{"", "Bearer", "Bearer nonsense", "Basic nonsense", "Digest x", "mrsm-key:", "Bearer mrsm-key:x", "Bearer eyJh.eyJh.AA", "Basic YTpi"} {
			header := http.Header{"Authorization": {shown}}
			if shown == "" {
				header["Authorization"] = nil
			}
			status, body := in.do(t, method, path, "{", header)
			if status != http.StatusUnauthorized || string(body) != `{"detail":"Invalid credentials"}` {
				t.Errorf("%s with %q: %d %s", route, shown, status, body)
			}
		}
		status, body := in.do(t, method, path, "{", http.Header{"Authorization": {"Bearer " + in.session, "Bearer " + in.session}})
		if detail(t, body); status != http.StatusBadRequest {
			t.Errorf("%s with two headers: %d %s", route, status, body)
		}
	}
}

// Whatever is sent is answered in the dialect's shapes, and never as a fault of the server's.
func FuzzBodies(f *testing.F) {
	for _, body := range []string{
		"", "{}", `{"label":"a","scopes":["pipes:read"],"expiration":"2030-01-01"}`, `{"label":5}`, `[1]`, `{"expiration":"2030-01-01 12:00"}`,
		"username=admin&password=x", "client_id=a&client_secret=b", "grant_type=password&scope=%ff", `{"scopes":null}`, "\n{}",
	} {
		f.Add(body)
	}
	in := start(f)
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/login", "/tokens/register", "/tokens/" + in.token + "/edit"} {
			status, answer := in.do(t, "POST", path, body, nil)
			switch {
			case status == http.StatusOK && json.Valid(answer):
			case status >= 400 && status < 500:
				detail(t, answer)
			default:
				t.Errorf("%s: %d %s", path, status, answer)
			}
		}
	})
}
