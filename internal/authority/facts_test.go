package authority

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

func applied() keywright.Revision { return 7 }

// byFacts is the verdict of whoever decides by itself.
func (i *instance) byFacts(verifier Caller, presented string, asked keywright.Access) keywright.Reason {
	i.t.Helper()
	told, err := i.Facts(context.Background(), verifier, presented, keywright.Access{Address: asked.Address})
	if err != nil {
		return keywright.Undecided
	}
	if told.Token == nil {
		return keywright.Unproved
	}
	asked.Bound = told.Token.Bound()
	return keywright.Decide(told.Token.Facts(), asked, i.now()).Reason
}

// What is told decides as verify does: the same verdict about whatever is presented, whatever is asked, for whoever asks.
func TestFactsDecideAsVerify(t *testing.T) {
	t.Parallel()
	i := newInstance(t, func(c *Config) { c.Applied = applied })
	ctx := t.Context()
	i.must(i.CreateAccount(ctx, i.operator, "acme", ""))
	i.must(i.CreateSpace(ctx, i.operator, "default", "lab", ""))
	presented := map[string]string{"nobody's": "no-such-key-at-all", "garbage": "kw_garbage", "not signed by us": "eyJhbGciOiJub25lIn0.e30.AA"}
	made := func(name string, req keywright.NewToken) keywright.Issued {
		one := i.issue(req)
		presented[name] = one.APIKey.Reveal()
		return one
	}
	plain := made("plain", keywright.NewToken{})
	made("for an audience", keywright.NewToken{Audience: []string{"http"}})
	made("for a network", keywright.NewToken{AllowedCIDRs: []string{"198.51.100.0/24"}})
	made("without scopes", keywright.NewToken{Scopes: []string{}})
	made("a space's", keywright.NewToken{Space: "lab"})
	made("a manager's", keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{"keywright:tokens:read"}})
	made("another account's", keywright.NewToken{Account: "acme"})
	made("not yet valid", keywright.NewToken{NotBefore: "2026-08-01"})
	i.must(i.Revoke(ctx, i.operator, made("revoked", keywright.NewToken{}).Token.ID, ""))
	i.must(i.Disable(ctx, i.operator, made("disabled", keywright.NewToken{}).Token.ID))
	rotated := made("rotated", keywright.NewToken{})
	presented["access token, rotated away"] = i.grant(rotated.APIKey.Reveal(), GrantRequest{})
	i.must(i.Rotate(ctx, i.operator, rotated.Token.ID, ptr(time.Duration(0)), ""))
	presented["wrong secret"] = keywright.FormatAPIKey("kw", plain.Token.ID, strings.Repeat("x", 43))
	presented["access token"] = i.grant(plain.APIKey.Reveal(), GrantRequest{Scopes: []string{"invoices:read"}})
	presented["revoked access token"] = i.grant(plain.APIKey.Reveal(), GrantRequest{})
	if err := i.RevokePresented(ctx, i.caller(plain.APIKey.Reveal()), presented["revoked access token"]); err != nil {
		t.Fatal(err)
	}
	presented["imported"] = "somebody-elses-key"
	i.must(i.Import(ctx, i.operator, keywright.ImportToken{Key: presented["imported"], NewToken: keywright.NewToken{Account: "default", Scopes: []string{"invoices:*"}}}))
	verifiers := map[string]Caller{
		"everybody's": i.verifier(keywright.NewToken{}), "the lab's": i.verifier(keywright.NewToken{Space: "lab"}),
		"http's": i.verifier(keywright.NewToken{Audience: []string{"keywright", "http"}}),
	}
	for who, verifier := range verifiers {
		for what, credential := range presented {
			for _, asked := range askedFor() {
				v, err := i.Check(ctx, verifier, credential, asked)
				if errors.Is(err, keywright.ErrThrottled) {
					continue // it was tried often enough
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := i.byFacts(verifier, credential, asked); got != v.Decision.Reason {
					t.Errorf("%s, by %s verifier, at %+v: decided by its facts %v, by verify %v", what, who, asked, got, v.Decision.Reason)
				}
			}
		}
	}
}

