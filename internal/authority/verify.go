package authority

import (
	"context"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Verdict is the answer about one presented credential.
type Verdict struct {
	Decision keywright.Decision
	Record   *store.Record    // nil unless the credential was proved
	Bound    *keywright.Bound // of an access token
}

// Allowed reports whether the attempt may pass.
func (v Verdict) Allowed() bool { return v.Decision.Allowed() }

// Token is what a verifier may learn; nil unless allowed. Scopes, audience and expiry are those of what was
// presented: an access token's own where it is narrower.
func (v Verdict) Token() *keywright.VerifiedToken { panic("unwritten") }

// ParseCredential reads a presented string with the instance's prefix.
func (a *Authority) ParseCredential(s string) (keywright.Credential, error) { panic("unwritten") }

// Verify answers whether a credential may do what access says, now. A refusal is a
// Verdict; an error means that the answer is not known (keywright.ErrUnavailable) or
// withheld (*keywright.ThrottledError).
func (a *Authority) Verify(ctx context.Context, c keywright.Credential, access keywright.Access) (Verdict, error) {
	panic("unwritten")
}

// Check is Verify for a caller that asks about somebody else's credential: it
// needs keywright:tokens:verify and hears only of tokens of its own account. With presented empty the caller asks about
// itself, which needs nothing.
func (a *Authority) Check(ctx context.Context, caller Caller, presented string, access keywright.Access) (Verdict, error) {
	panic("unwritten")
}
