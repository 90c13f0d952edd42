package keywright_test

import (
	"context"

	"github.com/keywright/keywright"
)

// peopleCalls are the calls about who belongs where, and what becomes of it.
func peopleCalls(ctx context.Context) []clientCall {
	id := mustID(sampleID)
	list := keywright.ListQuery{}
	type client = *keywright.Client
	return []clientCall{
		{"PATCH /api/v1/accounts/acme", `{"title":"Acme"}`, func(c client) error { return only(c.EditAccount(ctx, "acme", "Acme")) }},
		{"POST /api/v1/accounts/eu@acme/close", "", func(c client) error { return only(c.CloseAccount(ctx, "eu@acme")) }},
		{"POST /api/v1/accounts/acme/reopen", "", func(c client) error { return only(c.ReopenAccount(ctx, "acme")) }},
		{"GET /api/v1/accounts/acme/spaces/lab", "", func(c client) error { return only(c.Space(ctx, "acme", "lab")) }},
		{"PATCH /api/v1/accounts/acme/spaces/lab", `{"title":"Lab"}`, func(c client) error { return only(c.EditSpace(ctx, "acme", "lab", "Lab")) }},
		{"POST /api/v1/accounts/acme/spaces/lab/close", "", func(c client) error { return only(c.CloseSpace(ctx, "acme", "lab")) }},
		{"POST /api/v1/accounts/acme/spaces/lab/reopen", "", func(c client) error { return only(c.ReopenSpace(ctx, "acme", "lab")) }},
		{"DELETE /api/v1/accounts/acme/spaces/lab?repeat=lab", "", func(c client) error { return only(c.DeleteSpace(ctx, "acme", "lab", "lab")) }},
		{"GET /api/v1/accounts/acme/members?limit=3", "", func(c client) error {
			return only(c.Members(ctx, "acme", "", keywright.ListQuery{Limit: 3}))
		}},
		{"GET /api/v1/accounts/acme/spaces/lab/members", "", func(c client) error { return only(c.Members(ctx, "acme", "lab", list)) }},
		{"GET /api/v1/operators", "", func(c client) error { return only(c.Operators(ctx, list)) }},
		{"PUT /api/v1/operators/eve", "", func(c client) error { return only(c.GrantOperator(ctx, "eve")) }},
		{"DELETE /api/v1/operators/eve", "", func(c client) error { return only(c.DropOperator(ctx, "eve")) }},
		{"GET /api/v1/accounts/acme/invitations", "", func(c client) error { return only(c.Invites(ctx, "acme", list)) }},
		{"POST /api/v1/accounts/acme/invitations", `{"email":"","expires_in":60,"role":"owner","space":"lab","username":"eve"}`, func(c client) error {
			return only(c.Invite(ctx, "acme", keywright.NewInvite{
				Username: "eve", Role: keywright.Role{Name: "owner", Space: "lab"}, ExpiresIn: 60,
			}))
		}},
		{"DELETE /api/v1/accounts/acme/invitations/" + sampleID, "", func(c client) error { return c.WithdrawInvite(ctx, "acme", id) }},
		{"POST /api/v1/invitations/accept", `{"password":"pw","token":"kwi_x"}`, func(c client) error {
			return only(c.AcceptInvite(ctx, keywright.NewSecret("kwi_x"), keywright.NewSecret("pw")))
		}},
		{"POST /api/v1/users/eve/disable", `{"tokens":"transfer","to":"ada","reason":"left"}`, func(c client) error {
			return only(c.DisableUser(ctx, "eve", keywright.Offboarding{Tokens: keywright.TokensTransfer, To: "ada", Reason: "left"}))
		}},
		{"POST /api/v1/users/eve/enable", "", func(c client) error { return only(c.EnableUser(ctx, "eve")) }},
		{"DELETE /api/v1/users/eve?tokens=end", "", func(c client) error {
			return only(c.DeleteUser(ctx, "eve", keywright.Offboarding{Tokens: keywright.TokensEnd}))
		}},
		{"GET /api/v1/users/eve/sessions?cursor=x", "", func(c client) error {
			return only(c.Sessions(ctx, "eve", keywright.ListQuery{Cursor: "x"}))
		}},
		{"DELETE /api/v1/users/eve/sessions", "", func(c client) error { return c.EndSessions(ctx, "eve") }},
		{"DELETE /api/v1/users/eve/sessions/" + sampleID, "", func(c client) error { return c.EndSession(ctx, "eve", id) }},
	}
}
