package keywright

import "context"

// SetPolicy replaces an account's policy.
func (c *Client) SetPolicy(ctx context.Context, account string, policy NewPolicy) (Account, error) {
	return call[Account](ctx, c, request{method: "PUT", path: v1("accounts", account, "policy"), body: policy.written()})
}

// PreviewPolicy says what SetPolicy would do to the tokens that live.
func (c *Client) PreviewPolicy(ctx context.Context, account string, policy NewPolicy) (PolicyPreview, error) {
	return call[PolicyPreview](ctx, c, request{
		method: "POST", path: v1("accounts", account, "policy", "preview"), body: policy.written(),
	})
}

// written is the policy with every list there: the API takes no policy of which a member is missing.
func (p NewPolicy) written() NewPolicy {
	p.AllowedScopes = *written(&p.AllowedScopes)
	p.AllowedAudience = *written(&p.AllowedAudience)
	p.AllowedCIDRs = *written(&p.AllowedCIDRs)
	return p
}

// Explain says what would become of an attempt with a token, rule by rule.
func (c *Client) Explain(ctx context.Context, r ExplainRequest) (Explanation, error) {
	return call[Explanation](ctx, c, request{method: "POST", path: v1("explain"), body: r})
}

// SpacePolicy returns what a space demands of its tokens.
func (c *Client) SpacePolicy(ctx context.Context, account, space string) (SpaceDemands, error) {
	return call[SpaceDemands](ctx, c, request{method: "GET", path: v1("accounts", account, "spaces", space, "policy")})
}

// SetSpacePolicy replaces what a space demands beyond its account.
func (c *Client) SetSpacePolicy(ctx context.Context, account, space string, policy NewSpacePolicy) (SpaceDemands, error) {
	return call[SpaceDemands](ctx, c, request{method: "PUT", path: v1("accounts", account, "spaces", space, "policy"), body: policy})
}

// PreviewSpacePolicy says what SetSpacePolicy would do to the tokens that live.
func (c *Client) PreviewSpacePolicy(ctx context.Context, account, space string, policy NewSpacePolicy) (PolicyPreview, error) {
	return call[PolicyPreview](ctx, c, request{
		method: "POST", path: v1("accounts", account, "spaces", space, "policy", "preview"), body: policy,
	})
}
