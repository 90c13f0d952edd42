package server_test

// A token of each kind reaches the same at every door: an account token the data of its account, a space token that of its space, a
// manager token nobody's, whatever its scopes are; and as itself and as an access token alike.

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// doors are those at which somebody's data is asked for: each says whether a credential passes, where the scope is needed
// in the space (empty: anywhere in the account).
func doors(t *testing.T, keys *keywrighttest.Server) map[string]func(key, space, scope string) bool {
	t.Helper()
	verifier := keys.Issue(t, keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{"keywright:tokens:verify"}})
	asks := func(client *keywright.Client, about string) func(key, space, scope string) bool {
		return func(key, space, scope string) bool {
			q := keywright.VerifyRequest{Space: space, Scopes: []string{scope}}
			if about == "another" {
				q.Token = key
			} else {
				client = keywright.NewClient(keys.URL, key)
			}
			v, err := client.Verify(t.Context(), q)
			if err != nil {
				t.Errorf("verify: %v", err)
			}
			return v.Valid
		}
	}
	return map[string]func(key, space, scope string) bool{
		"verify":          asks(keys.Client, "another"),
		"verify by token": asks(keys.ClientFor(verifier), "another"),
		"verify itself":   asks(nil, "itself"),
		"verify batch": func(key, space, scope string) bool {
			v, err := keys.Client.VerifyBatch(t.Context(), []keywright.VerifyRequest{{Token: key, Space: space, Scopes: []string{scope}}})
			if err != nil || len(v) != 1 {
				t.Fatalf("verify batch: %v, %v", v, err)
			}
			return v[0].Valid
		},
		"introspect": func(key, space, scope string) bool {
			told := form(t, keys.URL+"/oauth2/introspect", verifier.APIKey.Reveal(), url.Values{"token": {key}})
			return told["active"] == true && (space == "" || told["space"] == nil || told["space"] == space) &&
				strings.Contains(" "+told["scope"].(string)+" ", " "+scope+" ")
		},
		"gateway": func(key, space, scope string) bool {
			path := "/check/nginx/account/default"
			if space != "" {
				path += "/space/" + space
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, keys.URL+path+"/scope/"+scope, nil)
			must(t, err)
			r.Header.Set("Authorization", "Bearer "+key)
			res, err := http.DefaultClient.Do(r)
			must(t, err)
			_ = res.Body.Close()
			return res.StatusCode == http.StatusOK
		},
	}
}

// form posts a form as who shows a key (empty: nobody), and returns the JSON answered.
func form(t *testing.T, address, key string, values url.Values) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(values.Encode()))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	var answer map[string]any
	must(t, json.Unmarshal(text, &answer))
	return answer
}

// accessTokens gets an access token in each way there is for a token that was issued.
func accessTokens(t *testing.T, keys *keywrighttest.Server, of keywright.Issued) map[string]string {
	t.Helper()
	got := map[string]string{}
	for name, values := range map[string]url.Values{
		"granted": {"grant_type": {"client_credentials"}, "client_id": {of.Token.ID.String()}, "client_secret": {of.ClientSecret.Reveal()}},
		"exchanged": {
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {of.APIKey.Reveal()},
			"subject_token_type": {"urn:keywright:params:oauth:token-type:api_key"},
		},
	} {
		answer := form(t, keys.URL+"/oauth2/token", "", values)
		token, ok := answer["access_token"].(string)
		if !ok {
			t.Fatalf("%s: %v", name, answer)
		}
		got[name] = token
	}
	return got
}

func TestKindsAtEveryDoor(t *testing.T) {
	t.Parallel()
	keys := keywrighttest.New(t)
	for _, space := range []string{"lab", "prod"} {
		_, err := keys.Client.CreateSpace(t.Context(), "default", space, "")
		must(t, err)
	}
	const data, management = "invoices:read", "keywright:tokens:read"
	for _, tt := range []struct {
		name    string
		token   keywright.NewToken
		reaches map[string]bool // by space
	}{
		{"account", keywright.NewToken{Kind: keywright.KindAccount, Scopes: []string{data, management}}, map[string]bool{"": true, "default": true}},
		{"space", keywright.NewToken{Kind: keywright.KindSpace, Space: "lab", Scopes: []string{data, management}}, map[string]bool{"": true, "lab": true}},
		{"manager", keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{management, "keywright:tokens:write"}}, nil},
	} {
		issued := keys.Issue(t, tt.token)
		shown := accessTokens(t, keys, issued)
		shown["itself"] = issued.APIKey.Reveal()
		for form, key := range shown {
			for name, passes := range doors(t, keys) {
				for _, space := range []string{"", "default", "lab", "prod"} {
					for _, scope := range []string{data, management} {
						if scope == management && tt.name != "manager" {
							continue // data may be guarded by a scope of any name
						}
						if got := passes(key, space, scope); got != tt.reaches[space] {
							t.Errorf("%s: a token of kind %s, as %s, in space %q for %s: %t", name, tt.name, form, space, scope, got)
						}
					}
				}
			}
			if _, err := keywright.NewClient(keys.URL, key).Tokens(t.Context(), keywright.TokenQuery{}); err != nil {
				t.Errorf("the management API: a token of kind %s, as %s: %v", tt.name, form, err)
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
