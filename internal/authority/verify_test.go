package authority

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{Label: "ci", Metadata: map[string]string{"team": "a"}})
	key := made.APIKey.Reveal()
	token := i.grant(key, GrantRequest{Scopes: []string{"invoices:read"}})
	for _, tt := range []struct {
		name, presented, scope string
		want                   keywright.Reason
	}{
		{"key", key, "invoices:read", keywright.Allowed},
		{"key, other scope", key, "orders:read", keywright.InsufficientScope},
		{"access token", token, "invoices:read", keywright.Allowed},
		{"access token, scope it was not given", token, "invoices:write", keywright.InsufficientScope},
		{"session", i.operator.Credential.Reveal(), "invoices:read", keywright.Unproved},
		{"foreign key that nobody imported", "sk_live_0123456789", "invoices:read", keywright.Unproved},
	} {
		if got := i.reason(tt.presented, access(tt.scope)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// What a verifier learns is that of what was presented, where it is narrower.
func TestVerdictToken(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{Label: "ci", Audience: []string{"a", "b"}, Scopes: []string{"invoices:*", "orders:read"}})
	token := i.grant(made.APIKey.Reveal(), GrantRequest{Scopes: []string{"invoices:read"}, Audience: []string{"b"}})
	asked := access("invoices:read")
	asked.Audience = "b"
	v, err := i.Verify(t.Context(), i.parse(token), asked)
	if err != nil || !v.Allowed() {
		t.Fatal(v.Decision, err)
	}
	got, _ := v.Token()
	if got.Label != "ci" || got.Owner != "admin" || got.Account != "default" || got.ID != made.Token.ID {
		t.Errorf("token %+v", got)
	}
	if diff := cmp.Diff([]string{"invoices:read"}, got.Scopes.Strings()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"b"}, got.Audience); diff != "" {
		t.Error(diff)
	}
	if want := i.now().Truncate(time.Second).Add(5 * time.Minute); !got.ExpiresAt.Equal(want) {
		t.Errorf("expires %v, want %v", got.ExpiresAt, want)
	}
	if _, ok := new(Verdict).Token(); ok || (Verdict{}).Allowed() {
		t.Error("the zero verdict says something")
	}
}

