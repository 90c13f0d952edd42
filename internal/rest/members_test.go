package rest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/keywright/keywright"
)

// How people come and go, and spaces and accounts with them, by the SDK's client over HTTP.

func TestComeAndGo(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, admin := t.Context(), in.client(in.admin)
	_, err := admin.CreateAccount(ctx, "acme", "")
	must(t, err)
	_, err = admin.CreateSpace(ctx, "acme", "lab", "")
	must(t, err)
	made, err := admin.Invite(ctx, "acme", keywright.NewInvite{Username: "eve", Email: "eve@example.org", Role: keywright.Role{Name: "manager", Space: "lab"}})
	must(t, err)
	link := made.Link.Reveal()
	token, is := strings.CutPrefix(link, in.url+"/console/invite#")
	if !is || strings.Contains(made.Invite.ID.String(), token) {
		t.Fatalf("link %q", link)
	}
	invites, err := admin.Invites(ctx, "acme", keywright.ListQuery{})
	if must(t, err); len(invites.Items) != 1 || invites.Items[0] != made.Invite {
		t.Errorf("%+v", invites)
	}
	const password = "a passphrase of her own 7"
	_, err = in.client("").AcceptInvite(ctx, keywright.NewSecret(token), keywright.NewSecret("short"))
	wantStatus(t, err, http.StatusUnprocessableEntity)
	eve, err := in.client("").AcceptInvite(ctx, keywright.NewSecret(token), keywright.NewSecret(password))
	if must(t, err); eve.Username != "eve" || eve.DisabledAt != nil {
		t.Errorf("%+v", eve)
	}
	_, err = in.client("").AcceptInvite(ctx, keywright.NewSecret(token), keywright.NewSecret(password))
	wantStatus(t, err, http.StatusUnprocessableEntity)
	session, err := in.client("").Login(ctx, "eve", keywright.NewSecret(password))
	must(t, err)
	her := in.client(session.Token.Reveal())
	sessions, err := her.Sessions(ctx, "eve", keywright.ListQuery{})
	if must(t, err); len(sessions.Items) != 1 || !sessions.Items[0].Current {
		t.Errorf("%+v", sessions)
	}
	key, err := her.CreateToken(ctx, keywright.NewToken{Account: "acme", Space: "lab", Scopes: []string{"a:read"}}, "")
	must(t, err)
	members, err := her.Members(ctx, "acme", "lab", keywright.ListQuery{})
	if must(t, err); len(members.Items) != 1 || members.Items[0].Username != "eve" {
		t.Errorf("%+v", members)
	}
	_, err = her.Operators(ctx, keywright.ListQuery{})
	wantStatus(t, err, http.StatusForbidden)
	gone, err := admin.DisableUser(ctx, "eve", keywright.Offboarding{Tokens: keywright.TokensEnd, Reason: "left"})
	if must(t, err); gone.Ended != 1 || gone.Revision == 0 {
		t.Errorf("%+v", gone)
	}
	ended, err := admin.Token(ctx, key.Token.ID)
	if must(t, err); ended.State != keywright.StateRevoked || ended.RevokedReason != "left" {
		t.Errorf("%+v", ended)
	}
	_, err = her.Whoami(ctx)
	wantStatus(t, err, http.StatusUnauthorized)
	_, err = admin.EnableUser(ctx, "eve")
	must(t, err)
	_, err = admin.DeleteUser(ctx, "eve", keywright.Offboarding{Tokens: keywright.TokensTransfer, To: "admin"})
	must(t, err)
	_, err = admin.DeleteSpace(ctx, "acme", "lab", "lab")
	must(t, err)
	closed, err := admin.CloseAccount(ctx, "acme")
	if must(t, err); closed.ClosedAt == nil {
		t.Error("not closed")
	}
	_, err = admin.ReopenAccount(ctx, "acme")
	must(t, err)
}

// TestLeavingNeedsAWord: no token ends or stays because something was left out.
func TestLeavingNeedsAWord(t *testing.T) {
	t.Parallel()
	in := start(t)
	before := len(in.actions())
	for _, c := range []struct {
		method, path, body string
		status             int
		member             string
	}{
		{"DELETE", "/api/v1/users/admin", "", 422, "tokens"},
		{"DELETE", "/api/v1/users/admin?tokens=keep", "", 422, "tokens"},
		{"DELETE", "/api/v1/users/admin?tokens=end", "", 409, ""},
		{"POST", "/api/v1/users/admin/disable", "{}", 422, "/tokens"},
		{"POST", "/api/v1/users/admin/disable", `{"tokens":"end","to":"admin","x":1}`, 422, "/x"},
		{"POST", "/api/v1/users/nobody/disable", `{"tokens":"end"}`, 404, ""},
		{"DELETE", "/api/v1/accounts/default/spaces/default", "", 422, "repeat"},
		{"DELETE", "/api/v1/accounts/default/spaces/default?repeat=default", "", 409, ""},
		{"DELETE", "/api/v1/accounts/default/spaces/lab?repeat=lab", "", 404, ""},
		{"DELETE", "/api/v1/users/admin/sessions/x", "", 404, ""},
		{"DELETE", "/api/v1/operators/admin", "", 409, ""},
		{"PATCH", "/api/v1/accounts/default", `{"title":""}`, 422, "/title"},
		{"POST", "/api/v1/invitations/accept", `{"token":"kwi_x","password":"0123456789"}`, 422, "/token"},
	} {
		p := in.call(in.admin, c.method, c.path, c.body).refused(t, c.status)
		if c.member != "" && (len(p.Problems) == 0 || p.Problems[0].Member != c.member) {
			t.Errorf("%s %s: %+v", c.method, c.path, p.Problems)
		}
	}
	if after := len(in.actions()); after != before {
		t.Errorf("%d events", after-before)
	}
}

func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	if got, ok := err.(*keywright.AnswerError); !ok || got.Status != status {
		t.Errorf("%v, want status %d", err, status)
	}
}
