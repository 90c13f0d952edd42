package rest

import (
	"context"
	"net/http"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const spacePolicyPath = accountPath + "/spaces/{space}/policy"

// inPolicy is a request about the policy of an account or of a space of it.
type inPolicy[Body any] struct {
	Account string
	Space   string
	DryRun  *bool
	Body    Body
}

func (in inPolicy[Body]) dry() bool { return in.DryRun != nil && *in.DryRun }

func policyAccount[Body any]() parameter[inPolicy[Body]] {
	return pathName("account", "The account's name", func(in *inPolicy[Body]) *string { return &in.Account })
}

func policySpace[Body any]() parameter[inPolicy[Body]] {
	return pathName("space", "The space's name", func(in *inPolicy[Body]) *string { return &in.Space })
}

func dryRun[Body any]() parameter[inPolicy[Body]] {
	return flag("dry_run", "Change nothing: answer the policy as it is, with what the new one would do in preview",
		func(in *inPolicy[Body]) **bool { return &in.DryRun })
}

// policySet is an account whose policy was set; or, in a dry run, would be.
type policySet struct {
	keywright.Account
	Preview *keywright.PolicyPreview `json:"preview,omitempty" doc:"Only in a dry run"`
}

// spacePolicySet is a space whose policy was set; or, in a dry run, would be.
type spacePolicySet struct {
	keywright.SpaceDemands
	Preview *keywright.PolicyPreview `json:"preview,omitempty" doc:"Only in a dry run"`
}

func (s *spoke) routePolicy() {
	type put = inPolicy[keywright.NewPolicy]
	serve(s, operation[put]{
		id: "setPolicy", method: http.MethodPut, path: accountPath + "/policy", tag: "accounts", conflicts: true,
		summary: "Set an account's policy",
		detail:  "Replaces all of it; no member of the policy may be missing. It holds at use for every token that exists, before this answers.",
		params:  []parameter[put]{policyAccount[keywright.NewPolicy](), dryRun[keywright.NewPolicy]()}, body: func(in *put) any { return &in.Body },
	}, s.setPolicy)
	serve(s, operation[put]{
		id: "previewPolicy", method: http.MethodPost, reads: true, path: accountPath + "/policy/preview", tag: "accounts",
		summary: "Preview an account's policy", detail: "Which live tokens it would end, narrow or disable, and when. Changes nothing.",
		params: []parameter[put]{policyAccount[keywright.NewPolicy]()}, body: func(in *put) any { return &in.Body },
	}, func(ctx context.Context, caller authority.Caller, in *put) (keywright.PolicyPreview, error) {
		return s.Authority.PreviewPolicy(ctx, caller, in.Account, in.Body, false)
	})
	s.routeSpacePolicy()
	serve(s, operation[keywright.ExplainRequest]{
		id: "explain", method: http.MethodPost, reads: true, path: "/api/v1/explain", tag: "verify", summary: "Explain a verdict",
		detail: "What would become of an attempt with a token, rule by rule, for whoever sees the token. It is no use of the token.",
		body:   func(in *keywright.ExplainRequest) any { return in },
	}, func(ctx context.Context, caller authority.Caller, in *keywright.ExplainRequest) (keywright.Explanation, error) {
		return s.Authority.Explain(ctx, caller, *in)
	})
}

func (s *spoke) setPolicy(ctx context.Context, caller authority.Caller, in *inPolicy[keywright.NewPolicy]) (set policySet, err error) {
	if !in.dry() {
		set.Account, err = s.Authority.SetPolicy(ctx, caller, in.Account, in.Body)
		return set, err
	}
	preview, err := s.Authority.PreviewPolicy(ctx, caller, in.Account, in.Body, true)
	if err != nil {
		return set, err
	}
	set.Preview = &preview
	set.Account, err = s.Authority.Account(ctx, caller, in.Account)
	return set, err
}

func (s *spoke) routeSpacePolicy() {
	type plain = inPolicy[struct{}]
	serve(s, operation[plain]{
		id: "getSpacePolicy", method: http.MethodGet, path: spacePolicyPath, tag: "accounts",
		summary: "Get a space's policy", detail: "What the space demands of its own, and what holds together with its account's.",
		params: []parameter[plain]{policyAccount[struct{}](), policySpace[struct{}]()},
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.SpaceDemands, error) {
		return s.Authority.SpacePolicy(ctx, caller, in.Account, in.Space)
	})
	type put = inPolicy[keywright.NewSpacePolicy]
	at := []parameter[put]{policyAccount[keywright.NewSpacePolicy](), policySpace[keywright.NewSpacePolicy]()}
	serve(s, operation[put]{
		id: "setSpacePolicy", method: http.MethodPut, path: spacePolicyPath, tag: "accounts", conflicts: true,
		summary: "Set a space's policy", detail: "Replaces all of it. It may only narrow its account's; what is left out is as the account has it.",
		params: append(at, dryRun[keywright.NewSpacePolicy]()), body: func(in *put) any { return &in.Body },
	}, s.setSpacePolicy)
	serve(s, operation[put]{
		id: "previewSpacePolicy", method: http.MethodPost, reads: true, path: spacePolicyPath + "/preview", tag: "accounts",
		summary: "Preview a space's policy", detail: "Which live tokens of the space it would end, narrow or disable, and when. Changes nothing.",
		params: at, body: func(in *put) any { return &in.Body },
	}, func(ctx context.Context, caller authority.Caller, in *put) (keywright.PolicyPreview, error) {
		return s.Authority.PreviewSpacePolicy(ctx, caller, in.Account, in.Space, in.Body, false)
	})
}

func (s *spoke) setSpacePolicy(ctx context.Context, caller authority.Caller, in *inPolicy[keywright.NewSpacePolicy]) (set spacePolicySet, err error) {
	if !in.dry() {
		set.SpaceDemands, err = s.Authority.SetSpacePolicy(ctx, caller, in.Account, in.Space, in.Body)
		return set, err
	}
	preview, err := s.Authority.PreviewSpacePolicy(ctx, caller, in.Account, in.Space, in.Body, true)
	if err != nil {
		return set, err
	}
	set.Preview = &preview
	set.SpaceDemands, err = s.Authority.SpacePolicy(ctx, caller, in.Account, in.Space)
	return set, err
}
