package meshstack_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

const (
	keysPath  = "/api/meshobjects/meshapikeys"
	mediaType = "application/vnd.meshcloud.api.meshApiKey.v1-preview.hal+json"
)

// instance is a server with a key that manages keys.
type instance struct {
	*keywrighttest.Server
	key keywright.Issued
}

func start(t testing.TB) *instance {
	in := &instance{Server: keywrighttest.New(t)}
	in.key = in.Issue(t, keywright.NewToken{Label: "kept", Scopes: []string{"PROJECT_LIST", "keywright:tokens:*"}})
	return in
}

func (in *instance) do(t testing.TB, method, path, body string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, in.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+in.key.APIKey.Reveal())
	r.Header.Set("Accept", mediaType)
	r.Header.Set("Content-Type", mediaType)
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
	return answer, text
}

// refused holds an answer against the one shape of every error.
func refused(t testing.TB, answer *http.Response, body []byte) {
	t.Helper()
	var shape struct {
		ErrorCode string `json:"errorCode"`
		Message   string `json:"message"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&shape); err != nil || shape.ErrorCode == "" || shape.Message == "" || answer.Header.Get("Content-Type") != "application/json" {
		t.Errorf("not of the shape of an error: %v %s", answer.Header, body)
	}
}

func key(members string) string {
	return `{"apiVersion":"v1-preview","kind":"meshApiKey","metadata":{"ownedByWorkspace":"default"},"spec":{"displayName":"x","permissions":[]` + members + `}}`
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	in := start(t)
	own := keysPath + "/" + in.key.Token.ID.String()
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"no body", "POST", keysPath, "", 400, "ends too early"},
		{"not JSON", "POST", keysPath, `{"spec":`, 400, "ends too early"},
		{"a list", "POST", keysPath, `[]`, 400, "want an object"},
		{"two documents", "POST", keysPath, key("") + "{}", 400, "after top-level value"},
		{"duplicate member", "POST", keysPath, key(`,"permissions":["PROJECT_LIST"]`), 400, "twice"},
		{"not UTF-8", "POST", keysPath, key(",\"x\":\"\xff\""), 400, "UTF-8"},
		{"no workspace", "POST", keysPath, `{"spec":{"displayName":"x","permissions":[]}}`, 400, "metadata.ownedByWorkspace is missing"},
		{"metadata of another type", "POST", keysPath, `{"metadata":5,"spec":{"displayName":"x","permissions":[]}}`, 400, "metadata must be an object"},
		{"workspace of another type", "POST", keysPath, `{"metadata":{"ownedByWorkspace":5},"spec":{"displayName":"x","permissions":[]}}`, 400, "metadata.ownedByWorkspace"},
		{"workspace that no space is called", "POST", keysPath, strings.Replace(key(""), "default", "a b", 1), 400, "metadata.ownedByWorkspace"},
		{"uuid of one's own", "POST", keysPath, strings.Replace(key(""), `"ownedBy`, `"uuid":"x","ownedBy`, 1), 400, "metadata.uuid"},
		{"no spec", "POST", keysPath, `{"metadata":{"ownedByWorkspace":"default"}}`, 400, "spec is missing"},
		{"spec of another type", "POST", keysPath, `{"metadata":{"ownedByWorkspace":"default"},"spec":[]}`, 400, "spec must be an object"},
		{"no name", "POST", keysPath, strings.Replace(key(""), `"displayName":"x",`, "", 1), 400, "spec.displayName is missing"},
		{"empty name", "POST", keysPath, strings.Replace(key(""), `"x"`, `""`, 1), 400, "spec.displayName"},
		{"unseen characters in the name", "POST", keysPath, strings.Replace(key(""), `"x"`, `"a\u0000b"`, 1), 400, "spec.displayName"},
		{"no permissions", "POST", keysPath, strings.Replace(key(""), `,"permissions":[]`, "", 1), 400, "spec.permissions"},
		{"permissions of another type", "POST", keysPath, strings.Replace(key(""), `[]`, `"PROJECT_LIST"`, 1), 400, "spec.permissions"},
		{"permission of another type", "POST", keysPath, strings.Replace(key(""), `[]`, `[5]`, 1), 400, "spec.permissions"},
		{"null for permissions", "POST", keysPath, strings.Replace(key(""), `[]`, `null`, 1), 400, "spec.permissions"},
		{"no permission", "POST", keysPath, strings.Replace(key(""), `[]`, `["PROJECT LIST"]`, 1), 400, "spec.permissions.0"},
		{"no date", "POST", keysPath, key(`,"expiresAt":"soon"`), 400, "spec.expiresAt must be a date"},
		{"an instant for a date", "POST", keysPath, key(`,"expiresAt":"2099-01-01T00:00:00Z"`), 400, "spec.expiresAt must be a date"},
		{"date of another type", "POST", keysPath, key(`,"expiresAt":20990101`), 400, "spec.expiresAt"},
		{"a past date", "POST", keysPath, key(`,"expiresAt":"2020-01-01"`), 400, "spec.expiresAt: is in the past"},
		{"another kind", "POST", keysPath, strings.Replace(key(""), "meshApiKey", "meshProject", 1), 400, "kind must be meshApiKey"},
		{"another version", "POST", keysPath, strings.Replace(key(""), "v1-preview", "v1", 1), 400, "apiVersion must be v1-preview"},
		{"more than the caller has", "POST", keysPath, strings.Replace(key(""), `[]`, `["PROJECT_SAVE"]`, 1), 403, "PROJECT_SAVE"},
		{"a large body", "POST", keysPath, key(`,"x":"` + strings.Repeat("x", 1<<17) + `"`), 413, "too large"},
		{"deep nesting", "POST", keysPath, `{"x":` + strings.Repeat("[", 30000), 400, "body"},
		{"an uuid that is none", "GET", keysPath + "/nonsense", "", 404, "no API key"},
		{"an uuid that is none, deleted", "DELETE", keysPath + "/nonsense", "", 404, "no API key"},
		{"nobody's uuid", "GET", keysPath + "/018f0000-0000-7000-8000-000000000000", "", 404, "token not found"},
		{"another uuid than the path's", "PUT", own, strings.Replace(key(""), `"ownedBy`, `"uuid":"x","ownedBy`, 1), 400, "metadata.uuid"},
		{"another workspace", "PUT", own, strings.Replace(key(""), "default", "other", 1), 400, "never changes"},
		{"no uuid, deleted", "DELETE", keysPath + "/", "", 404, "Not Found"},
		{"an empty uuid, deleted", "DELETE", keysPath + "//", "", 404, "Not Found"},
		{"all, deleted", "DELETE", keysPath, "", 405, "Method Not Allowed"},
		{"itself, deleted by name", "DELETE", keysPath + "/self", "", 405, "Method Not Allowed"},
		{"patch", "PATCH", own, "{}", 405, "Method Not Allowed"},
		{"nothing there", "GET", own + "/more", "", 404, "Not Found"},
		{"a page twice", "GET", keysPath + "?page=1&page=2", "", 400, "page"},
		{"a far page", "GET", keysPath + "?page=9223372036854775807", "", 400, "page"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer, body := in.do(t, test.method, test.path, test.body, nil)
			if answer.StatusCode != test.status || !strings.Contains(string(body), test.says) {
				t.Errorf("%d %s, want %d %q", answer.StatusCode, body, test.status, test.says)
			}
			refused(t, answer, body)
		})
	}
	page, err := in.Client.Tokens(t.Context(), keywright.TokenQuery{})
	if err != nil || len(page.Items) != 1 || page.Items[0].Label != "kept" {
		t.Errorf("%+v, %v", page.Items, err)
	}
}

// Who shows nothing usable learns nothing else.
func TestUnauthenticated(t *testing.T) {
	t.Parallel()
	in := start(t)
	for _, route := range []string{"GET ", "POST ", "GET /self", "GET /nonsense", "PUT /nonsense", "DELETE /nonsense"} {
		method, path, _ := strings.Cut(route, " ")
		for _, shown := range []string{"", "Bearer nonsense", "Bearer eyJh.eyJh.AA", "Digest x"} {
			answer, body := in.do(t, method, keysPath+path, "{", http.Header{"Authorization": {shown}, "Accept": nil})
			if refused(t, answer, body); answer.StatusCode != 401 || answer.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s with %q: %d %s", route, shown, answer.StatusCode, body)
			}
		}
	}
}

// Clients wait for as long as Retry-After says.
func TestTooManyLogins(t *testing.T) {
	t.Parallel()
	in := start(t)
	login := `{"clientId":"` + in.key.Token.ID.String() + `","clientSecret":"` + strings.Repeat("0", 43) + `"}`
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": nil}
	for range 100 {
		answer, body := in.do(t, "POST", "/api/login", login, header)
		refused(t, answer, body)
		if answer.StatusCode == http.StatusTooManyRequests {
			if wait, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || wait < 1 {
				t.Errorf("Retry-After %q", answer.Header.Get("Retry-After"))
			}
			return
		}
	}
	t.Error("a hundred wrong secrets were looked at")
}

// Whatever is sent is answered in the dialect's shapes, and never as a fault of the server's.
func FuzzBodies(f *testing.F) {
	for _, body := range []string{"", key(""), key(`,"expiresAt":"2099-01-01"`), `{"metadata":{"uuid":null}}`, `{"clientId":"a","clientSecret":"b"}`, "client_id=a&grant_type=%ff"} {
		f.Add(body)
	}
	in := start(f)
	own := keysPath + "/" + in.key.Token.ID.String()
	f.Fuzz(func(t *testing.T, body string) {
		for _, call := range []struct{ method, path, kind string }{
			{"POST", keysPath, mediaType}, {"PUT", own, mediaType},
			{"POST", "/api/login", "application/json"}, {"POST", "/api/login", "application/x-www-form-urlencoded"},
		} {
			answer, text := in.do(t, call.method, call.path, body, http.Header{"Content-Type": {call.kind}})
			switch {
			case answer.StatusCode < 300 && json.Valid(text):
			case answer.StatusCode >= 400 && answer.StatusCode < 500:
				refused(t, answer, text)
			default:
				t.Errorf("%s %s: %d %s", call.method, call.path, answer.StatusCode, text)
			}
		}
	})
}
