package rest

import (
	"context"
	"net/http"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const (
	audiencesPath = accountPath + "/audiences"
	audiencePath  = audiencesPath + "/{audience}"
)

// inAudience is a request about an audience of an account.
type inAudience[Body any] struct {
	Account, Audience string
	Body              Body
}

func whichAudience[Body any]() []parameter[inAudience[Body]] {
	return []parameter[inAudience[Body]]{
		pathName("account", "The account's name", func(in *inAudience[Body]) *string { return &in.Account }),
		pathName("audience", "The audience's name; - for the tokens that name none", func(in *inAudience[Body]) *string { return &in.Audience }),
	}
}

// someScopes are scopes to be judged.
type someScopes struct {
	Scopes []string `json:"scopes"`
}

func (s *spoke) routeAudiences() {
	type list = inAccount[struct{}]
	serve(s, operation[list]{
		id: "listAudiences", method: http.MethodGet, path: audiencesPath, tag: "audiences",
		summary: "List audiences", detail: "Those that the account has registered, in the order of their names, without their catalogues.",
		params: append(page[struct{}](), account[struct{}]()),
	}, func(ctx context.Context, caller authority.Caller, in *list) (keywright.Page[keywright.AudienceSummary], error) {
		return s.Authority.Audiences(ctx, caller, in.Account, in.List)
	})
	type plain = inAudience[struct{}]
	serve(s, operation[plain]{
		id: "getAudience", method: http.MethodGet, path: audiencePath, tag: "audiences",
		summary: "Get an audience", detail: "With its catalogue: the scopes it knows.", params: whichAudience[struct{}](),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Audience, error) {
		return s.Authority.Audience(ctx, caller, in.Account, in.Audience)
	})
	serve(s, operation[plain]{
		id: "deleteAudience", method: http.MethodDelete, path: audiencePath, tag: "audiences", conflicts: true,
		summary: "Delete an audience", detail: "Tokens keep it and their scopes, but not what these implied by its catalogue.", params: whichAudience[struct{}](),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (deletion, error) {
		revision, err := s.Authority.DeleteAudience(ctx, caller, in.Account, in.Audience)
		return deletion{revision}, err
	})
	s.routeSetAudience()
	s.routeCatalogues()
}

func (s *spoke) routeSetAudience() {
	type put = inAudience[keywright.NewAudience]
	serve(s, operation[put]{
		id: "setAudience", method: http.MethodPut, path: audiencePath, tag: "audiences", conflicts: true,
		summary: "Register an audience, or replace it",
		detail: "From then on tokens for it are given only scopes that it knows; a token keeps what it has. What the entries imply, " +
			"tokens that exist have, or have no longer, before this answers.",
		params: whichAudience[keywright.NewAudience](), body: func(in *put) any { return &in.Body }, limit: catalogueLimit,
	}, func(ctx context.Context, caller authority.Caller, in *put) (keywright.Audience, error) {
		return s.Authority.SetAudience(ctx, caller, in.Account, in.Audience, in.Body)
	})
	type covered = inAudience[someScopes]
	serve(s, operation[covered]{
		id: "coveredScopes", method: http.MethodPost, reads: true, path: audiencePath + "/covered", tag: "audiences",
		summary: "Say what scopes would allow", detail: "Which entries of the catalogue they cover, what they imply, and which of them are unknown. Changes nothing.",
		params: whichAudience[someScopes](), body: func(in *covered) any { return &in.Body },
	}, func(ctx context.Context, caller authority.Caller, in *covered) (keywright.Coverage, error) {
		return s.Authority.Covered(ctx, caller, in.Account, in.Audience, in.Body.Scopes)
	})
}

// inCatalogue is a request about an account and a catalogue that comes with the program.
type inCatalogue struct{ Account, Catalogue string }

func (s *spoke) routeCatalogues() {
	serve(s, operation[nothing]{
		id: "listCatalogues", method: http.MethodGet, path: "/api/v1/catalogues", tag: "audiences",
		summary: "List catalogues", detail: "Those that come with the program: the audiences and scopes of APIs whose clients can speak to it.",
	}, func(ctx context.Context, caller authority.Caller, _ *nothing) (items[keywright.Catalogue], error) {
		all, err := s.Authority.Catalogues(ctx, caller)
		return items[keywright.Catalogue]{all}, err
	})
	serve(s, operation[inCatalogue]{
		id: "adoptCatalogue", method: http.MethodPost, path: accountPath + "/catalogues/{catalogue}/adopt", tag: "audiences", conflicts: true,
		summary: "Adopt a catalogue",
		detail: "Registers its audiences and answers with them as they are then. What the account has of them already stays beside it; of an " +
			"entry that both have, the catalogue's is kept.",
		params: []parameter[inCatalogue]{
			pathName("account", "The account's name", func(in *inCatalogue) *string { return &in.Account }),
			pathName("catalogue", "The catalogue's name", func(in *inCatalogue) *string { return &in.Catalogue }),
		},
	}, func(ctx context.Context, caller authority.Caller, in *inCatalogue) (items[keywright.Audience], error) {
		adopted, err := s.Authority.AdoptCatalogue(ctx, caller, in.Account, in.Catalogue)
		return items[keywright.Audience]{adopted}, err
	})
}
