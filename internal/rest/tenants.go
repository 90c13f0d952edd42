package rest

import (
	"context"
	"net/http"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const (
	accountsPath = "/api/v1/accounts"
	accountPath  = accountsPath + "/{account}"
)

// inAccount is a request about an account or something in it.
type inAccount[Body any] struct {
	Account string
	List    authority.ListQuery
	Body    Body
}

func account[Body any]() parameter[inAccount[Body]] {
	return pathName("account", "The account's name", func(in *inAccount[Body]) *string { return &in.Account })
}

func page[Body any]() []parameter[inAccount[Body]] {
	return []parameter[inAccount[Body]]{
		limit(func(in *inAccount[Body]) *int { return &in.List.Limit }),
		cursor(func(in *inAccount[Body]) *string { return &in.List.Cursor }),
	}
}

func (s *spoke) routeTenants() {
	s.routeAccounts()
	s.routeSpaces()
}

func (s *spoke) routeAccounts() {
	type plain = inAccount[struct{}]
	serve(s, operation[plain]{
		id: "listAccounts", method: http.MethodGet, path: accountsPath, tag: "accounts",
		summary: "List accounts", detail: "Those that the caller may see, in the order of their names.", params: page[struct{}](),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Page[keywright.Account], error) {
		return s.Authority.Accounts(ctx, caller, in.List)
	})
	serve(s, operation[newAccount]{
		id: "createAccount", method: http.MethodPost, path: accountsPath, tag: "accounts", status: http.StatusCreated, conflicts: true,
		summary: "Create an account", detail: "With its space \"default\".", body: func(in *newAccount) any { return in },
	}, func(ctx context.Context, caller authority.Caller, in *newAccount) (keywright.Account, error) {
		return s.Authority.CreateAccount(ctx, caller, in.Name, in.Title)
	})
	serve(s, operation[plain]{
		id: "getAccount", method: http.MethodGet, path: accountPath, tag: "accounts",
		summary: "Get an account", detail: "With its policy.", params: []parameter[plain]{account[struct{}]()},
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Account, error) {
		return s.Authority.Account(ctx, caller, in.Account)
	})
}

func (s *spoke) routeSpaces() {
	type plain = inAccount[struct{}]
	serve(s, operation[plain]{
		id: "listSpaces", method: http.MethodGet, path: accountPath + "/spaces", tag: "accounts",
		summary: "List spaces", detail: "Those of the account that the caller may see, in the order of their names.",
		params: append(page[struct{}](), account[struct{}]()),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Page[keywright.Space], error) {
		return s.Authority.Spaces(ctx, caller, in.Account, in.List)
	})
	type create = inAccount[newSpace]
	serve(s, operation[create]{
		id: "createSpace", method: http.MethodPost, path: accountPath + "/spaces", tag: "accounts", status: http.StatusCreated, conflicts: true,
		summary: "Create a space", detail: "A part of the account with tokens of its own.",
		params: []parameter[create]{account[newSpace]()}, body: func(in *create) any { return &in.Body },
	}, func(ctx context.Context, caller authority.Caller, in *create) (keywright.Space, error) {
		return s.Authority.CreateSpace(ctx, caller, in.Account, in.Body.Name, in.Body.Title)
	})
}
