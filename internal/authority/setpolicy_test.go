package authority

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const aDay = 24 * 60 * 60

func (w *world) newPolicy(change func(*keywright.NewPolicy)) keywright.NewPolicy {
	w.t.Helper()
	account, err := w.a.Account(w.t.Context(), w.as("ada"), "acme")
	w.must(err)
	p := keywright.NewPolicy{Policy: account.Policy}
	change(&p)
	return p
}

func (w *world) spacePolicy(p keywright.SpacePolicy) {
	w.t.Helper()
	_, err := w.a.SetSpacePolicy(w.t.Context(), w.as("ada"), "acme", "lab", keywright.NewSpacePolicy{SpacePolicy: p})
	w.must(err)
}

// use notes a use as the flush of a usage does.
func (w *world) use(id keywright.ID) {
	w.t.Helper()
	w.must(w.st.AddUsage(w.t.Context(), store.UsageBatch{Writer: w.id(), Number: 1, At: w.time(), Uses: []store.Usage{{Token: id, At: w.time()}}}))
}

// What a preview foretells is what happens, on the day it foretells, in a year that passes; and nothing else does.
func TestPolicyPreviewComesTrue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy(func(p *keywright.Policy) { p.MaxPermanent = -1 })
	ids := map[string]keywright.ID{}
	made := func(label string, req keywright.NewToken) keywright.ID {
		req.Label, req.Scopes = label, []string{"a:read"}
		ids[label] = w.issue(w.as("ada"), req).Token.ID
		return ids[label]
	}
	made("old", keywright.NewToken{Lifetime: "permanent"})
	w.pass(200 * 24 * time.Hour)
	made("young", keywright.NewToken{Lifetime: "permanent"})
	made("dated", keywright.NewToken{ExpiresIn: 20 * aDay})
	made("long", keywright.NewToken{ExpiresIn: 300 * aDay})
	made("lab", keywright.NewToken{Space: "lab", Lifetime: "permanent"})
	w.use(made("used", keywright.NewToken{Lifetime: "permanent"}))
	policy := w.newPolicy(func(p *keywright.NewPolicy) {
		p.MaxLifetime, p.MaxUnused, p.DefaultLifetime = 100*aDay, 30*aDay, 10*aDay
	})
	for _, from := range []string{"ada", "audi"} {
		_, err := w.a.PreviewPolicy(t.Context(), w.as(from), "acme", policy, false)
		wantErr(t, err, nil, "")
	}
	w.wantTrail("token.create", "token.create", "token.create", "token.create", "token.create", "token.create")
	foretold, err := w.a.PreviewPolicy(t.Context(), w.as("ada"), "acme", policy, false)
	w.must(err)
	if foretold.Ends != 5 || len(foretold.Tokens) != 5 || foretold.Narrows+foretold.Disables != 0 {
		t.Fatalf("foretold: %+v", foretold)
	}
	ends := map[keywright.ID]time.Time{ids["dated"]: w.time().Add(20 * 24 * time.Hour)}
	for _, e := range foretold.Tokens {
		ends[e.ID] = e.At
	}
	_, err = w.a.SetPolicy(t.Context(), w.as("ada"), "acme", policy)
	w.must(err)
	for range 366 {
		for label, id := range ids {
			state, want := w.get(id).State, keywright.StateActive
			if !w.time().Before(ends[id]) {
				want = keywright.StateExpired
			}
			if state != want {
				t.Fatalf("%s: %s is %s, want %s (foretold for %s)", w.time(), label, state, want, ends[id])
			}
		}
		w.pass(24 * time.Hour)
	}
}

// A stricter policy holds for every token in its own revision, and no token is rewritten.
func TestPolicyHoldsAtUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.issue(w.as("ada"), scopesGranted("a:read", "b:read"))
	w.trail()
	policy := w.newPolicy(func(p *keywright.NewPolicy) { p.AllowedScopes = []string{"a:*"} })
	foretold, err := w.a.PreviewPolicy(t.Context(), w.as("ada"), "acme", policy, true)
	w.must(err)
	if foretold.Narrows != 1 || foretold.Tokens[0].Because != "allowed_scopes" || foretold.Tokens[0].Lost[0] != "b:read" {
		t.Errorf("foretold: %+v", foretold)
	}
	w.must(onlyErr(w.a.SetPolicy(t.Context(), w.as("ada"), "acme", policy)))
	w.wantTrail("account.policy")
	if !w.usable(made.APIKey, "a:read") || w.usable(made.APIKey, "b:read") {
		t.Error("the policy's scopes do not bound the token")
	}
	grant, err := w.a.Grant(t.Context(), w.by(made), GrantRequest{})
	if err != nil || len(grant.Scopes) != 1 {
		t.Errorf("an access token has %v, %v", grant.Scopes, err)
	}
	w.policy(func(p *keywright.Policy) { p.AllowedScopes, p.AllowedCIDRs = nil, []string{"198.51.100.0/24"} })
	if w.usable(made.APIKey, "a:read") {
		t.Error("a token of an address that is not known passes the policy's networks")
	}
	w.policy(func(p *keywright.Policy) { p.AllowedCIDRs, p.AllowedAudience = nil, []string{"http"} })
	if w.usable(made.APIKey, "a:read") {
		t.Error("a token for none passes where the policy lists audiences")
	}
	w.policy(func(p *keywright.Policy) { p.AllowedAudience = nil })
	if !w.usable(made.APIKey, "b:read") {
		t.Error("what the policy took it does not give back")
	}
}

