package authority

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

func TestIssue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	manager := w.issue(w.as("ada"), scopesGranted("keywright:tokens:write", "invoices:*"))
	narrow := w.issue(w.as("ada"), keywright.NewToken{
		Scopes:       []string{"keywright:tokens:write", "invoices:read"},
		Audience:     []string{"keywright", "http"},
		AllowedCIDRs: []string{"192.0.2.0/24"},
		Lifetime:     "temporary",
	})
	inLab := w.issue(w.as("olga"), keywright.NewToken{Space: "lab", Scopes: []string{"keywright:tokens:write"}})
	clerk := w.issue(w.as("ada"), keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{"keywright:tokens:*"}})
	powerless := w.issue(w.as("ada"), keywright.NewToken{})
	w.trail()
	for _, test := range []struct {
		name   string
		caller Caller
		req    keywright.NewToken
		err    error
		says   string
	}{
		{"plain", w.as("ada"), scopesGranted("invoices:read"), nil, ""},
		{"operator in another's account", w.as("root"), keywright.NewToken{Account: "acme"}, nil, ""},
		{"owner in own space", w.as("olga"), keywright.NewToken{Space: "lab", Scopes: []string{"**"}}, nil, ""},
		{"manager in own space", w.as("mel"), keywright.NewToken{Space: "lab"}, nil, ""},
		{"for another member", w.as("ada"), keywright.NewToken{Owner: "olga"}, nil, ""},
		{"by a token, within", w.by(manager), scopesGranted("invoices:read"), nil, ""},
		{"by a space token, where it belongs", w.by(inLab), keywright.NewToken{}, nil, ""},
		{"by a manager token", w.by(clerk), scopesGranted("keywright:tokens:read"), nil, ""},
		{"manager kind", w.as("ada"), keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{"keywright:tokens:read"}}, nil, ""},

		{"nobody", Caller{}, keywright.NewToken{}, keywright.ErrUnauthenticated, ""},
		{"reader", w.as("rita"), keywright.NewToken{Space: "lab"}, keywright.ErrForbidden, "role"},
		{"auditor", w.as("audi"), keywright.NewToken{}, keywright.ErrForbidden, "role"},
		{"owner of a space, at the account", w.as("olga"), keywright.NewToken{Kind: keywright.KindAccount}, keywright.ErrForbidden, "role"},
		{"owner of a space, in another", w.as("olga"), keywright.NewToken{Space: "default"}, keywright.ErrNotFound, ""},
		{"another tenant", w.as("otto"), keywright.NewToken{Account: "acme"}, keywright.ErrNotFound, ""},
		{"no such account", w.as("root"), keywright.NewToken{Account: "nowhere"}, keywright.ErrNotFound, ""},
		{"no such space", w.as("ada"), keywright.NewToken{Space: "nowhere"}, keywright.ErrNotFound, ""},
		{"token without scopes", w.by(powerless), keywright.NewToken{}, keywright.ErrForbidden, "no scopes"},
		{"reserved beyond the role", w.as("olga"), keywright.NewToken{Space: "lab", Scopes: []string{"keywright:audit:read"}}, keywright.ErrForbidden, "keywright:audit:read"},
		{"accounts are the operator's", w.as("ada"), scopesGranted("keywright:accounts:write"), keywright.ErrForbidden, "keywright:accounts:write"},
		{"scope beyond the token", w.by(manager), scopesGranted("invoices:read", "bills:read"), keywright.ErrForbidden, "bills:read"},
		{"wider pattern than the token", w.by(manager), scopesGranted("invoices:**"), keywright.ErrForbidden, "invoices:**"},
		{"every scope by a token", w.by(manager), scopesGranted("*"), keywright.ErrForbidden, "*"},
		{"no audience by a token that has some", w.by(narrow), keywright.NewToken{AllowedCIDRs: []string{"192.0.2.1"}}, keywright.ErrForbidden, "audience"},
		{"audience beyond the token", w.by(narrow), keywright.NewToken{Audience: []string{"alerts"}, AllowedCIDRs: []string{"192.0.2.1"}}, keywright.ErrForbidden, "alerts"},
		{"any network by a token that has some", w.by(narrow), keywright.NewToken{Audience: []string{"http"}}, keywright.ErrForbidden, "allowed_cidrs"},
		{"network beyond the token", w.by(narrow), keywright.NewToken{Audience: []string{"http"}, AllowedCIDRs: []string{"192.0.0.0/16"}}, keywright.ErrForbidden, "192.0.2.0/24"},
		{"permanent by a token that ends", w.by(narrow), keywright.NewToken{Audience: []string{"http"}, AllowedCIDRs: []string{"192.0.2.1"}, Lifetime: "permanent"}, keywright.ErrForbidden, "life"},
		{"longer than the token", w.by(narrow), keywright.NewToken{Audience: []string{"http"}, AllowedCIDRs: []string{"192.0.2.1"}, ExpiresIn: 2 * 86400}, keywright.ErrForbidden, "life"},
		{"account token by a space token", w.by(inLab), keywright.NewToken{Kind: keywright.KindAccount}, keywright.ErrForbidden, "space"},
		{"account token by a manager token", w.by(clerk), keywright.NewToken{Kind: keywright.KindAccount}, keywright.ErrForbidden, "kind account"},
		{"another space by a space token", w.by(inLab), keywright.NewToken{Space: "default"}, keywright.ErrNotFound, ""},
		{"another owner by a token", w.by(manager), keywright.NewToken{Owner: "olga"}, keywright.ErrForbidden, "owner"},
		{"owner elsewhere", w.as("ada"), keywright.NewToken{Owner: "otto"}, keywright.ErrInvalid, "/owner"},
		{"owner nowhere", w.as("ada"), keywright.NewToken{Owner: "nobody"}, keywright.ErrInvalid, "/owner"},
		{"manager kind with data", w.as("ada"), keywright.NewToken{Kind: keywright.KindManager, Scopes: []string{"invoices:read"}}, keywright.ErrInvalid, "/scopes"},
		{"account kind in a space", w.as("ada"), keywright.NewToken{Kind: keywright.KindAccount, Space: "lab"}, keywright.ErrInvalid, "/space"},
		{"recoverable against policy", w.as("ada"), keywright.NewToken{Recoverable: true}, keywright.ErrInvalid, "/recoverable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			issued, err := w.a.Issue(t.Context(), test.caller, test.req, "")
			wantErr(t, err, test.err, test.says)
			if err != nil {
				w.wantTrail()
				return
			}
			w.wantTrail("token.create")
			if got := issued.Token; got.State != keywright.StateActive || got.Number == 0 || got.Label == "" || got.Parent != nil != (test.caller.Credential.Form() == keywright.FormAPIKey) {
				t.Errorf("token %+v", got)
			}
		})
	}
}

