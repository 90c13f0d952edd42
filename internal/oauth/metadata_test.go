package oauth_test

// The metadata (RFC 8414) tells the truth: what it advertises works, and no grant works that it does
// not advertise. The keys (RFC 7517) are public ones, and access tokens verify under them (RFC 9068).

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/keywright/keywright"
)

// published are the members of the metadata that are lists or places.
type published struct {
	Issuer                string
	TokenEndpoint         string   `json:"token_endpoint"`
	TokenMethods          []string `json:"token_endpoint_auth_methods_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	Scopes                []string `json:"scopes_supported"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	IntrospectionMethods  []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	RevocationMethods     []string `json:"revocation_endpoint_auth_methods_supported"`
	JWKSURI               string   `json:"jwks_uri"`
}

func (in *instance) published(path string) published {
	in.t.Helper()
	a := in.do(call{method: http.MethodGet, path: path})
	if a.status != 200 || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "public, max-age=600" {
		in.t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	for member, value := range a.json {
		if list, ok := value.([]any); ok && len(list) == 0 {
			in.t.Errorf("RFC 8414 2: %s is an empty list", member)
		}
	}
	if _, ok := a.json["response_types_supported"]; ok {
		in.t.Error("response types are advertised, and there is no authorization endpoint")
	}
	var p published
	must(in.t, json.Unmarshal([]byte(a.body), &p))
	return p
}

func TestMetadataIsTrue(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/tenant1", "/a/b"} {
		t.Run("issuer path "+path, func(t *testing.T) {
			t.Parallel()
			in := start(t, path)
			p := in.published(metadataPath + path)
			if p.Issuer != in.url+path {
				t.Errorf("RFC 8414 3.3: issuer %q", p.Issuer)
			}
			walkMethods(t, in, p)
			walkGrants(t, in, p)
			for _, s := range p.Scopes {
				scope, err := keywright.ParseScope(s)
				if err != nil || !scope.Reserved() {
					t.Errorf("scope %q: %v", s, err)
				}
			}
			if path != "" && in.do(call{method: http.MethodGet, path: metadataPath}).status != 404 {
				t.Error("RFC 8414 3.1: there is metadata where another issuer's would be")
			}
		})
	}
}

// walkMethods calls every endpoint by every method advertised for it.
func walkMethods(t *testing.T, in *instance, p published) {
	t.Helper()
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	for _, door := range []struct {
		url     string
		methods []string
		form    url.Values
	}{
		{p.TokenEndpoint, p.TokenMethods, url.Values{"grant_type": {"client_credentials"}}},
		{p.IntrospectionEndpoint, p.IntrospectionMethods, url.Values{"token": {c.key}}},
		{p.RevocationEndpoint, p.RevocationMethods, url.Values{"token": {"garbage"}}},
	} {
		if len(door.methods) == 0 {
			t.Errorf("%s: no method is advertised", door.url)
		}
		for _, method := range door.methods {
			q := call{path: strings.TrimPrefix(door.url, in.url), form: with(door.form, "foo", "1")}
			switch method {
			case "client_secret_basic":
				q.basic = &c
			case "client_secret_post":
				q.form.Set("client_id", c.id)
				q.form.Set("client_secret", c.secret)
			case "Bearer":
				q.bearer = c.key
			default:
				t.Errorf("%s: method %q is not tested", door.url, method)
			}
			if a := in.do(q); a.status != 200 {
				t.Errorf("%s by %s: %d %s", door.url, method, a.status, a.body)
			}
		}
	}
}

func walkGrants(t *testing.T, in *instance, p published) {
	t.Helper()
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}})
	for _, grant := range []string{
		"client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange", "authorization_code", "implicit", "password", "refresh_token",
		"urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:saml2-bearer",
		"urn:ietf:params:oauth:grant-type:device_code", "urn:openid:params:grant-type:ciba",
	} {
		a := in.do(call{path: strings.TrimPrefix(p.TokenEndpoint, in.url), basic: &c, form: url.Values{
			"grant_type": {grant}, "username": {"admin"}, "password": {"x"}, "code": {"x"}, "refresh_token": {"x"}, "assertion": {"x"},
			"subject_token": {c.key}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		}})
		if slices.Contains(p.GrantTypes, grant) {
			a.granted(t, "invoices:read")
		} else {
			a.errorIs(t, 400, "unsupported_grant_type")
		}
	}
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	in := start(t, "")
	c := in.issue(keywright.NewToken{Scopes: []string{"invoices:read"}, Audience: []string{"https://a.example", "https://b.example"}})
	token := in.grant(c, url.Values{"resource": {"https://a.example"}})
	a := in.do(call{method: http.MethodGet, path: strings.TrimPrefix(in.published(metadataPath).JWKSURI, in.url)})
	if a.status != 200 || a.header.Get("Cache-Control") != "public, max-age=600" || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	keys, _ := a.json["keys"].([]any)
	for _, key := range keys {
		for _, member := range []string{"kid", "use", "alg", "kty", "crv", "x", "y"} {
			if key.(map[string]any)[member] == nil {
				t.Errorf("RFC 7517 4: no %s in %v", member, key)
			}
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if key.(map[string]any)[private] != nil {
				t.Errorf("RFC 7518 6: private member %s", private)
			}
		}
	}
	var set jose.JSONWebKeySet
	must(t, json.Unmarshal([]byte(a.body), &set))
	checkAccessToken(t, in, c, token, set)
}

// checkAccessToken reads an access token as a resource server does (RFC 9068 section 4).
func checkAccessToken(t *testing.T, in *instance, c client, token string, set jose.JSONWebKeySet) {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	must(t, err)
	if typ := parsed.Headers[0].ExtraHeaders["typ"]; typ != "at+jwt" {
		t.Errorf("RFC 9068 2.1: typ %v", typ)
	}
	key := set.Key(parsed.Headers[0].KeyID)
	if len(key) != 1 {
		t.Fatalf("key id %q is published %d times", parsed.Headers[0].KeyID, len(key))
	}
	var claims struct {
		jwt.Claims
		ClientID string `json:"client_id"`
		Scope    string `json:"scope"`
	}
	must(t, parsed.Claims(key[0].Key, &claims))
	must(t, claims.Validate(jwt.Expected{Issuer: in.url, Subject: c.id, AnyAudience: jwt.Audience{"https://a.example"}, Time: time.Now()}))
	if claims.ClientID != c.id || claims.Scope != "invoices:read" || claims.ID == "" || len(claims.Audience) != 1 || claims.Expiry == nil || claims.IssuedAt == nil {
		t.Errorf("RFC 9068 2.2: %+v", claims)
	}
}