func askedFor() []keywright.Access {
	all := []keywright.Access{access(), access("invoices:read"), access("orders:read")}
	for _, change := range []func(*keywright.Access){
		func(a *keywright.Access) { a.Audience = "http" },
		func(a *keywright.Access) { a.Space = "lab" },
		func(a *keywright.Access) { a.Account = "acme" },
		func(a *keywright.Access) { a.Address = netip.MustParseAddr("198.51.100.9") },
		func(a *keywright.Access) { a.Address = netip.Addr{} },
	} {
		one := access("invoices:read")
		change(&one)
		all = append(all, one)
	}
	return all
}

// Facts are for tokens that may verify; for those who decide for no API there are none.
func TestWhoIsToldFacts(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	key := i.issue(keywright.NewToken{}).APIKey.Reveal()
	for name, tt := range map[string]struct {
		caller Caller
		want   error
	}{
		"a person":               {i.operator, keywright.ErrForbidden},
		"a token without scope":  {i.caller(key), keywright.ErrForbidden},
		"nobody":                 {Caller{}, keywright.ErrUnauthenticated},
		"a wrong secret":         {i.caller(keywright.FormatAPIKey("kw", keywright.ID{6: 0x70, 8: 0x80}, strings.Repeat("x", 43))), keywright.ErrUnauthenticated},
		"nobody's session":       {i.caller(keywright.FormatSession("kw", keywright.ID{6: 0x70, 8: 0x80}, strings.Repeat("x", 43))), keywright.ErrUnauthenticated},
		"a token that may":       {i.verifier(keywright.NewToken{}), nil},
		"a manager's that may":   {i.verifier(keywright.NewToken{Kind: keywright.KindManager}), nil},
		"its access token":       {i.caller(i.grant(i.verifierKey(), GrantRequest{})), nil},
		"a key from nowhere":     {i.caller("no-such-key-at-all"), keywright.ErrUnauthenticated},
		"an access token of one": {i.caller(i.grant(key, GrantRequest{})), keywright.ErrForbidden},
	} {
		if _, err := i.Facts(t.Context(), tt.caller, key, access()); !errors.Is(err, tt.want) {
			t.Errorf("facts for %s: %v, want %v", name, err, tt.want)
		}
		if _, err := i.Follow(t.Context(), tt.caller, keywright.ChangesQuery{}, nil); !errors.Is(err, keywright.ErrUnavailable) {
			t.Errorf("a server without followers told %s: %v", name, err)
		}
	}
}

func (i *instance) verifierKey() string {
	return i.issue(keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}}).APIKey.Reveal()
}

