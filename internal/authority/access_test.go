package authority

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright"
)

// invalidMember is the member an *InvalidError is about; the error's text if it is another one.
func invalidMember(err error) string {
	var invalid *keywright.InvalidError
	if errors.As(err, &invalid) {
		return invalid.Problems[0].Member
	}
	return fmt.Sprint(err)
}

func TestGrantNarrows(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{
		Scopes:   []string{"invoices:*", "table://my.**"},
		Audience: []string{"http", "https://api.test"},
	})
	caller := i.caller(made.APIKey.Reveal())
	all := []string{"invoices:*", "table://my.**"}
	for _, tt := range []struct {
		name     string
		req      GrantRequest
		scopes   []string
		audience []string
		problem  string
	}{
		{"everything", GrantRequest{}, all, []string{"http", "https://api.test"}, ""},
		{"one scope", GrantRequest{Scopes: []string{"invoices:read", "invoices:read"}}, []string{"invoices:read"}, []string{"http", "https://api.test"}, ""},
		{"a pattern inside", GrantRequest{Scopes: []string{"table://my.app.*"}}, []string{"table://my.app.*"}, []string{"http", "https://api.test"}, ""},
		{"a wider pattern", GrantRequest{Scopes: []string{"table://**"}}, nil, nil, "scope"},
		{"another scope", GrantRequest{Scopes: []string{"invoices:read", "orders:read"}}, nil, nil, "scope"},
		{"a reserved scope", GrantRequest{Scopes: []string{"keywright:tokens:read"}}, nil, nil, "scope"},
		{"no scope at all", GrantRequest{Scopes: []string{`inv"oices`}}, nil, nil, "scope"},
		{"resource", GrantRequest{Resources: []string{"https://api.test"}}, all, []string{"https://api.test"}, ""},
		{"audience", GrantRequest{Audience: []string{"http"}}, all, []string{"http"}, ""},
		{"both", GrantRequest{Audience: []string{"http"}, Resources: []string{"https://api.test"}}, all, []string{"http", "https://api.test"}, ""},
		{"another resource", GrantRequest{Resources: []string{"https://api.test/"}}, nil, nil, "resource"},
		{"another audience", GrantRequest{Audience: []string{"HTTP"}}, nil, nil, "audience"},
		{"the issuer", GrantRequest{Resources: []string{testIssuer}}, nil, nil, "resource"},
	} {
		g, err := i.Grant(t.Context(), caller, tt.req)
		if tt.problem != "" {
			if got := invalidMember(err); got != tt.problem {
				t.Errorf("%s: error about %q, want %q", tt.name, got, tt.problem)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(tt.scopes, g.Scopes.Strings()) + cmp.Diff(tt.audience, g.Audience); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// A token for nobody in particular may be asked for at its default resource, the issuer.
func TestGrantWithoutAudience(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	key := i.issue(keywright.NewToken{}).APIKey.Reveal()
	token := i.grant(key, GrantRequest{Resources: []string{testIssuer}})
	if got := i.reason(token, access("invoices:read")); got != keywright.Allowed {
		t.Error(got)
	}
	asked := access("invoices:read")
	asked.Audience = testIssuer
	if got := i.reason(token, asked); got != keywright.WrongAudience {
		t.Error(got)
	}
}

// An access token for A is refused by B, and by whoever names nobody.
func TestAccessTokenAudience(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	key := i.issue(keywright.NewToken{Audience: []string{"a", "b"}}).APIKey.Reveal()
	token := i.grant(key, GrantRequest{Audience: []string{"a"}})
	for audience, want := range map[string]keywright.Reason{
		"a": keywright.Allowed, "b": keywright.WrongAudience, "": keywright.WrongAudience, "c": keywright.WrongAudience,
	} {
		asked := access("invoices:read")
		asked.Audience = audience
		if got := i.reason(token, asked); got != want {
			t.Errorf("audience %q: %v, want %v", audience, got, want)
		}
	}
}

func TestGrantRefused(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{AllowedCIDRs: []string{"192.0.2.0/24"}})
	key := made.APIKey.Reveal()
	away := i.caller(key)
	away.Address = testAddress.Next().Next().Prev()
	if _, err := i.Grant(t.Context(), away, GrantRequest{}); err != nil {
		t.Errorf("within its network: %v", err)
	}
	outside := Caller{Credential: i.parse(key)}
	for name, caller := range map[string]Caller{
		"nothing":      {Address: testAddress},
		"session":      i.operator,
		"access token": i.caller(i.grant(key, GrantRequest{})),
		"no address":   outside,
		"wrong secret": i.caller(keywright.FormatAPIKey("kw", made.Token.ID, strings.Repeat("a", 43))),
	} {
		if _, err := i.Grant(t.Context(), caller, GrantRequest{}); err != keywright.ErrUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	silent := i.issue(keywright.NewToken{Scopes: []string{}})
	if _, err := i.Grant(t.Context(), i.caller(silent.APIKey.Reveal()), GrantRequest{}); invalidMember(err) != "scope" {
		t.Errorf("token without scopes: %v", err)
	}
}

// An access token lives no longer than its token.
func TestGrantEndsWithToken(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{ExpiresIn: 90})
	g, err := i.Grant(t.Context(), i.caller(made.APIKey.Reveal()), GrantRequest{})
	if err != nil || g.ExpiresIn != 90*time.Second {
		t.Errorf("expires in %v, %v", g.ExpiresIn, err)
	}
	i.advance(90*time.Second - time.Millisecond)
	if _, err := i.Grant(t.Context(), i.caller(made.APIKey.Reveal()), GrantRequest{}); err != keywright.ErrUnauthenticated {
		t.Errorf("in its last second: %v", err)
	}
}

// A manager token and a token for one audience only get access tokens for what they are for.
func TestGrantOfEveryKind(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	manager := i.issue(keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{"keywright:tokens:read"}})
	token := i.grant(manager.APIKey.Reveal(), GrantRequest{})
	if got := i.reason(token, access()); got != keywright.WrongKind {
		t.Errorf("a manager's access token at data: %v", got)
	}
	i.must(i.Tokens(t.Context(), i.caller(token), keywright.TokenQuery{}))
}

func TestExchange(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	i.must(i.CreateAccount(t.Context(), i.operator, "acme", "Acme"))
	subject := i.issue(keywright.NewToken{Scopes: []string{"invoices:*"}})
	key := subject.APIKey.Reveal()
	client := i.caller(i.issue(keywright.NewToken{Scopes: []string{"orders:read"}}).APIKey.Reveal())
	local := i.issue(keywright.NewToken{AllowedCIDRs: []string{"192.0.2.0/24"}}).APIKey.Reveal()
	abroad := i.issue(keywright.NewToken{Account: "acme"}).APIKey.Reveal()
	narrow := GrantRequest{Scopes: []string{"invoices:read"}}
	for _, tt := range []struct {
		name    string
		caller  Caller
		req     ExchangeRequest
		problem string
	}{
		{"API key", client, ExchangeRequest{key, typeAPIKey, narrow}, ""},
		{"API key as a bearer token", client, ExchangeRequest{key, typeAccessToken, narrow}, ""},
		{"its own", i.caller(key), ExchangeRequest{key, typeAPIKey, narrow}, ""},
		{"its own, from its network", i.caller(local), ExchangeRequest{local, typeAPIKey, GrantRequest{}}, ""},
		{"another's, limited to a network", client, ExchangeRequest{local, typeAPIKey, GrantRequest{}}, "subject_token"},
		{"wider", client, ExchangeRequest{key, typeAPIKey, GrantRequest{Scopes: []string{"orders:read"}}}, "scope"},
		{"an access token", client, ExchangeRequest{i.grant(key, GrantRequest{}), typeAccessToken, narrow}, "subject_token"},
		{"a session", client, ExchangeRequest{i.operator.Credential.Reveal(), typeAccessToken, narrow}, "subject_token"},
		{"another account's", client, ExchangeRequest{abroad, typeAPIKey, narrow}, "subject_token"},
		{"garbage", client, ExchangeRequest{"kw_x", typeAPIKey, narrow}, "subject_token"},
		{"another type", client, ExchangeRequest{key, "urn:ietf:params:oauth:token-type:saml2", narrow}, "subject_token_type"},
		{"the holder, without a client", Caller{}, ExchangeRequest{key, typeAPIKey, narrow}, ""},
		{"the holder, outside its network", Caller{}, ExchangeRequest{local, typeAPIKey, GrantRequest{}}, "subject_token"},
		{"the holder of an access token", Caller{}, ExchangeRequest{i.grant(key, GrantRequest{}), typeAccessToken, narrow}, "subject_token"},
		{"a client that proves nothing", i.caller(keywright.FormatAPIKey("kw", subject.Token.ID, strings.Repeat("a", 43))), ExchangeRequest{key, typeAPIKey, narrow}, keywright.ErrUnauthenticated.Error()},
	} {
		g, err := i.Exchange(t.Context(), tt.caller, tt.req)
		if tt.problem != "" {
			if got := invalidMember(err); got != tt.problem {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.problem)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if got := i.reason(g.AccessToken.Reveal(), access("invoices:read")); got != keywright.Allowed {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	i.must(i.Revoke(t.Context(), i.operator, subject.Token.ID, ""))
	if _, err := i.Exchange(t.Context(), client, ExchangeRequest{key, typeAPIKey, narrow}); invalidMember(err) != "subject_token" {
		t.Errorf("revoked: %v", err)
	}
}

// Whatever is asked for, an access token never may more than its token.
func TestGrantNeverWidens(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	universe := []string{"a:b", "a:*", "a:**", "a:b:c", "*", "x:y", "t://m.**", "t://m.a.*", "t://m.a.b", "keywright:tokens:read"}
	audiences := []string{"p", "q", "r"}
	keys := map[string]string{}
	rapid.Check(t, func(r *rapid.T) {
		own := rapid.SliceOfNDistinct(rapid.SampledFrom(universe), 1, 3, rapid.ID).Draw(r, "own")
		aud := rapid.SliceOfNDistinct(rapid.SampledFrom(audiences), 0, 3, rapid.ID).Draw(r, "audience")
		req := GrantRequest{
			Scopes:   rapid.SliceOfN(rapid.SampledFrom(universe), 0, 3).Draw(r, "asked"),
			Audience: rapid.SliceOfN(rapid.SampledFrom(audiences), 0, 2).Draw(r, "asked audience"),
		}
		at := fmt.Sprint(own, aud)
		if keys[at] == "" {
			keys[at] = i.issue(keywright.NewToken{Scopes: own, Audience: aud, ExpiresIn: 3600}).APIKey.Reveal()
		}
		g, err := i.Grant(t.Context(), i.caller(keys[at]), req)
		if err != nil {
			if !errors.Is(err, keywright.ErrInvalid) {
				r.Fatal(err)
			}
			return
		}
		for _, scope := range universe {
			for _, audience := range append(audiences, "") {
				asked := access(scope)
				asked.Audience = audience
				byKey, byToken := i.reason(keys[at], asked), i.reason(g.AccessToken.Reveal(), asked)
				if byToken == keywright.Allowed && byKey != keywright.Allowed {
					r.Fatalf("%v %v asked %+v: the access token may %s at %q, its token may not: %v", own, aud, req, scope, audience, byKey)
				}
				given := len(g.Audience) == 0 && audience == "" || slices.Contains(g.Audience, audience)
				if byToken == keywright.Allowed && !given {
					r.Fatalf("allowed at %q, given for %v", audience, g.Audience)
				}
			}
		}
	})
}
