package authority

import (
	"fmt"
	"testing"

	"github.com/keywright/keywright"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := func(who, whose string) ([]keywright.SessionInfo, error) {
		page, err := w.a.Sessions(t.Context(), w.as(who), whose, ListQuery{})
		return page.Items, err
	}
	own, err := list("mel", "mel")
	if wantErr(t, err, nil, ""); len(own) != 1 || !own[0].Current {
		t.Fatalf("%+v", own)
	}
	seen, err := list("ada", "mel")
	if wantErr(t, err, nil, ""); len(seen) != 1 || seen[0].Current || seen[0].ID != own[0].ID {
		t.Errorf("%+v", seen)
	}
	for who, want := range map[string]error{"otto": keywright.ErrNotFound, "olga": keywright.ErrForbidden, "audi": nil} {
		_, err := list(who, "mel")
		wantErr(t, err, want, "")
	}
	wantErr(t, w.a.EndSession(t.Context(), w.as("audi"), "mel", own[0].ID), keywright.ErrForbidden, "")
	wantErr(t, w.a.EndSession(t.Context(), w.as("otto"), "mel", own[0].ID), keywright.ErrNotFound, "")
	wantErr(t, w.a.EndSession(t.Context(), w.as("ada"), "olga", own[0].ID), keywright.ErrNotFound, "session")
	wantErr(t, w.a.EndSessions(t.Context(), w.as("mel"), "mel"), nil, "")
	_, err = list("mel", "mel") // the one that is shown stays
	wantErr(t, err, nil, "")
	w.trail()
	wantErr(t, w.a.EndSession(t.Context(), w.as("ada"), "mel", own[0].ID), nil, "")
	_, err = list("mel", "mel")
	wantErr(t, err, keywright.ErrUnauthenticated, "")
	wantErr(t, w.a.EndSessions(t.Context(), w.as("ada"), "rita"), nil, "")
	_, err = list("rita", "rita")
	wantErr(t, err, keywright.ErrUnauthenticated, "")
	w.wantTrail("session.end", "session.end all sessions ended")
}

// TestPasswordEndsTokens: a person who fears the worst ends all that is its own at once.
func TestPasswordEndsTokens(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made, err := i.Issue(t.Context(), i.operator, scopesGranted("a:read"), "")
	i.must(made, err)
	i.must(nil, i.ChangePassword(t.Context(), i.operator, keywright.PasswordChange{
		Old: keywright.NewSecret(testPassword), New: keywright.NewSecret("another long password"), EndTokens: true,
	}))
	token, err := i.Token(t.Context(), i.operator, made.Token.ID)
	if err != nil || token.State != keywright.StateRevoked || token.RevokedReason != passwordChanged {
		t.Errorf("%+v, %v", token, err)
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	members := func(who, account, space string) (string, error) {
		page, err := w.a.Members(t.Context(), w.as(who), account, space, ListQuery{})
		text := ""
		for _, m := range page.Items {
			text += fmt.Sprintf("%s %s ", m.Username, m.Roles[0].Name)
		}
		return text, err
	}
	for _, c := range []struct {
		who, account, space, want string
		err                       error
	}{
		{"ada", "acme", "", "ada admin audi auditor ", nil},
		{"ada", "", "lab", "mel manager olga owner rita reader ", nil},
		{"olga", "acme", "lab", "mel manager olga owner rita reader ", nil},
		{"olga", "acme", "", "", keywright.ErrForbidden},
		{"rita", "acme", "lab", "", keywright.ErrForbidden},
		{"otto", "acme", "lab", "", keywright.ErrNotFound},
		{"ada", "acme", "nowhere", "", keywright.ErrNotFound},
	} {
		got, err := members(c.who, c.account, c.space)
		if wantErr(t, err, c.err, ""); got != c.want {
			t.Errorf("%s of %s/%s: %q", c.who, c.account, c.space, got)
		}
	}
	page, err := w.a.Operators(t.Context(), w.as("root"), ListQuery{})
	if wantErr(t, err, nil, ""); len(page.Items) != 1 || page.Items[0].Username != "root" {
		t.Errorf("%+v", page)
	}
	_, err = w.a.Operators(t.Context(), w.as("ada"), ListQuery{})
	wantErr(t, err, keywright.ErrForbidden, "operators")
	first, err := w.a.Members(t.Context(), w.as("ada"), "acme", "lab", ListQuery{Limit: 2})
	w.must(err)
	rest, err := w.a.Members(t.Context(), w.as("ada"), "acme", "lab", ListQuery{Limit: 2, Cursor: first.Next})
	if wantErr(t, err, nil, ""); len(first.Items) != 2 || len(rest.Items) != 1 || rest.Next != "" {
		t.Errorf("%+v then %+v", first, rest)
	}
}