// What cannot be read is refused by the member that is wrong, and changes nothing.
func TestIssueUnreadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	many := make([]string, 100000)
	for i := range many {
		many[i] = fmt.Sprintf("a:%d", i)
	}
	for _, test := range []struct {
		name   string
		req    keywright.NewToken
		member string
	}{
		{"label with NUL", keywright.NewToken{Label: "a\x00b"}, "/label"},
		{"label with a direction", keywright.NewToken{Label: "a\u202eb"}, "/label"},
		{"label with zero width", keywright.NewToken{Label: "a\u200bb"}, "/label"},
		{"label with invalid UTF-8", keywright.NewToken{Label: "a\xc0\xafb"}, "/label"},
		{"label of a megabyte", keywright.NewToken{Label: strings.Repeat("a", 1<<20)}, "/label"},
		{"label of 101", keywright.NewToken{Label: strings.Repeat("ä", 101)}, "/label"},
		{"scope malformed", scopesGranted("invoices:read", "no good"), "/scopes/1"},
		{"scope reserved and unknown", scopesGranted("keywright:nonsense"), "/scopes/0"},
		{"100000 scopes", keywright.NewToken{Scopes: many}, "/scopes"},
		{"audience with a space", keywright.NewToken{Audience: []string{"a b"}}, "/audience/0"},
		{"audience with a fragment", keywright.NewToken{Audience: []string{"ok", "https://x.example/#a"}}, "/audience/1"},
		{"network with host bits", keywright.NewToken{AllowedCIDRs: []string{"192.0.2.1/24"}}, "/allowed_cidrs/0: has bits set beyond its length; the network is 192.0.2.0/24"},
		{"network as IPv6 of IPv4", keywright.NewToken{AllowedCIDRs: []string{"::ffff:192.0.2.0/120"}}, "/allowed_cidrs/0"},
		{"network with a zone", keywright.NewToken{AllowedCIDRs: []string{"fe80::1%eth0"}}, "/allowed_cidrs/0"},
		{"metadata key", keywright.NewToken{Metadata: map[string]string{"a b": "c"}}, "/metadata"},
		{"metadata value", keywright.NewToken{Metadata: map[string]string{"a": "\n"}}, "/metadata/a"},
		{"two lifetimes", keywright.NewToken{Lifetime: "permanent", ExpiresIn: 5}, "/expires_in"},
		{"lifetime unknown", keywright.NewToken{Lifetime: "forever"}, "/lifetime"},
		{"past", keywright.NewToken{ExpiresAt: "2029-01-01"}, "/expires_at"},
		{"now", keywright.NewToken{ExpiresAt: epoch.Format(time.RFC3339)}, "/expires_at"},
		{"year 10000", keywright.NewToken{ExpiresAt: "10000-01-01T00:00:00Z"}, "/expires_at"},
		{"last day of 9999", keywright.NewToken{ExpiresAt: "9999-12-31"}, "/expires_at"},
		{"no date", keywright.NewToken{ExpiresAt: "infinity"}, "/expires_at"},
		{"30 February", keywright.NewToken{ExpiresAt: "2031-02-30"}, "/expires_at"},
		{"negative", keywright.NewToken{ExpiresIn: -1}, "/expires_in"},
		{"2^63-1 seconds", keywright.NewToken{ExpiresIn: 1<<63 - 1}, "/expires_in"},
		{"begins after it ends", keywright.NewToken{ExpiresAt: "2031-01-01", NotBefore: "2031-01-02"}, "/not_before"},
		{"account name", keywright.NewToken{Account: "../x"}, "/account"},
		{"space name", keywright.NewToken{Space: "A B"}, "/space"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.a.Issue(t.Context(), w.as("ada"), test.req, "")
			wantErr(t, err, keywright.ErrInvalid, test.member)
			w.wantTrail()
		})
	}
}

