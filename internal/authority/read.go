package authority

import (
	"net/netip"
	"time"

	"github.com/keywright/keywright"
)

// draft is a request for a token that was read: every member is well-formed; no rule was asked yet.
type draft struct {
	label       string
	kind        keywright.Kind
	account     string
	space       string
	owner       string
	scopes      keywright.Scopes
	asked       []string // the scopes as the request has them
	audience    []string
	networks    []netip.Prefix
	metadata    map[string]string
	lifetime    lifetime
	notBefore   time.Time
	recoverable bool
	keep        bool // recoverable, where the policy lets it be
}

// readNew reads a request for a token, and says of everything that is wrong with it at once.
func readNew(req keywright.NewToken, now time.Time) (draft, error) {
	var p problems
	d := draft{
		label:       p.label(req.Label),
		kind:        req.Kind,
		account:     req.Account,
		space:       req.Space,
		owner:       req.Owner,
		scopes:      p.scopes("/scopes", req.Scopes),
		asked:       req.Scopes,
		audience:    p.audience("/audience", req.Audience),
		networks:    p.networks("/allowed_cidrs", req.AllowedCIDRs),
		metadata:    p.metadata(req.Metadata),
		lifetime:    p.lifetime(some(req.Lifetime), some(req.ExpiresAt), some(req.ExpiresIn), now),
		notBefore:   p.start(req.NotBefore),
		recoverable: req.Recoverable,
	}
	p.names(req)
	return d, p.err()
}

// names checks the members that name something else, so that nothing odd is looked up.
func (p *problems) names(req keywright.NewToken) {
	if req.Kind.String() == "" && req.Kind != 0 {
		p.add("/kind", "must be account, space or manager")
	}
	if req.Account != "" && !isAccountName(req.Account) {
		p.add("/account", "must be the name of an account")
	}
	if req.Space != "" && !isSlug(req.Space) {
		p.add("/space", "must be the name of a space")
	}
	p.text("/owner", req.Owner, maxLabelRunes, maxLabelBytes)
}

// some is nil for what a request left out.
func some[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}
