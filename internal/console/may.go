package console

// The scopes that say who may go where.
const (
	auditRead    = "keywright:audit:read"
	tokensRead   = "keywright:tokens:read"
	tokensWrite  = "keywright:tokens:write"
	tokensReveal = "keywright:tokens:reveal"
)
