package console

import (
	"github.com/a-h/templ"

	"github.com/keywright/keywright"
)

// The scopes that say who may go where.
const (
	accountsRead = "keywright:accounts:read"
	auditRead    = "keywright:audit:read"
	tokensRead   = "keywright:tokens:read"
	tokensWrite  = "keywright:tokens:write"
	tokensReveal = "keywright:tokens:reveal"
	spacesRead   = "keywright:spaces:read"
	spacesWrite  = "keywright:spaces:write"
	membersRead  = "keywright:members:read"
	membersWrite = "keywright:members:write"
	policyRead   = "keywright:policy:read"
	policyWrite  = "keywright:policy:write"
	usersRead    = "keywright:users:read"
	usersWrite   = "keywright:users:write"
)

// outcome answers an act: with the page to go on to, or, where the error is about what was asked for, with the form once more,
// which tells it.
func outcome(err error, f *form, next, done string, again func() templ.Component, as ...string) (answer, error) {
	switch {
	case err == nil:
		return goOn(next, done), nil
	case f.take(err, as...):
		t, _ := translate(err)
		return show(t.title, again()).with(t.status), nil
	}
	return answer{}, err
}

// roleHelp is a role with what it lets do.
type roleHelp struct{ name, help string }

// accountRoles are the roles that are given on an account and its spaces.
func accountRoles() []roleHelp {
	return []roleHelp{
		{"admin", "Everything in the account: its tokens, spaces, people and policy."},
		{"auditor", "Reads everything in the account, with the audit trail, and changes nothing."},
		{"owner", "Manages the tokens of one space, and who belongs to it."},
		{"manager", "Manages the tokens of one space."},
		{"reader", "Sees the tokens of one space."},
	}
}

// spaceRoles are those of a space.
func spaceRoles() []roleHelp { return accountRoles()[2:] }

func roleOptions(roles []roleHelp) []option {
	options := make([]option, len(roles))
	for i, r := range roles {
		options[i] = option{r.name, sentenceCase(r.name)}
	}
	return options
}

// roleWords says a role and where.
func roleWords(r keywright.Role) string {
	switch {
	case r.Account == "":
		return r.Name + " of the instance"
	case r.Space == "":
		return r.Name + " of the account " + r.Account
	}
	return r.Name + " of the space " + r.Space
}