// Everything that is wrong is told at once, below the request that holds it.
func TestIssueBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.a.IssueBatch(t.Context(), w.as("ada"), []keywright.NewToken{
		{Label: "ok"}, {Label: "\x00", ExpiresIn: -1}, {Scopes: []string{"a b"}},
	}, "")
	var invalid *keywright.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	var members []string
	for _, p := range invalid.Problems {
		members = append(members, p.Member)
	}
	if got := strings.Join(members, " "); got != "/1/label /1/expires_in /2/scopes/0" {
		t.Errorf("members %s", got)
	}
	w.wantTrail()

	issued, err := w.a.IssueBatch(t.Context(), w.as("ada"), make([]keywright.NewToken, 3), "")
	w.must(err)
	if len(issued) != 3 || issued[2].Token.Number != 3 {
		t.Errorf("issued %+v", issued)
	}
	w.wantTrail("token.create", "token.create", "token.create")
	_, err = w.a.IssueBatch(t.Context(), w.as("ada"), nil, "")
	wantErr(t, err, keywright.ErrInvalid, "1 to 1000")

	permanent := make([]keywright.NewToken, 6)
	for i := range permanent {
		permanent[i].Lifetime = "permanent"
	}
	_, err = w.a.IssueBatch(t.Context(), w.as("ada"), permanent, "")
	wantErr(t, err, keywright.ErrQuota, "5 permanent")
	w.wantTrail()
}

