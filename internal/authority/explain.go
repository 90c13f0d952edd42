package authority

import (
	"context"
	"net/netip"

	"github.com/keywright/keywright"
)

// Explain tells whoever sees a token what would become of an attempt with it, rule by rule. Nothing is noted as a use.
func (a *Authority) Explain(ctx context.Context, caller Caller, req keywright.ExplainRequest) (keywright.Explanation, error) {
	var e keywright.Explanation
	err := a.view(ctx, caller, func(s *scene) error {
		rec, err := s.token(ctx, req.Token, tokensRead)
		if err != nil {
			return err
		}
		var p problems
		access, at := p.attempt(req), s.now
		if req.At != "" {
			if at, _, err = parseInstant(req.At); err != nil {
				p.add("/at", "%v", err)
			}
		}
		if err := p.err(); err != nil {
			return err
		}
		e = keywright.Explain(rec.Facts, access, at)
		return nil
	})
	return e, err
}

// attempt reads what somebody asks about.
func (p *problems) attempt(req keywright.ExplainRequest) keywright.Access {
	access := keywright.Access{
		Scopes:     p.scopes("/scopes", req.Scopes),
		Audience:   p.text("/audience", req.Audience, maxFilterText, maxFilterText),
		Space:      p.text("/space", req.Space, maxFilterText, maxFilterText),
		Management: req.Management,
	}
	if req.Address != "" {
		var err error
		if access.Address, err = netip.ParseAddr(req.Address); err != nil {
			p.add("/address", "must be an IP address")
		}
	}
	return access
}
