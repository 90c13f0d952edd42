package rest

import (
	"context"
	"net/http"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const spacePath = accountPath + "/spaces/{space}"

// titled is a new title.
type titled struct {
	Title string `json:"title"`
}

// routeStanding routes what becomes of accounts and spaces that exist.
func (s *spoke) routeStanding() {
	type edit = inAccount[titled]
	serve(s, operation[edit]{
		id: "editAccount", method: http.MethodPatch, path: accountPath, tag: "accounts",
		summary: "Edit an account", detail: "Gives it another title.",
		params: []parameter[edit]{account[titled]()}, body: func(in *edit) any { return &in.Body },
	}, func(ctx context.Context, caller authority.Caller, in *edit) (keywright.Account, error) {
		return s.Authority.EditAccount(ctx, caller, in.Account, in.Body.Title)
	})
	type plain = inAccount[struct{}]
	for _, verb := range []struct {
		id, word, summary, detail string
		act                       func(context.Context, authority.Caller, string) (keywright.Account, error)
	}{
		{"closeAccount", "close", "Close an account", "No token of it is accepted until it is reopened. An operator closes any, an admin the children of its account. A child is not closed with its parent.", s.Authority.CloseAccount},
		{"reopenAccount", "reopen", "Reopen an account", "Its tokens work again.", s.Authority.ReopenAccount},
	} {
		serve(s, operation[plain]{
			id: verb.id, method: http.MethodPost, path: accountPath + "/" + verb.word, tag: "accounts",
			summary: verb.summary, detail: verb.detail, params: []parameter[plain]{account[struct{}]()},
		}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Account, error) {
			return verb.act(ctx, caller, in.Account)
		})
	}
	s.routeSpaceStanding()
}

// inSpace is a request about a space.
type inSpace struct {
	Account, Space, Repeat string
	List                   authority.ListQuery
	titled
}

func (s *spoke) routeSpaceStanding() {
	which := []parameter[inSpace]{
		pathName("account", "The account's name", func(in *inSpace) *string { return &in.Account }),
		pathName("space", "The space's name", func(in *inSpace) *string { return &in.Space }),
	}
	serve(s, operation[inSpace]{
		id: "getSpace", method: http.MethodGet, path: spacePath, tag: "accounts",
		summary: "Get a space", detail: "One that the caller may see.", params: which,
	}, func(ctx context.Context, caller authority.Caller, in *inSpace) (keywright.Space, error) {
		return s.Authority.Space(ctx, caller, in.Account, in.Space)
	})
	serve(s, operation[inSpace]{
		id: "editSpace", method: http.MethodPatch, path: spacePath, tag: "accounts",
		summary: "Edit a space", detail: "Gives it another title.", params: which, body: func(in *inSpace) any { return &in.titled },
	}, func(ctx context.Context, caller authority.Caller, in *inSpace) (keywright.Space, error) {
		return s.Authority.EditSpace(ctx, caller, in.Account, in.Space, in.Title)
	})
	serve(s, operation[inSpace]{
		id: "closeSpace", method: http.MethodPost, path: spacePath + "/close", tag: "accounts", conflicts: true,
		summary: "Close a space", detail: "No token of it is accepted until it is reopened. The space default is closed with its account.", params: which,
	}, func(ctx context.Context, caller authority.Caller, in *inSpace) (keywright.Space, error) {
		return s.Authority.CloseSpace(ctx, caller, in.Account, in.Space)
	})
	serve(s, operation[inSpace]{
		id: "reopenSpace", method: http.MethodPost, path: spacePath + "/reopen", tag: "accounts",
		summary: "Reopen a space", detail: "Its tokens work again.", params: which,
	}, func(ctx context.Context, caller authority.Caller, in *inSpace) (keywright.Space, error) {
		return s.Authority.ReopenSpace(ctx, caller, in.Account, in.Space)
	})
	repeat := text("repeat", "The space's name once more", func(in *inSpace) *string { return &in.Repeat }).must()
	serve(s, operation[inSpace]{
		id: "deleteSpace", method: http.MethodDelete, path: spacePath, tag: "accounts", conflicts: true,
		summary: "Delete a space", detail: "With its tokens, the roles on it and the invitations to it. The space default stays.",
		params: append([]parameter[inSpace]{repeat}, which...),
	}, func(ctx context.Context, caller authority.Caller, in *inSpace) (deletion, error) {
		revision, err := s.Authority.DeleteSpace(ctx, caller, in.Account, in.Space, in.Repeat)
		return deletion{revision}, err
	})
	serve(s, operation[inSpace]{
		id: "listSpaceMembers", method: http.MethodGet, path: spacePath + "/members", tag: "people",
		summary: "List the members of a space", detail: "Those with a role on it, in the order of their names.",
		params: append([]parameter[inSpace]{
			limit(func(in *inSpace) *int { return &in.List.Limit }),
			cursor(func(in *inSpace) *string { return &in.List.Cursor }),
		}, which...),
	}, func(ctx context.Context, caller authority.Caller, in *inSpace) (keywright.Page[keywright.Member], error) {
		return s.Authority.Members(ctx, caller, in.Account, in.Space, in.List)
	})
}