// An unknown id, a wrong secret, a secret whose time is over and a key that was never imported get one answer.
func TestNobodyIsToldWhich(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{})
	wrong := made.ClientSecret.Reveal()
	wrong = wrong[1:] + wrong[:1]
	unknown, err := keywright.NewID(i.now(), i.cfg.Random)
	if err != nil {
		t.Fatal(err)
	}
	for name, presented := range map[string]string{
		"wrong secret": keywright.FormatAPIKey("kw", made.Token.ID, wrong),
		"unknown id":   keywright.FormatAPIKey("kw", unknown, made.ClientSecret.Reveal()),
		"foreign":      "somebody-elses-key",
		"access token": "eyJhbGciOiJub25lIn0.e30.AAAA",
	} {
		v, err := i.Verify(t.Context(), i.parse(presented), access("invoices:read"))
		if err != nil {
			t.Fatal(err)
		}
		want := Verdict{Decision: keywright.Decision{Reason: keywright.Unproved}}
		if diff := cmp.Diff(want, v, cmp.AllowUnexported(Verdict{}), cmpopts.EquateComparable(keywright.Scope{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if _, err := i.Tokens(t.Context(), i.caller(presented), keywright.TokenQuery{}); err != keywright.ErrUnauthenticated {
			t.Errorf("%s: at the management API %v", name, err)
		}
	}
}

// mute answers nothing: a database that is away.
type mute struct{ store.Finder }

func (mute) Find(context.Context, keywright.ID) (*store.Record, error) {
	return nil, errors.New("connection refused")
}

// A cause that is not known is neither yes nor no.
func TestVerifyFailsClosed(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	key := i.issue(keywright.NewToken{}).APIKey.Reveal()
	token := i.grant(key, GrantRequest{})
	deaf := i.open(testMaster, func(c *Config) { c.Finder = mute{c.Finder} })
	for _, presented := range []string{key, token} {
		v, err := deaf.Verify(t.Context(), i.parse(presented), access("invoices:read"))
		if !errors.Is(err, keywright.ErrUnavailable) || v.Allowed() {
			t.Errorf("%v, %v: want ErrUnavailable", v.Decision, err)
		}
	}
	if _, err := deaf.Grant(t.Context(), i.caller(key), GrantRequest{}); !errors.Is(err, keywright.ErrUnavailable) {
		t.Errorf("grant: %v", err)
	}
}

// doors are all that a token can be shown to.
func (i *instance) doors(verifier Caller, made keywright.Issued, token string) map[string]bool {
	ctx := context.Background()
	key := made.APIKey.Reveal()
	asked := access("invoices:read")
	open := map[string]bool{}
	for name, presented := range map[string]string{"key": key, "access token": token} {
		open["verify "+name] = i.reason(presented, asked) == keywright.Allowed
		v, err := i.Check(ctx, i.operator, presented, asked)
		open["check by a person "+name] = err == nil && v.Allowed()
		v, err = i.Check(ctx, verifier, presented, asked)
		open["check by a token "+name] = err == nil && v.Allowed()
		v, err = i.Check(ctx, i.caller(presented), "", asked)
		open["check itself "+name] = err == nil && v.Allowed()
		open["decided by its facts "+name] = i.byFacts(verifier, presented, asked) == keywright.Allowed
		about, err := i.Introspect(ctx, verifier, presented)
		open["introspect "+name] = err == nil && about != nil
		_, err = i.Introspect(ctx, i.caller(presented), presented)
		open["introspect itself "+name] = err == nil
		_, err = i.Tokens(ctx, i.caller(presented), keywright.TokenQuery{})
		open["manage "+name] = err == nil
		open["revoke presented "+name] = i.RevokePresented(ctx, i.caller(presented), "unknown-key") == nil
	}
	_, err := i.Grant(ctx, i.caller(key), GrantRequest{})
	open["grant"] = err == nil
	_, err = i.Exchange(ctx, verifier, ExchangeRequest{Subject: key, SubjectType: typeAPIKey})
	open["exchange"] = err == nil
	return open
}

func (i *instance) expectDoors(when string, verifier Caller, made keywright.Issued, token string, want bool) {
	i.t.Helper()
	for door, open := range i.doors(verifier, made, token) {
		if open != want {
			i.t.Errorf("%s: %s: open %v, want %v", when, door, open, want)
		}
	}
}

func (i *instance) must(_ any, err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
}

// The same token gets the same verdict at every door, and its access tokens die with it.
func TestEveryDoorClosesWithTheToken(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, end := range map[string]func(*instance, keywright.ID){
		"revoke":  func(i *instance, id keywright.ID) { i.must(i.Revoke(ctx, i.operator, id, "leaked")) },
		"disable": func(i *instance, id keywright.ID) { i.must(i.Disable(ctx, i.operator, id)) },
		"delete":  func(i *instance, id keywright.ID) { i.must(i.Delete(ctx, i.operator, id)) },
		"expire":  func(i *instance, _ keywright.ID) { i.advance(2 * time.Minute) },
		"shorten": func(i *instance, id keywright.ID) {
			i.must(i.Edit(ctx, i.operator, id, keywright.EditToken{ExpiresIn: ptr[int64](1)}))
			i.advance(time.Second)
		},
		"maximum lifetime": func(i *instance, _ keywright.ID) {
			p := keywright.DefaultPolicy()
			p.MaxLifetime, p.DefaultLifetime, p.TemporaryLifetime = 1, 1, 1
			i.must(i.SetPolicy(ctx, i.operator, "acme", keywright.NewPolicy{Policy: p}))
			i.advance(time.Second)
		},
		"close the account": func(i *instance, _ keywright.ID) {
			i.must(i.commit(ctx, func(tx store.Tx) error {
				account, err := tx.Tenants().Account(ctx, "acme")
				if err != nil {
					return err
				}
				account.ClosedAt = i.now()
				return tx.Tenants().UpdateAccount(ctx, account, store.Event{Action: "account.close", At: i.now()})
			}))
		},
		"no scopes": func(i *instance, id keywright.ID) {
			i.must(i.Edit(ctx, i.operator, id, keywright.EditToken{Scopes: &[]string{}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newInstance(t)
			i.must(i.CreateAccount(ctx, i.operator, "acme", "Acme"))
			made := i.issue(keywright.NewToken{
				Account: "acme", Scopes: []string{"invoices:*", "keywright:tokens:*"}, ExpiresIn: 120,
			})
			verifier := i.caller(i.issue(keywright.NewToken{
				Account: "acme", Scopes: []string{"keywright:tokens:verify", "invoices:read"}, Lifetime: keywright.LifetimePermanent,
			}).APIKey.Reveal())
			token := i.grant(made.APIKey.Reveal(), GrantRequest{})
			i.expectDoors("before", verifier, made, token, true)
			end(i, made.Token.ID)
			doors := i.doors(verifier, made, token)
			if name == "no scopes" { // it may do nothing, but it still is who it is
				for _, door := range []string{"introspect itself key", "introspect itself access token", "revoke presented key", "revoke presented access token"} {
					delete(doors, door)
				}
			}
			for door, open := range doors {
				if open {
					t.Errorf("%s is open", door)
				}
			}
		})
	}
}

// What was disabled is enabled at every door again, its access tokens included.
func TestEnabledAgain(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{Scopes: []string{"invoices:*", "keywright:tokens:*"}})
	verifier := i.caller(i.issue(keywright.NewToken{Scopes: []string{"keywright:tokens:verify", "invoices:read"}}).APIKey.Reveal())
	token := i.grant(made.APIKey.Reveal(), GrantRequest{})
	i.must(i.Disable(t.Context(), i.operator, made.Token.ID))
	i.expectDoors("disabled", verifier, made, token, false)
	i.must(i.Enable(t.Context(), i.operator, made.Token.ID))
	i.expectDoors("enabled", verifier, made, token, true)
}

// Two secrets live during an overlap; an access token dies with the secret that got it.
func TestRotation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		overlap time.Duration
		wait    time.Duration
		want    keywright.Reason
	}{
		{"no overlap", 0, 0, keywright.Unproved},
		{"within the overlap", time.Minute, 59 * time.Second, keywright.Allowed},
		{"at its end", time.Minute, time.Minute, keywright.Unproved},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := newInstance(t)
			made := i.issue(keywright.NewToken{})
			old := made.APIKey.Reveal()
			oldToken := i.grant(old, GrantRequest{})
			rotated, err := i.Rotate(t.Context(), i.operator, made.Token.ID, &tt.overlap, "")
			if err != nil {
				t.Fatal(err)
			}
			newToken := i.grant(rotated.APIKey.Reveal(), GrantRequest{})
			i.advance(tt.wait)
			if got := i.reason(old, access("invoices:read")); got != tt.want {
				t.Errorf("old key: %v, want %v", got, tt.want)
			}
			wantToken := tt.want
			if wantToken == keywright.Unproved {
				wantToken = keywright.Revoked
			}
			if got := i.reason(oldToken, access("invoices:read")); got != wantToken {
				t.Errorf("its access token: %v, want %v", got, wantToken)
			}
			for _, presented := range []string{rotated.APIKey.Reveal(), newToken} {
				if got := i.reason(presented, access("invoices:read")); got != keywright.Allowed {
					t.Errorf("new %.3s: %v", presented, got)
				}
			}
		})
	}
}

// An imported key works as it is, at every door, until the overlap of its first rotation ends.
func TestForeignKey(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	const key = "legacy-key-0123456789"
	made, err := i.Import(t.Context(), i.operator, keywright.ImportToken{
		NewToken: keywright.NewToken{Account: "default", Scopes: []string{"invoices:*", "keywright:tokens:read"}}, Key: key,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := i.reason(key, access("invoices:read")); got != keywright.Allowed {
		t.Errorf("imported key: %v", got)
	}
	i.must(i.Token(t.Context(), i.caller(key), made.ID))
	if got := i.reason(i.grant(key, GrantRequest{}), access("invoices:read")); got != keywright.Allowed {
		t.Errorf("its access token: %v", got)
	}
	overlap := time.Minute
	rotated, err := i.Rotate(t.Context(), i.operator, made.ID, &overlap, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, presented := range []string{key, rotated.APIKey.Reveal()} {
		if got := i.reason(presented, access("invoices:read")); got != keywright.Allowed {
			t.Errorf("in the overlap: %v", got)
		}
	}
	i.advance(overlap)
	if got := i.reason(key, access("invoices:read")); got != keywright.Unproved {
		t.Errorf("after the overlap: %v", got)
	}
}
