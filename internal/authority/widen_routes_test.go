package authority

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// exchange gets an access token. At the doors it passes nothing that its token does not, and what it makes is
// contained in what it names itself.
func (f *dynasty) exchange(rt *rapid.T) {
	f.rt = rt
	giver := f.members[f.member()]
	had := f.facts(giver.Token.ID)
	ask := GrantRequest{Scopes: f.scopes(), Audience: someOf(rt, "for", "http", "alerts", "keywright"), Lenient: rapid.Bool().Draw(rt, "lenient")}
	grant, err := f.a.Grant(f.t.Context(), f.by(giver), ask)
	if err != nil {
		return
	}
	caller := f.present(grant.AccessToken.Reveal())
	for range 3 {
		access := rapid.SampledFrom(f.tried[had.Kind == keywright.KindSpace]).Draw(rt, "attempt")
		v, err := f.a.Verify(f.t.Context(), caller.Credential, access)
		f.must(err)
		if v.Allowed() && !keywright.Decide(had, access, f.time()).Allowed() {
			rt.Fatalf("an access token passes what its token does not:\naccess %+v\ntoken %+v", access, had)
		}
	}
	had.Scopes = had.Scopes.Narrow(grant.Scopes)
	if len(grant.Audience) > 0 {
		had.Audience = slices.DeleteFunc(slices.Clone(had.Audience), func(a string) bool { return !slices.Contains(grant.Audience, a) })
	}
	if issued, err := f.a.Issue(f.t.Context(), caller, f.request(had), ""); err == nil {
		f.add(had, issued)
	}
}

// transfer has somebody leave who owns a token: it passes to somebody else as it was.
func (f *dynasty) transfer(rt *rapid.T) {
	f.rt = rt
	f.serial++
	leaver := fmt.Sprintf("leaver-%d-%s", f.serial, f.id())
	f.person(leaver, store.Role{Name: roleManager, Account: "acme", Space: "lab"})
	req := f.request(keywright.Facts{})
	req.Owner = leaver
	issued, err := f.a.Issue(f.t.Context(), f.as("ada"), req, "")
	if err != nil {
		return
	}
	before := f.facts(issued.Token.ID)
	if _, err := f.a.DeleteUser(f.t.Context(), f.as("ada"), leaver, keywright.Offboarding{Tokens: keywright.TokensTransfer, To: "ada"}); err != nil {
		rt.Fatalf("%s does not leave: %v", leaver, err)
	}
	f.add(before, issued)
}

// invite has a token that may well invite somebody do so, and whoever accepts make a token.
func (f *dynasty) invite(rt *rapid.T) {
	f.rt = rt
	req := f.request(keywright.Facts{})
	req.Kind, req.Scopes = keywright.KindAccount, []string{"**", "keywright:tokens:*", "keywright:spaces:*", "keywright:members:*", "keywright:users:*",
		"keywright:policy:*", "keywright:audit:*", "keywright:accounts:read"}
	limited := pick(rt, "limited in", "audience", "networks", "lifetime")
	if limited != "networks" {
		req.AllowedCIDRs = nil
	}
	if limited != "lifetime" {
		req.Lifetime = keywright.LifetimePermanent
	}
	patron, err := f.a.Issue(f.t.Context(), f.as("ada"), req, "")
	if err != nil {
		return
	}
	had := f.facts(patron.Token.ID)
	f.serial++
	guest := fmt.Sprintf("guest-%d-%s", f.serial, f.id())
	role := keywright.Role{Name: pick(rt, "role", roleAdmin, roleAuditor, roleOwner, roleManager, roleReader), Account: "acme"}
	if roleLevel(role.Name) == "space" {
		role.Space = "lab"
	}
	invited, err := f.a.Invite(f.t.Context(), f.by(patron), keywright.NewInvite{Username: guest, Role: role})
	if err != nil {
		return
	}
	password := keywright.NewSecret(chosen)
	_, err = f.a.AcceptInvite(f.t.Context(), Caller{}, invited.Token, password)
	f.must(err)
	login, err := f.a.Login(f.t.Context(), Caller{}, guest, password)
	f.must(err)
	by := f.present(login.Token.Reveal())
	for _, req := range []keywright.NewToken{f.request(had), f.request(keywright.Facts{})} {
		if issued, err := f.a.Issue(f.t.Context(), by, req, ""); err == nil {
			f.add(had, issued)
		}
	}
}