func TestLifetimes(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, test := range []struct {
		name   string
		policy func(*keywright.Policy)
		req    keywright.NewToken
		life   time.Duration // 0: permanent
		err    string
	}{
		{name: "default", life: 90 * day},
		{name: "temporary", req: keywright.NewToken{Lifetime: "temporary"}, life: day},
		{name: "permanent", req: keywright.NewToken{Lifetime: "permanent"}},
		{name: "date is through that day", req: keywright.NewToken{ExpiresAt: "2030-03-01"}, life: 12 * time.Hour},
		{name: "with a zone", req: keywright.NewToken{ExpiresAt: "2030-03-01T15:00:00+02:00"}, life: time.Hour},
		{name: "seconds", req: keywright.NewToken{ExpiresIn: 60}, life: time.Minute},
		{name: "default within the maximum", policy: func(p *keywright.Policy) { p.DefaultLifetime, p.MaxLifetime = 0, 3600 }, life: time.Hour},
		{name: "temporary within the maximum", policy: func(p *keywright.Policy) { p.DefaultLifetime, p.MaxLifetime = 60, 3600 }, req: keywright.NewToken{Lifetime: "temporary"}, life: time.Hour},
		{name: "beyond the maximum", policy: func(p *keywright.Policy) { p.DefaultLifetime, p.MaxLifetime = 60, 3600 }, req: keywright.NewToken{ExpiresIn: 3601}, err: "/expires_in"},
		{name: "permanent with a maximum", policy: func(p *keywright.Policy) { p.DefaultLifetime, p.MaxLifetime = 60, 3600 }, req: keywright.NewToken{Lifetime: "permanent"}, err: "/lifetime"},
		{name: "permanent where an expiry is required", policy: func(p *keywright.Policy) { p.ExpiryRequired = true }, req: keywright.NewToken{Lifetime: "permanent"}, err: "/lifetime"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if test.policy != nil {
				w.policy(test.policy)
			}
			issued, err := w.a.Issue(t.Context(), w.as("ada"), test.req, "")
			if test.err != "" {
				wantErr(t, err, keywright.ErrInvalid, test.err)
				return
			}
			w.must(err)
			switch end := issued.Token.ExpiresAt; {
			case test.life == 0 && end != nil:
				t.Errorf("ends at %s, want permanent", end)
			case test.life != 0 && (end == nil || end.Sub(epoch) != test.life):
				t.Errorf("ends at %v, want after %s", end, test.life)
			}
		})
	}
}

func TestPolicyAtCreation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy(func(p *keywright.Policy) {
		p.AllowedScopes = []string{"invoices:**"}
		p.AllowedAudience = []string{"http", "alerts"}
		p.AllowedCIDRs = []string{"10.0.0.0/8"}
	})
	good := keywright.NewToken{Scopes: []string{"invoices:*"}, Audience: []string{"http"}, AllowedCIDRs: []string{"10.1.0.0/16"}}
	w.issue(w.as("ada"), good)
	for member, spoil := range map[string]func(*keywright.NewToken){
		"/scopes":        func(r *keywright.NewToken) { r.Scopes = []string{"**"} },
		"/audience":      func(r *keywright.NewToken) { r.Audience = nil },
		"/allowed_cidrs": func(r *keywright.NewToken) { r.AllowedCIDRs = []string{"10.0.0.0/7"}; r.AllowedCIDRs[0] = "11.0.0.0/8" },
	} {
		bad := good
		spoil(&bad)
		_, err := w.a.Issue(t.Context(), w.as("ada"), bad, "")
		wantErr(t, err, keywright.ErrInvalid, member)
	}
	w.policy(func(p *keywright.Policy) { p.Enabled = false })
	_, err := w.a.Issue(t.Context(), w.as("ada"), good, "")
	wantErr(t, err, keywright.ErrForbidden, "policy")
}

// The maximum lifetime is the parent's too: a token cannot outlive it by making children.
func TestChildEndsWithParent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parent := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{"keywright:tokens:write"}, Lifetime: "permanent"})
	w.policy(func(p *keywright.Policy) { p.DefaultLifetime, p.MaxLifetime = 3600, 3600 })
	w.pass(40 * time.Minute)
	child := w.issue(w.by(parent), keywright.NewToken{})
	if end := child.Token.ExpiresAt; end == nil || !end.Equal(epoch.Add(time.Hour)) {
		t.Errorf("child ends at %v, its parent at %s", end, epoch.Add(time.Hour))
	}
	_, err := w.a.Issue(t.Context(), w.by(parent), keywright.NewToken{ExpiresIn: 1800}, "")
	wantErr(t, err, keywright.ErrForbidden, "life")
}