func onlyErr[T any](_ T, err error) error { return err }

// A use keeps a token alive, whoever remembers it: this process or the database.
func TestUnusedAtUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy(func(p *keywright.Policy) { p.MaxUnused = 30 * aDay })
	made := w.issue(w.as("ada"), keywright.NewToken{Lifetime: "permanent", Scopes: []string{"a"}})
	for range 3 {
		w.pass(29 * 24 * time.Hour)
		if !w.usable(made.APIKey, "a") {
			t.Fatal("a token that is used ends")
		}
	}
	w.pass(29 * 24 * time.Hour)
	w.use(made.Token.ID) // at another node
	w.pass(29 * 24 * time.Hour)
	if !w.usable(made.APIKey, "a") {
		t.Fatal("a use elsewhere does not count")
	}
	w.pass(30 * 24 * time.Hour)
	if w.usable(made.APIKey, "a") {
		t.Fatal("an unused token passes")
	}
	if _, err := w.a.Rotate(t.Context(), w.as("ada"), made.Token.ID, nil, ""); !errors.Is(err, keywright.ErrConflict) {
		t.Errorf("rotate: %v", err)
	}
}

func TestSwitchOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{"a", "keywright:tokens:write"}})
	child := w.issue(w.by(made), scopesGranted("a"))
	off := w.issue(w.as("ada"), scopesGranted("a"))
	w.must(onlyErr(w.a.Disable(t.Context(), w.as("ada"), off.Token.ID)))
	w.trail()
	_, err := w.a.SetPolicy(t.Context(), w.as("ada"), "acme", w.newPolicy(func(p *keywright.NewPolicy) { p.DisableTokens = true }))
	wantErr(t, err, keywright.ErrInvalid, "/disable_tokens")
	policy := w.newPolicy(func(p *keywright.NewPolicy) { p.Enabled, p.DisableTokens = false, true })
	foretold, err := w.a.PreviewPolicy(t.Context(), w.as("ada"), "acme", policy, false)
	if err != nil || foretold.Disables != 2 {
		t.Errorf("foretold: %+v, %v", foretold, err)
	}
	w.must(onlyErr(w.a.SetPolicy(t.Context(), w.as("ada"), "acme", policy)))
	events := w.events()
	if len(events) != 3 || events[0].Revision == 0 || events[0].Revision != events[1].Revision || events[1].Revision != events[2].Revision {
		t.Errorf("events: %+v", events)
	}
	if w.usable(made.APIKey, "a") || w.usable(child.APIKey, "a") {
		t.Error("a token works while tokens are switched off")
	}
	_, err = w.a.Issue(t.Context(), w.as("ada"), scopesGranted("a"), "")
	wantErr(t, err, keywright.ErrForbidden, "policy")
	_, err = w.a.Enable(t.Context(), w.as("ada"), made.Token.ID)
	wantErr(t, err, keywright.ErrForbidden, "policy")
}

func TestSpacePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy(func(p *keywright.Policy) {
		p.AllowedScopes, p.MaxLifetime, p.DefaultLifetime = []string{"a:*"}, 90*aDay, 30*aDay
	})
	for _, row := range []struct {
		own keywright.SpacePolicy
		err string
	}{
		{keywright.SpacePolicy{MaxLifetime: ptr[int64](91 * aDay)}, "/max_lifetime"},
		{keywright.SpacePolicy{MaxLifetime: ptr[int64](0)}, "/max_lifetime"},
		{keywright.SpacePolicy{MaxTokens: ptr[int64](-1)}, "/max_tokens"},
		{keywright.SpacePolicy{RecoverableAllowed: ptr(true)}, "/recoverable_allowed"},
		{keywright.SpacePolicy{AllowedScopes: []string{"b:read"}}, "/allowed_scopes"},
		{keywright.SpacePolicy{AllowedScopes: []string{"**"}}, "/allowed_scopes"},
		{keywright.SpacePolicy{AllowedCIDRs: []string{"x"}}, "/allowed_cidrs/0"},
	} {
		_, err := w.a.SetSpacePolicy(t.Context(), w.as("ada"), "acme", "lab", keywright.NewSpacePolicy{SpacePolicy: row.own})
		wantErr(t, err, keywright.ErrInvalid, row.err)
	}
	w.wantTrail()
	w.spacePolicy(keywright.SpacePolicy{AllowedScopes: []string{"a:read"}, MaxLifetime: ptr[int64](10 * aDay), MaxTokens: ptr[int64](2)})
	w.wantTrail("space.policy")
	lab := func(scope string) keywright.NewToken {
		return keywright.NewToken{Space: "lab", Scopes: []string{scope}}
	}
	_, err := w.a.Issue(t.Context(), w.as("mel"), lab("a:write"), "")
	wantErr(t, err, keywright.ErrInvalid, "/scopes")
	made := w.issue(w.as("mel"), lab("a:read"))
	if end := made.Token.ExpiresAt; !end.Equal(w.time().Add(10 * 24 * time.Hour)) {
		t.Errorf("it ends %s", end)
	}
	w.issue(w.as("mel"), lab("a:read"))
	_, err = w.a.Issue(t.Context(), w.as("mel"), lab("a:read"), "")
	wantErr(t, err, keywright.ErrQuota, "space lab")
	w.issue(w.as("ada"), scopesGranted("a:write")) // elsewhere the account's alone holds
	d, err := w.a.SpacePolicy(t.Context(), w.as("audi"), "acme", "lab")
	if err != nil || d.Effective.MaxLifetime != 10*aDay || d.Effective.DefaultLifetime != 30*aDay {
		t.Errorf("%+v, %v", d, err)
	}
	w.policy(func(p *keywright.Policy) { p.AllowedScopes = []string{"b:*"} })
	if w.usable(made.APIKey, "a:read") {
		t.Error("what the account no longer allows is allowed in its space")
	}
}

// Another tenant's policy is the same "not found" as none; who has too small a role is told so.
func TestPolicyOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	policy := w.newPolicy(func(*keywright.NewPolicy) {})
	for _, row := range []struct {
		who, account, space string
		want                error
	}{
		{"otto", "acme", "lab", keywright.ErrNotFound},
		{"otto", "nowhere", "lab", keywright.ErrNotFound},
		{"ada", "acme", "nowhere", keywright.ErrNotFound},
		{"audi", "acme", "lab", keywright.ErrForbidden},
		{"olga", "acme", "lab", keywright.ErrForbidden},
	} {
		_, err := w.a.SetSpacePolicy(t.Context(), w.as(row.who), row.account, row.space, keywright.NewSpacePolicy{})
		wantErr(t, err, row.want, "")
		if row.space != "nowhere" {
			_, err = w.a.SetPolicy(t.Context(), w.as(row.who), row.account, policy)
			wantErr(t, err, row.want, "")
		}
		if row.who != "audi" {
			_, err = w.a.SpacePolicy(t.Context(), w.as(row.who), row.account, row.space)
			wantErr(t, err, row.want, "")
			_, err = w.a.PreviewSpacePolicy(t.Context(), w.as(row.who), row.account, row.space, keywright.NewSpacePolicy{}, false)
			wantErr(t, err, row.want, "")
		}
	}
	w.wantTrail()
}

// Quota under concurrency: of 200 who create at once exactly as many succeed as there is room for.
func TestQuotasAreExact(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		account func(*keywright.Policy)
		space   keywright.SpacePolicy
		req     keywright.NewToken
	}{
		"account":            {account: func(p *keywright.Policy) { p.MaxTokens = 7 }},
		"permanent":          {account: func(p *keywright.Policy) { p.MaxPermanent = 7 }, req: keywright.NewToken{Lifetime: "permanent"}},
		"space":              {space: keywright.SpacePolicy{MaxTokens: ptr[int64](7)}},
		"permanent in space": {account: func(p *keywright.Policy) { p.MaxPermanent = -1 }, space: keywright.SpacePolicy{MaxPermanent: ptr[int64](7)}, req: keywright.NewToken{Lifetime: "permanent"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if row.account != nil {
				w.policy(row.account)
			}
			w.spacePolicy(row.space)
			row.req.Space = "lab"
			errs := make(chan error, 200)
			var wg sync.WaitGroup
			for range 200 {
				wg.Go(func() { errs <- onlyErr(w.a.Issue(t.Context(), w.as("ada"), row.req, "")) })
			}
			wg.Wait()
			close(errs)
			told := map[string]int{}
			for err := range errs {
				told[fmt.Sprint(err == nil, errors.Is(err, keywright.ErrQuota))]++
			}
			if told["true false"] != 7 || told["false true"] != 193 {
				t.Errorf("made and refused: %v", told)
			}
		})
	}
}
