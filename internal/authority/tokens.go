package authority

import (
	"context"
	"time"

	"github.com/keywright/keywright"
)

// Issue makes a token. With an idempotency key, a retry gets the same answer, secret
// included, for an hour; the same key with another request is keywright.ErrConflict.
func (a *Authority) Issue(ctx context.Context, caller Caller, req keywright.NewToken, idempotencyKey string) (keywright.Issued, error) {
	panic("unwritten")
}

// IssueBatch makes up to 1000 tokens, all or none.
func (a *Authority) IssueBatch(ctx context.Context, caller Caller, reqs []keywright.NewToken, idempotencyKey string) ([]keywright.Issued, error) {
	panic("unwritten")
}

// ImportOutcome is what became of one line of an import.
type ImportOutcome struct {
	Token *keywright.Token
	Err   error
}

// Import makes a token from somebody else's key.
func (a *Authority) Import(ctx context.Context, caller Caller, req keywright.ImportToken) (keywright.Token, error) {
	panic("unwritten")
}

// ImportBatch imports up to 1000 lines, each by itself: a refused line does not hinder the others. The error is about
// the caller or the database; what is wrong with a line is in its outcome.
func (a *Authority) ImportBatch(ctx context.Context, caller Caller, reqs []keywright.ImportToken) ([]ImportOutcome, error) {
	panic("unwritten")
}

// Token returns one token.
func (a *Authority) Token(ctx context.Context, caller Caller, id keywright.ID) (keywright.Token, error) {
	panic("unwritten")
}

// Tokens returns a page of the tokens that the caller may see.
func (a *Authority) Tokens(ctx context.Context, caller Caller, q keywright.TokenQuery) (keywright.Page[keywright.Token], error) {
	panic("unwritten")
}

// Edit changes what the request names.
func (a *Authority) Edit(ctx context.Context, caller Caller, id keywright.ID, req keywright.EditToken) (keywright.Token, error) {
	panic("unwritten")
}

// Disable stops a token and its descendants until they are enabled.
func (a *Authority) Disable(ctx context.Context, caller Caller, id keywright.ID) (keywright.Token, error) {
	panic("unwritten")
}

// Enable lets a disabled token work again, and those descendants that were disabled with it.
func (a *Authority) Enable(ctx context.Context, caller Caller, id keywright.ID) (keywright.Token, error) {
	panic("unwritten")
}

// Rotate gives the token a new secret and leaves the old one alive for the overlap (nil: 24 hours; 0: not at all).
func (a *Authority) Rotate(ctx context.Context, caller Caller, id keywright.ID, overlap *time.Duration, idempotencyKey string) (keywright.Issued, error) {
	panic("unwritten")
}

// CancelRotation ends a running rotation: the new secret dies, the old one stays.
func (a *Authority) CancelRotation(ctx context.Context, caller Caller, id keywright.ID) (keywright.Token, error) {
	panic("unwritten")
}

// Revoke ends a token and its descendants for good.
func (a *Authority) Revoke(ctx context.Context, caller Caller, id keywright.ID, reason string) (keywright.Token, error) {
	panic("unwritten")
}

// Delete removes a token; its descendants are revoked.
func (a *Authority) Delete(ctx context.Context, caller Caller, id keywright.ID) (keywright.Revision, error) {
	panic("unwritten")
}

// Bulk changes every token a filter chooses, all or none.
func (a *Authority) Bulk(ctx context.Context, caller Caller, req keywright.BulkChange) (keywright.BulkResult, error) {
	panic("unwritten")
}

// Reveal returns the API key of a recoverable token and leaves an event.
func (a *Authority) Reveal(ctx context.Context, caller Caller, id keywright.ID) (keywright.Secret, error) {
	panic("unwritten")
}