// Quotas are exact under concurrency.
func TestQuotaRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var made, refused atomic.Int64
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			_, err := w.a.Issue(t.Context(), w.as("ada"), keywright.NewToken{Lifetime: "permanent"}, "")
			switch {
			case err == nil:
				made.Add(1)
			case errors.Is(err, keywright.ErrQuota):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if made.Load() != 5 || refused.Load() != 195 {
		t.Errorf("%d made, %d refused; want 5 and 195", made.Load(), refused.Load())
	}
}

// What a quota counts: tokens that are neither revoked nor expired, disabled ones too.
func TestQuotaCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	w.policy(func(p *keywright.Policy) { p.MaxTokens = 2 })
	one := w.issue(ada, keywright.NewToken{})
	two := w.issue(ada, keywright.NewToken{ExpiresIn: 60})
	full := func(why string) {
		t.Helper()
		_, err := w.a.Issue(t.Context(), ada, keywright.NewToken{}, "")
		if !errors.Is(err, keywright.ErrQuota) {
			t.Errorf("%s: %v, want quota reached", why, err)
		}
	}
	full("two live")
	_, err := w.a.Rotate(t.Context(), ada, one.Token.ID, nil, "")
	wantErr(t, err, nil, "")
	_, err = w.a.Disable(t.Context(), ada, one.Token.ID)
	w.must(err)
	full("one disabled")
	w.pass(time.Hour)
	three := w.issue(ada, keywright.NewToken{})
	full("one expired, one new")
	_, err = w.a.Edit(t.Context(), ada, two.Token.ID, keywright.EditToken{ExpiresIn: ptr(int64(60))})
	wantErr(t, err, keywright.ErrQuota, "2 tokens")
	_, err = w.a.Revoke(t.Context(), ada, three.Token.ID, "")
	w.must(err)
	_, err = w.a.Edit(t.Context(), ada, two.Token.ID, keywright.EditToken{ExpiresIn: ptr(int64(60))})
	wantErr(t, err, nil, "")
	full("one un-expired")
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, req := w.as("ada"), scopesGranted("a:b")
	first, err := w.a.Issue(t.Context(), ada, req, "key-1")
	w.must(err)
	again, err := w.a.Issue(t.Context(), ada, req, "key-1")
	w.must(err)
	if first.APIKey.Reveal() != again.APIKey.Reveal() || first.ClientSecret.Reveal() != again.ClientSecret.Reveal() || first.Token.ID != again.Token.ID {
		t.Error("the answer to the retry is another")
	}
	w.wantTrail("token.create")

	_, err = w.a.Issue(t.Context(), ada, scopesGranted("a:c"), "key-1")
	wantErr(t, err, keywright.ErrConflict, "another request")
	_, err = w.a.Rotate(t.Context(), ada, first.Token.ID, nil, "key-1")
	wantErr(t, err, keywright.ErrConflict, "another request")
	_, err = w.a.Issue(t.Context(), ada, req, "with space")
	wantErr(t, err, keywright.ErrInvalid, "Idempotency-Key")
	w.wantTrail()

	other, err := w.a.Issue(t.Context(), w.as("root"), keywright.NewToken{Account: "acme", Scopes: []string{"a:b"}}, "key-1")
	w.must(err)
	if other.Token.ID == first.Token.ID {
		t.Error("another caller was given the answer")
	}
	w.pass(time.Hour)
	late, err := w.a.Issue(t.Context(), ada, req, "key-1")
	w.must(err)
	if late.Token.ID == first.Token.ID {
		t.Error("the answer outlived its hour")
	}

	rotated, err := w.a.Rotate(t.Context(), ada, first.Token.ID, nil, "key-2")
	w.must(err)
	retried, err := w.a.Rotate(t.Context(), ada, first.Token.ID, nil, "key-2")
	w.must(err)
	if rotated.APIKey.Reveal() != retried.APIKey.Reveal() {
		t.Error("the rotation was done twice")
	}
}

// Twins that come at once make one token.
func TestIdempotentTwins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var keys sync.Map
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			issued, err := w.a.Issue(t.Context(), w.as("ada"), scopesGranted("a:b"), "twins")
			if err != nil {
				t.Error(err)
				return
			}
			keys.Store(issued.APIKey.Reveal(), true)
		})
	}
	all.Wait()
	w.wantTrail("token.create")
	n := 0
	keys.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d different answers", n)
	}
}
