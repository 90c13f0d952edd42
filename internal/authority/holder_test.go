package authority

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.issue(w.as("ada"), keywright.NewToken{Scopes: nil, Audience: []string{"http"}, ExpiresIn: 3600})
	w.must(w.a.Validate(t.Context(), w.by(made)))
	wantErr(t, w.a.Validate(t.Context(), w.as("ada")), keywright.ErrUnauthenticated, "")
	wantErr(t, w.a.Validate(t.Context(), Caller{}), keywright.ErrUnauthenticated, "")
	_, err := w.a.Disable(t.Context(), w.as("ada"), made.Token.ID)
	w.must(err)
	wantErr(t, w.a.Validate(t.Context(), w.by(made)), keywright.ErrUnauthenticated, "")
	_, err = w.a.Enable(t.Context(), w.as("ada"), made.Token.ID)
	w.must(err)
	w.pass(time.Hour)
	wantErr(t, w.a.Validate(t.Context(), w.by(made)), keywright.ErrUnauthenticated, "")
}

// The number of a user is told to who may know of the user.
func TestUserNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.issue(w.as("ada"), scopesGranted("a:b"))
	numbers := map[string]int64{}
	for _, name := range []string{"ada", "olga", "otto"} {
		n, err := w.a.UserNumber(t.Context(), w.as(name), "")
		w.must(err)
		numbers[name] = n
	}
	for _, test := range []struct {
		by   Caller
		name string
		want int64
	}{
		{w.as("ada"), "olga", numbers["olga"]},
		{w.as("ada"), "OLGA", numbers["olga"]},
		{w.as("olga"), "Olga", numbers["olga"]},
		{w.by(token), "", numbers["ada"]},
		{w.as("root"), "otto", numbers["otto"]},
		{w.as("ada"), "otto", 0},
		{w.as("ada"), "nobody", 0},
	} {
		n, err := w.a.UserNumber(t.Context(), test.by, test.name)
		if n != test.want || (err == nil) != (test.want > 0) {
			t.Errorf("%s: %d, %v; want %d", test.name, n, err, test.want)
		}
	}
}

// What can be given is what roles, the giver's own scopes and the policies leave.
func TestGivable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := []string{"pipes:read", "pipes:drop", "keywright:tokens:write", "keywright:accounts:write"}
	maker := w.issue(w.as("ada"), scopesGranted("pipes:*", "keywright:tokens:write"))
	for _, test := range []struct {
		name  string
		by    Caller
		space string
		want  string
	}{
		{"admin", w.as("ada"), "", "keywright:tokens:write pipes:drop pipes:read"},
		{"manager of a space", w.as("mel"), "lab", "keywright:tokens:write pipes:drop pipes:read"},
		{"token", w.by(maker), "", "keywright:tokens:write pipes:drop pipes:read"},
	} {
		given, err := w.a.Givable(t.Context(), test.by, "", test.space, asked)
		if got := strings.Join(given, " "); err != nil || got != test.want {
			t.Errorf("%s: %q, %v; want %q", test.name, got, err, test.want)
		}
	}
	_, err := w.a.Givable(t.Context(), w.as("mel"), "", "", asked)
	wantErr(t, err, keywright.ErrForbidden, "")
	_, err = w.a.Givable(t.Context(), w.as("otto"), "acme", "", asked)
	wantErr(t, err, keywright.ErrNotFound, "")
	w.policy(func(p *keywright.Policy) { p.AllowedScopes = []string{"pipes:read", "jobs:*"} })
	given, err := w.a.Givable(t.Context(), w.as("ada"), "", "", asked)
	if err != nil || !slices.Equal(given, []string{"pipes:read"}) {
		t.Errorf("under a policy: %q, %v", given, err)
	}
}

// A caller that reaches its own tokens only finds others neither in lists nor by id, whatever its role.
func TestOwnOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, others := w.issue(w.as("ada"), scopesGranted("a:b")), w.issue(w.as("root"), keywright.NewToken{Account: "acme"})
	ada := w.as("ada")
	ada.Own = true
	page, err := w.a.Tokens(t.Context(), ada, keywright.TokenQuery{})
	if err != nil || len(page.Items) != 1 || page.Items[0].ID != own.Token.ID {
		t.Errorf("%d tokens, %v", len(page.Items), err)
	}
	w.trail()
	_, err = w.a.Token(t.Context(), ada, others.Token.ID)
	wantErr(t, err, keywright.ErrForbidden, "another user's")
	_, err = w.a.Revoke(t.Context(), ada, others.Token.ID, "")
	wantErr(t, err, keywright.ErrForbidden, "another user's")
	_, err = w.a.Delete(t.Context(), ada, others.Token.ID)
	wantErr(t, err, keywright.ErrForbidden, "another user's")
	w.wantTrail()
}

// Pages by number say how many there are, and hold what the actor may see only.
func TestTokensAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 5 {
		w.issue(w.as("ada"), keywright.NewToken{Label: fmt.Sprint(i)})
		w.pass(time.Second)
	}
	w.issue(w.as("olga"), keywright.NewToken{Label: "lab", Space: "lab"})
	at := func(by Caller, offset, limit int) string {
		items, total, err := w.a.TokensAt(t.Context(), by, keywright.TokenQuery{Sort: keywright.SortCreated}, offset, limit)
		w.must(err)
		labels := []string{}
		for _, token := range items {
			labels = append(labels, token.Label)
		}
		return fmt.Sprint(total, labels)
	}
	for _, test := range []struct{ got, want string }{
		{at(w.as("ada"), 0, 2), "6 [0 1]"},
		{at(w.as("ada"), 4, 9), "6 [4 lab]"},
		{at(w.as("ada"), 6, 2), "6 []"},
		{at(w.as("mel"), 0, 2), "1 [lab]"},
	} {
		if test.got != test.want {
			t.Errorf("%s, want %s", test.got, test.want)
		}
	}
	_, _, err := w.a.TokensAt(t.Context(), w.as("otto"), keywright.TokenQuery{TokenFilter: keywright.TokenFilter{Account: "acme"}}, 0, 1)
	wantErr(t, err, keywright.ErrNotFound, "")
}

