package server

// What is changed of accounts, spaces, people and rules at one of three servers holds at the others, and at guards that follow those, when the call
// has returned.

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/guard"
)

// checked is what a proxy is told at a server about a GET of /orders/7, by the rules of the gateway shop.
func (i *instance) checked(t *testing.T, key string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.Opened.URL+"/check/nginx/account/acme/rules/shop", nil)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("X-Original-Method", "GET")
	r.Header.Set("X-Original-URI", "/orders/7")
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	_ = res.Body.Close()
	return res.StatusCode
}

// acme makes the account at the first server, with the space lab.
func acme(t *testing.T, all []*instance) *keywright.Client {
	t.Helper()
	admin := all[0].admin(t)
	_, err := admin.CreateAccount(t.Context(), "acme", "")
	must(t, err)
	_, err = admin.CreateSpace(t.Context(), "acme", "lab", "")
	must(t, err)
	return admin
}

// TestRulesEverywhere: from the moment at which a gateway's rules are set, no server lets pass what they do not, nor refuses what they do.
func TestRulesEverywhere(t *testing.T) {
	t.Parallel()
	all := together(t, 3, 0)
	admin := acme(t, all)
	issued, err := admin.CreateToken(t.Context(), keywright.NewToken{Account: "acme", Scopes: []string{"orders:read"}}, "")
	must(t, err)
	admins := []*keywright.Client{admin, all[1].admin(t), all[2].admin(t)}
	for version := range 30 {
		needs, want := "orders:read", http.StatusOK
		if version%2 == 1 {
			needs, want = "orders:write", http.StatusForbidden
		}
		rules := keywright.NewGateway{Version: int64(version), Routes: []keywright.NewRoute{{Path: "/orders/{id}", Scopes: []string{needs}}}}
		_, err := admins[version%3].SetGateway(t.Context(), "acme", "shop", rules)
		must(t, err)
		for range 2 { // the second time from memory
			for n, s := range all {
				if got := s.checked(t, issued.APIKey.Reveal()); got != want {
					t.Fatalf("server %d answers %d by version %d, which needs %s", n, got, version+1, needs)
				}
			}
		}
	}
	_, err = admins[1].DeleteGateway(t.Context(), "acme", "shop")
	must(t, err)
	for n, s := range all {
		if got := s.checked(t, issued.APIKey.Reveal()); got != http.StatusForbidden {
			t.Errorf("server %d answers %d without rules", n, got)
		}
	}
}

// follower is a guard at a server, which knows how often it asks that.
type follower struct {
	*guard.Guard
	name  string
	asked atomic.Int64 // anything but what changes
}

func (i *instance) guard(t *testing.T, verifier keywright.Issued) *follower {
	f := &follower{name: "the guard at " + i.name()}
	c := holderOf(i, verifier)
	c.HTTP = &http.Client{Transport: f}
	f.Guard = guard.New(c)
	t.Cleanup(func() { _ = f.Close(context.Background()) })
	return f
}

// RoundTrip sends and counts.
func (f *follower) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/api/v1/changes" {
		f.asked.Add(1)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// allows is whether it lets a key pass, and whether it knew that by itself.
func (f *follower) allows(ctx context.Context, key string) (ok, known bool) {
	before := f.asked.Load()
	v, err := f.Verify(ctx, key, keywright.Access{})
	return err == nil && v.Allowed(), f.asked.Load() == before
}

// TestClosedEverywhere: a space and an account that are closed, and a person who is disabled, take their tokens along at every server and guard
// before the call returns, although all of them let the tokens pass from memory.
func TestClosedEverywhere(t *testing.T) {
	t.Parallel()
	all := together(t, 3, 0)
	admin, ctx := acme(t, all), t.Context()
	_, err := admin.SetGateway(ctx, "acme", "shop", keywright.NewGateway{Routes: []keywright.NewRoute{{Path: "/orders/{id}"}}})
	must(t, err)
	_, err = admin.CreateUser(ctx, "acme", keywright.NewUser{Username: "eve", Password: keywright.NewSecret(password), Role: keywright.Role{Name: "manager", Space: "lab"}})
	must(t, err)
	verifier, err := admin.CreateToken(ctx, keywright.NewToken{Account: "acme", Scopes: []string{"keywright:tokens:verify"}}, "")
	must(t, err)
	guards := []*follower{all[1].guard(t, verifier), all[2].guard(t, verifier)}
	eves := keywright.NewToken{Account: "acme", Kind: keywright.KindSpace, Space: "lab", Owner: "eve", Scopes: []string{"a"}}
	for _, c := range []struct {
		name       string
		times      int
		take, give func() error
	}{
		{
			"the space closed", 5,
			func() error { return drop(admin.CloseSpace(ctx, "acme", "lab")) },
			func() error { return drop(admin.ReopenSpace(ctx, "acme", "lab")) },
		},
		{
			"its owner disabled", 5,
			func() error {
				return drop(admin.DisableUser(ctx, "eve", keywright.Offboarding{Tokens: keywright.TokensEnd}))
			},
			func() error { return drop(admin.EnableUser(ctx, "eve")) },
		},
		{
			"the account closed", 1, // which the guards' own token is of, so they lose what they remember, and come back by and by
			func() error { return drop(admin.CloseAccount(ctx, "acme")) },
			func() error { return drop(admin.ReopenAccount(ctx, "acme")) },
		},
	} {
		for range c.times {
			issued, err := admin.CreateToken(ctx, eves, "")
			must(t, err)
			pass(t, all, guards, issued.APIKey.Reveal())
			must(t, c.take())
			for _, g := range guards {
				if ok, _ := g.allows(ctx, issued.APIKey.Reveal()); ok {
					t.Errorf("%s lets it pass with %s", g.name, c.name)
				}
			}
			for n, s := range all {
				if got := s.checked(t, issued.APIKey.Reveal()); got == http.StatusOK {
					t.Errorf("server %d lets it pass with %s", n, c.name)
				}
			}
			must(t, c.give())
		}
	}
}

// pass waits until every guard lets a key pass from memory, and demands that every server does.
func pass(t *testing.T, all []*instance, guards []*follower, key string) {
	t.Helper()
	for _, g := range guards {
		deadline := time.Now().Add(30 * time.Second)
		for ok, known := false, false; !ok || !known; time.Sleep(time.Millisecond) {
			if ok, known = g.allows(t.Context(), key); time.Now().After(deadline) {
				t.Fatalf("%s does not let it pass from memory", g.name)
			}
		}
	}
	for n, s := range all {
		for range 2 { // the second time from memory
			if got := s.checked(t, key); got != http.StatusOK {
				t.Fatalf("server %d answers %d before", n, got)
			}
		}
	}
}

func drop[T any](_ T, err error) error { return err }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
