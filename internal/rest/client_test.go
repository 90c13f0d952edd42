package rest

// The SDK's client and the API agree: every call of keywright.Client, in the order of a token's life.

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
)

func TestLife(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, admin := t.Context(), in.client(in.admin)
	before := len(in.actions())

	made, err := admin.CreateToken(ctx, keywright.NewToken{Label: "ci", Scopes: []string{"invoices:*"}, Metadata: map[string]string{"team": "a"}}, "")
	must(t, err)
	if made.Token.State != keywright.StateActive || made.APIKey.Reveal() == "" || made.ClientSecret.Reveal() == "" {
		t.Fatalf("%+v", made.Token)
	}
	id := made.Token.ID
	in.says(made.APIKey, "", "allowed")

	label := "ci two"
	edited, err := admin.EditToken(ctx, id, keywright.EditToken{Label: &label, Scopes: &[]string{"invoices:read"}})
	must(t, err)
	if edited.Label != label || edited.Revision == 0 || edited.Metadata["team"] != "a" {
		t.Errorf("edited: %+v", edited)
	}
	in.says(made.APIKey, "invoices:write", "insufficient_scope")

	_, err = admin.DisableToken(ctx, id)
	must(t, err)
	in.says(made.APIKey, "", "disabled")
	_, err = admin.EnableToken(ctx, id)
	must(t, err)

	overlap := time.Hour
	rotated, err := admin.RotateToken(ctx, id, &overlap, "")
	must(t, err)
	in.says(made.APIKey, "", "allowed")
	in.says(rotated.APIKey, "", "allowed")
	_, err = admin.CancelRotation(ctx, id)
	must(t, err)
	in.says(rotated.APIKey, "", "invalid")
	in.says(made.APIKey, "", "allowed")

	revoked, err := admin.RevokeToken(ctx, id, "leaked")
	must(t, err)
	if revoked.State != keywright.StateRevoked || revoked.RevokedReason != "leaked" {
		t.Errorf("revoked: %+v", revoked)
	}
	in.says(made.APIKey, "", "revoked")
	if _, err = admin.EnableToken(ctx, id); !errors.Is(err, keywright.ErrConflict) {
		t.Errorf("enabling a revoked token: %v", err)
	}
	revision, err := admin.DeleteToken(ctx, id)
	must(t, err)
	if revision <= revoked.Revision {
		t.Errorf("deleted at revision %d, revoked at %d", revision, revoked.Revision)
	}
	in.says(made.APIKey, "", "invalid")
	if _, err = admin.Token(ctx, id); !errors.Is(err, keywright.ErrNotFound) {
		t.Errorf("a deleted token: %v", err)
	}

	changes := slices.DeleteFunc(in.actions()[before:], func(a string) bool { return a == "token.refused" })
	want := []string{
		"token.create", "token.edit", "token.disable", "token.enable", "token.rotate", "token.cancel_rotation", "token.revoke", "token.delete",
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("events:\n%s", diff)
	}
}