// Who makes tokens in a space only makes them there, without saying so.
func TestHomeSpace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, want := range map[string]string{"ada": "", "olga": "lab", "mel": "lab", "root": "", "audi": "", "rita": ""} {
		self, err := w.a.Whoami(t.Context(), w.as(name))
		if err != nil || self.Space != want {
			t.Errorf("%s: %q, %v", name, self.Space, err)
		}
	}
	made := w.issue(w.as("mel"), keywright.NewToken{})
	if made.Token.Kind != keywright.KindSpace || made.Token.Space != "lab" {
		t.Errorf("%s token of %s", made.Token.Kind, made.Token.Space)
	}
	_, err := w.a.Issue(t.Context(), w.as("rita"), keywright.NewToken{}, "")
	wantErr(t, err, keywright.ErrForbidden, "")
}

// Whoever sends back all of a token changes what differs, and no more: the same expiry renews nothing, also when it is past.
func TestAmend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{"a:b"}, ExpiresAt: "2030-03-02"})
	w.trail()
	_, err := w.a.Amend(t.Context(), w.as("ada"), made.Token.ID, keywright.EditToken{Scopes: &[]string{"a b"}}, true, "")
	wantErr(t, err, keywright.ErrInvalid, "")
	w.wantTrail()
	w.pass(48 * time.Hour)
	same := keywright.EditToken{Label: ptr("last"), ExpiresAt: ptr("2030-03-03T00:00:00Z"), Scopes: &[]string{"a:b"}}
	edited, err := w.a.Amend(t.Context(), w.as("ada"), made.Token.ID, same, false, "")
	if err != nil || edited.Label != "last" || !edited.RenewedAt.Equal(epoch) || edited.State != keywright.StateExpired {
		t.Errorf("%+v, %v", edited, err)
	}
	w.wantTrail("token.edit")
	_, err = w.a.Amend(t.Context(), w.as("ada"), made.Token.ID, keywright.EditToken{ExpiresAt: ptr("2030-03-02T00:00:00Z")}, false, "")
	wantErr(t, err, keywright.ErrInvalid, "past")
	edited, err = w.a.Amend(t.Context(), w.as("ada"), made.Token.ID, same, true, "invalidated")
	if err != nil || edited.State != keywright.StateRevoked || edited.RevokedReason != "invalidated" {
		t.Errorf("%+v, %v", edited, err)
	}
	w.wantTrail("token.revoke invalidated")
	_, err = w.a.Amend(t.Context(), w.as("ada"), made.Token.ID, same, false, "")
	wantErr(t, err, keywright.ErrConflict, "final")
	forever := w.issue(w.as("ada"), keywright.NewToken{Lifetime: keywright.LifetimePermanent})
	w.trail()
	_, err = w.a.Amend(t.Context(), w.as("ada"), forever.Token.ID, keywright.EditToken{Lifetime: ptr(keywright.LifetimePermanent)}, false, "")
	w.must(err)
	w.wantTrail()
}

// Another expiry is another secret, and no old one is left; the same expiry, whatever else changes, is none.
func TestAmendAndRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{"a:b"}, ExpiresAt: "2030-04-01"})
	w.trail()
	same, err := w.a.AmendAndRotate(t.Context(), w.as("ada"), made.Token.ID, keywright.EditToken{Label: ptr("named"), ExpiresAt: ptr("2030-04-01")})
	if err != nil || same.APIKey.Reveal() != "" || same.Token.Label != "named" || !w.usable(made.APIKey, "a:b") {
		t.Errorf("%+v, %v", same, err)
	}
	w.wantTrail("token.edit")
	rotated, err := w.a.Rotate(t.Context(), w.as("ada"), made.Token.ID, nil, "")
	w.must(err)
	w.trail()
	later, err := w.a.AmendAndRotate(t.Context(), w.as("ada"), made.Token.ID, keywright.EditToken{ExpiresAt: ptr("2030-05-01")})
	if err != nil || !w.usable(later.APIKey, "a:b") {
		t.Errorf("%+v, %v", later, err)
	}
	w.wantTrail("token.edit", "token.rotate")
	if w.usable(made.APIKey, "a:b") || w.usable(rotated.APIKey, "a:b") {
		t.Error("an old secret is alive")
	}
	_, err = w.a.AmendAndRotate(t.Context(), w.as("rita"), made.Token.ID, keywright.EditToken{ExpiresAt: ptr("2030-06-01")})
	wantErr(t, err, keywright.ErrForbidden, "")
	_, err = w.a.AmendAndRotate(t.Context(), w.as("otto"), made.Token.ID, keywright.EditToken{ExpiresAt: ptr("2030-06-01")})
	wantErr(t, err, keywright.ErrNotFound, "")
	_, err = w.a.AmendAndRotate(t.Context(), w.as("audi"), made.Token.ID, keywright.EditToken{ExpiresAt: ptr("2030-06-01")})
	wantErr(t, err, keywright.ErrForbidden, "")
	if !w.usable(later.APIKey, "a:b") {
		t.Error("a refused change has ended a secret")
	}
}