// Everything that can change an answer is among the subjects it rests on; the names tell nothing, and that there is no token
// is told as that it is somebody else's.
func TestWhatFactsRestOn(t *testing.T) {
	t.Parallel()
	i := newInstance(t, func(c *Config) { c.Applied = applied })
	i.must(i.CreateAccount(t.Context(), i.operator, "acme", ""))
	verifierKey := i.verifierKey()
	verifier := i.caller(verifierKey)
	made, abroad := i.issue(keywright.NewToken{}), i.issue(keywright.NewToken{Account: "acme"})
	imported, err := i.Import(t.Context(), i.operator, keywright.ImportToken{Key: "somebody-elses-key", NewToken: keywright.NewToken{Account: "default"}})
	if err != nil {
		t.Fatal(err)
	}
	i.must(i.Import(t.Context(), i.operator, keywright.ImportToken{Key: "somebody-elses-abroad", NewToken: keywright.NewToken{Account: "acme"}}))
	token := func(id keywright.ID) store.Subject { return tokenSubject(id) }
	digest := func(key string) (s []store.Subject) {
		for _, d := range i.cfg.Keys.Digests(purposeForeign, foreignSecret(key)) {
			s = append(s, store.Subject{Kind: store.SubjectDigest, ID: hexOf(d)})
		}
		return s
	}
	unknown := keywright.ID{1, 6: 0x70, 8: 0x80}
	for presented, want := range map[string][]store.Subject{
		made.APIKey.Reveal():   {token(made.Token.ID)},
		abroad.APIKey.Reveal(): {token(abroad.Token.ID)},
		keywright.FormatAPIKey("kw", unknown, strings.Repeat("x", 43)):       {token(unknown)},
		keywright.FormatAPIKey("kw", made.Token.ID, strings.Repeat("x", 43)): {token(made.Token.ID)},
		i.grant(made.APIKey.Reveal(), GrantRequest{}):                        {token(made.Token.ID)},
		"somebody-elses-key":         append(digest("somebody-elses-key"), token(imported.ID)),
		"somebody-elses-abroad":      digest("somebody-elses-abroad"),
		"nobodys-at-all":             digest("nobodys-at-all"),
		"kw_garbage":                 nil,
		"eyJhbGciOiJub25lIn0.e30.AA": nil,
	} {
		told, err := i.Facts(t.Context(), verifier, presented, access())
		if err != nil || told.Revision != 7 {
			t.Fatal(told, err)
		}
		if want != nil {
			want = append(want, token(verifier.Credential.ID()), store.Subject{Kind: store.SubjectAccount, ID: "default"})
		}
		if names := i.blind(want); !slices.Equal(names, told.Subjects) && len(names)+len(told.Subjects) > 0 {
			t.Errorf("%s rests on %q, want %q, which is %v", presented, told.Subjects, names, want)
		}
	}
	if told, err := i.open(testMaster).Facts(t.Context(), verifier, made.APIKey.Reveal(), access()); err != nil || told.Subjects != nil {
		t.Errorf("a server that does not know what it has forgotten lets facts be remembered: %v, %v", told, err)
	}
}

func hexOf(d store.Digest) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range d {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// Guessing through whoever decides by itself is as slow as at verify, and leaves the same events and counts.
func TestGuessingByFacts(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	verifier := i.verifier(keywright.NewToken{})
	verifier.Door = keywright.DoorGuard
	made := i.issue(keywright.NewToken{})
	wrong := keywright.FormatAPIKey("kw", made.Token.ID, strings.Repeat("x", 43))
	answered := 0
	var last error
	for range 3 * limitByID.burst {
		var told keywright.PresentedFacts
		if told, last = i.Facts(t.Context(), verifier, wrong, access()); last == nil {
			answered++
		}
		if told.Token != nil {
			t.Fatal("a wrong secret is told facts")
		}
	}
	if answered != limitByID.burst || !errors.Is(last, keywright.ErrThrottled) {
		t.Errorf("%d attempts were answered, then %v; want %d", answered, last, limitByID.burst)
	}
	if told, err := i.Facts(t.Context(), verifier, made.APIKey.Reveal(), access()); err != nil || told.Token == nil {
		t.Errorf("the owner: %v, %v", told, err)
	}
	for range limitByAddress.burst + 1 {
		_, last = i.Facts(t.Context(), verifier, "no-such-key-"+i.now().String()[:4], keywright.Access{Address: netip.MustParseAddr("203.0.113.5")})
	}
	if !errors.Is(last, keywright.ErrThrottled) {
		t.Errorf("an address that guesses is not held back: %v", last)
	}
	if err := i.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := i.events("token.refused"); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	usage, err := i.TokenUsage(t.Context(), i.operator, made.Token.ID, keywright.UsageQuery{})
	if err != nil || usage.Total.Refused != int64(3*limitByID.burst) || usage.Total.Accepted != 0 || usage.Total.Doors[keywright.DoorGuard] != usage.Total.Refused {
		t.Errorf("%+v, %v", usage.Total, err)
	}
}