// says checks the verdict about a key, asked by the operator.
func (in *instance) says(key keywright.Secret, scope, want string) {
	in.t.Helper()
	req := keywright.VerifyRequest{Token: key.Reveal()}
	if scope != "" {
		req.Scopes = []string{scope}
	}
	verdict, err := in.client(in.admin).Verify(in.t.Context(), req)
	must(in.t, err)
	if verdict.Reason.String() != want || verdict.Valid != (want == "allowed") || verdict.Valid != (verdict.Token != nil) {
		in.t.Errorf("verdict %+v, want %s", verdict, want)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, admin := t.Context(), in.client(in.admin)
	made, err := admin.CreateTokens(ctx, []keywright.NewToken{
		{Label: "a", Lifetime: keywright.LifetimePermanent}, {Label: "b", Audience: []string{"http"}}, {Label: "c"},
	}, "")
	must(t, err)
	child, err := in.client(in.issueFor("keywright:tokens:write")).CreateToken(ctx, keywright.NewToken{Label: "d"}, "")
	must(t, err)
	yes, parent := true, child.Token.Parent
	for name, q := range map[string]keywright.TokenQuery{
		"a":   {TokenFilter: keywright.TokenFilter{Permanent: &yes}},
		"b":   {TokenFilter: keywright.TokenFilter{Audience: "http"}},
		"abc": {TokenFilter: keywright.TokenFilter{IDs: []keywright.ID{made[0].Token.ID, made[1].Token.ID, made[2].Token.ID}}, Sort: "label", Limit: 2},
		"d":   {TokenFilter: keywright.TokenFilter{Parent: parent}},
		"c":   {TokenFilter: keywright.TokenFilter{Label: "C", Kind: keywright.KindAccount, State: keywright.StateActive, Space: "default", Owner: "admin"}},
	} {
		var got string
		for token, err := range admin.AllTokens(ctx, q) {
			must(t, err)
			got += token.Label
		}
		if got != name {
			t.Errorf("%+v lists %q, want %q", q, got, name)
		}
	}
}

// issueFor makes a token with one scope and returns its key.
func (in *instance) issueFor(scope string) string {
	return in.issue(keywright.NewToken{Label: "for " + scope, Scopes: []string{scope}}).APIKey.Reveal()
}

func TestEvents(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, admin := t.Context(), in.client(in.admin)
	made, err := admin.CreateToken(ctx, keywright.NewToken{Label: "a"}, "")
	must(t, err)
	in.issue(keywright.NewToken{Label: "b"})
	subject := "token:" + made.Token.ID.String()
	about, err := admin.Events(ctx, keywright.EventQuery{EventFilter: keywright.EventFilter{Subject: subject, Action: "token."}})
	must(t, err)
	if len(about.Items) != 1 || about.Items[0].Action != "token.create" || about.Items[0].RequestID != "request-1" ||
		about.Items[0].Actor != "user:admin" || about.Items[0].Address != "127.0.0.1" || about.Items[0].UserAgent != "keywright-go" {
		t.Errorf("%+v", about.Items)
	}
	page, err := admin.Events(ctx, keywright.EventQuery{ListQuery: keywright.ListQuery{Limit: 1}})
	must(t, err)
	next, err := admin.Events(ctx, keywright.EventQuery{ListQuery: keywright.ListQuery{Limit: 1, Cursor: page.Next}})
	must(t, err)
	if len(page.Items) != 1 || len(next.Items) != 1 || next.Items[0].Seq >= page.Items[0].Seq {
		t.Errorf("page %+v, next %+v", page, next)
	}
}

func TestImportAndBulk(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, admin := t.Context(), in.client(in.admin)
	old := keywright.NewSecret("old-system.0123456789abcdefghijklmnop")
	_, err := admin.ImportToken(ctx, keywright.ImportToken{NewToken: keywright.NewToken{Label: "old", Scopes: []string{"a"}}, Key: old.Reveal()})
	must(t, err)
	in.says(old, "a", "allowed")

	outcomes, err := admin.ImportTokens(ctx, []keywright.ImportToken{
		{NewToken: keywright.NewToken{Label: "one"}, SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
		{NewToken: keywright.NewToken{Label: "two"}, SHA256: "no"},
		{NewToken: keywright.NewToken{Label: "three"}, Key: old.Reveal()},
	})
	must(t, err)
	if len(outcomes) != 3 || outcomes[0].Token == nil || outcomes[1].Problem == "" || len(outcomes[1].Problems) == 0 || outcomes[2].Problem == "" {
		t.Fatalf("%+v", outcomes)
	}

	counted, err := admin.BulkTokens(ctx, keywright.BulkChange{Action: keywright.BulkRevoke, Filter: keywright.TokenFilter{Label: "o"}, DryRun: true})
	must(t, err)
	done, err := admin.BulkTokens(ctx, keywright.BulkChange{Action: keywright.BulkRevoke, Filter: keywright.TokenFilter{Label: "o"}, Expect: &counted.Matched})
	must(t, err)
	if counted.Changed != 0 || done.Changed != counted.Matched || done.Changed != 2 {
		t.Errorf("counted %+v, done %+v", counted, done)
	}
	in.says(old, "a", "revoked")
	if _, err = admin.BulkTokens(ctx, keywright.BulkChange{Action: keywright.BulkDelete}); !errors.Is(err, keywright.ErrInvalid) {
		t.Errorf("a bulk delete without a filter: %v", err)
	}
}

func TestRecoverable(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, admin := t.Context(), in.client(in.admin)
	policy := keywright.DefaultPolicy()
	policy.RecoverableAllowed = true
	account, err := admin.SetPolicy(ctx, "default", keywright.NewPolicy{Policy: policy})
	must(t, err)
	if diff := cmp.Diff(policy, account.Policy); diff != "" {
		t.Error(diff)
	}
	made := in.issue(keywright.NewToken{Label: "kept", Recoverable: true})
	shown, err := admin.RevealToken(ctx, made.Token.ID)
	must(t, err)
	if shown.Reveal() != made.APIKey.Reveal() {
		t.Error("another key is revealed")
	}
	if actions := in.actions(); actions[len(actions)-1] != "token.reveal" {
		t.Errorf("the last event is %s", actions[len(actions)-1])
	}
}

func TestTenants(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, admin := t.Context(), in.client(in.admin)
	_, err := admin.CreateAccount(ctx, "acme", "Acme")
	must(t, err)
	_, err = admin.CreateSpace(ctx, "acme", "blue", "Blue")
	must(t, err)
	user, err := admin.CreateUser(ctx, "acme", keywright.NewUser{
		Username: "ann", Email: "ann@example.com", Password: keywright.NewSecret("correct horse battery"), Role: keywright.Role{Name: "reader", Space: "blue"},
	})
	must(t, err)
	if len(user.Roles) != 1 || user.Roles[0] != (keywright.Role{Name: "reader", Account: "acme", Space: "blue"}) {
		t.Errorf("%+v", user)
	}
	user, err = admin.GrantRole(ctx, "acme", "ann", keywright.Role{Name: "admin"})
	must(t, err)
	if len(user.Roles) != 2 {
		t.Errorf("granted: %+v", user.Roles)
	}
	user, err = admin.DropRole(ctx, "acme", "ann", keywright.Role{Name: "reader", Space: "blue"})
	must(t, err)
	if len(user.Roles) != 1 || user.Roles[0].Name != "admin" {
		t.Errorf("dropped: %+v", user.Roles)
	}
	account, err := admin.Account(ctx, "acme")
	must(t, err)
	accounts, err := admin.Accounts(ctx, keywright.ListQuery{Limit: 1})
	must(t, err)
	spaces, err := admin.Spaces(ctx, "acme", keywright.ListQuery{})
	must(t, err)
	users, err := admin.Users(ctx, "acme", keywright.ListQuery{})
	must(t, err)
	if account.Title != "Acme" || accounts.Items[0].Name != "acme" || accounts.Next == "" || len(spaces.Items) != 2 || len(users.Items) != 1 {
		t.Errorf("account %+v, accounts %+v, spaces %+v, users %+v", account, accounts, spaces, users)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx := t.Context()
	session, err := in.client("").Login(ctx, "admin", keywright.NewSecret(in.password))
	must(t, err)
	person := in.client(session.Token.Reveal())
	self, err := person.Whoami(ctx)
	must(t, err)
	if self.User != "admin" || self.TokenID != nil || session.Username != "admin" || !session.ExpiresAt.After(time.Now()) {
		t.Errorf("self %+v, session %+v", self, session)
	}
	must(t, person.ChangePassword(ctx, keywright.PasswordChange{
		Old: keywright.NewSecret(in.password), New: keywright.NewSecret("another horse battery"), EndSessions: true,
	}))
	if _, err = in.client(in.admin).Whoami(ctx); !errors.Is(err, keywright.ErrUnauthenticated) {
		t.Errorf("another session after a change of password: %v", err)
	}
	must(t, person.Logout(ctx))
	if _, err = person.Whoami(ctx); !errors.Is(err, keywright.ErrUnauthenticated) {
		t.Errorf("a session after its logout: %v", err)
	}
	in.relogin("another horse battery")
	sessions := slices.DeleteFunc(in.actions(), func(a string) bool { return !strings.HasPrefix(a, "session.") })
	if diff := cmp.Diff([]string{"session.begin", "session.begin", "session.end", "session.end", "session.begin"}, sessions); diff != "" {
		t.Errorf("events:\n%s", diff)
	}
}

func (in *instance) relogin(password string) string {
	in.t.Helper()
	session, err := in.client("").Login(in.t.Context(), "admin@localhost", keywright.NewSecret(password))
	must(in.t, err)
	return session.Token.Reveal()
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, admin, key := t.Context(), in.client(in.admin), keywright.NewIdempotencyKey()
	first, err := admin.CreateToken(ctx, keywright.NewToken{Label: "once"}, key)
	must(t, err)
	second, err := admin.CreateToken(ctx, keywright.NewToken{Label: "once"}, key)
	must(t, err)
	if first.APIKey.Reveal() != second.APIKey.Reveal() || first.Token.ID != second.Token.ID {
		t.Error("a repeated create made another token")
	}
	if _, err = admin.CreateToken(ctx, keywright.NewToken{Label: "twice"}, key); !errors.Is(err, keywright.ErrConflict) {
		t.Errorf("the same key for another request: %v", err)
	}
	rotated, err := admin.RotateToken(ctx, first.Token.ID, nil, key+"r")
	must(t, err)
	again, err := admin.RotateToken(ctx, first.Token.ID, nil, key+"r")
	must(t, err)
	if rotated.APIKey.Reveal() != again.APIKey.Reveal() {
		t.Error("a repeated rotation made another secret")
	}
}

func TestVerifyBatch(t *testing.T) {
	t.Parallel()
	in := start(t)
	key := in.issueFor("invoices:read")
	verdicts, err := in.client(in.issueFor("keywright:tokens:verify")).VerifyBatch(t.Context(), []keywright.VerifyRequest{
		{Token: key, Scopes: []string{"invoices:read"}}, {Token: key, Scopes: []string{"invoices:write"}}, {Token: "no such key at all"}, {},
	})
	must(t, err)
	var got []string
	for _, v := range verdicts {
		got = append(got, v.Reason.String())
	}
	if diff := cmp.Diff([]string{"allowed", "insufficient_scope", "invalid", "allowed"}, got); diff != "" {
		t.Error(diff)
	}
}
