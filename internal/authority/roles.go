package authority

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// The scopes that guard the management API.
const (
	tokensRead    = "keywright:tokens:read"
	tokensWrite   = "keywright:tokens:write"
	tokensVerify  = "keywright:tokens:verify"
	tokensReveal  = "keywright:tokens:reveal"
	spacesRead    = "keywright:spaces:read"
	spacesWrite   = "keywright:spaces:write"
	membersRead   = "keywright:members:read"
	membersWrite  = "keywright:members:write"
	policyRead    = "keywright:policy:read"
	policyWrite   = "keywright:policy:write"
	auditRead     = "keywright:audit:read"
	usersRead     = "keywright:users:read"
	usersWrite    = "keywright:users:write"
	accountsRead  = "keywright:accounts:read"
	accountsWrite = "keywright:accounts:write"
)

// reservedScopes lists every scope that guards something.
func reservedScopes() []string {
	return []string{
		tokensRead, tokensWrite, tokensVerify, tokensReveal, spacesRead, spacesWrite, membersRead, membersWrite,
		policyRead, policyWrite, auditRead, usersRead, usersWrite, accountsRead, accountsWrite,
	}
}

// The roles a person can have.
const (
	roleOperator = "operator" // on the instance
	roleAdmin    = "admin"    // on an account
	roleAuditor  = "auditor"
	roleOwner    = "owner" // on a space
	roleManager  = "manager"
	roleReader   = "reader"
)

// roleScopes is what a role lets a person do, where it was given.
func roleScopes(name string) []string {
	switch name {
	case roleOperator:
		return []string{"keywright:**"}
	case roleAdmin:
		return []string{
			"keywright:tokens:*", "keywright:spaces:*", "keywright:members:*", "keywright:policy:*",
			"keywright:audit:*", "keywright:users:*", accountsRead,
		}
	case roleAuditor:
		return []string{tokensRead, spacesRead, membersRead, policyRead, auditRead, usersRead, accountsRead}
	case roleOwner:
		return []string{tokensRead, tokensWrite, tokensVerify, tokensReveal, spacesRead, membersRead, membersWrite}
	case roleManager:
		return []string{tokensRead, tokensWrite, tokensVerify, tokensReveal, spacesRead, membersRead}
	case roleReader:
		return []string{tokensRead, spacesRead}
	}
	return nil
}

// roleLevel says where a role is given: "instance", "account", "space"; empty for no role.
func roleLevel(name string) string {
	switch name {
	case roleOperator:
		return "instance"
	case roleAdmin, roleAuditor:
		return "account"
	case roleOwner, roleManager, roleReader:
		return "space"
	}
	return ""
}

// place is an account, or, with a space, that space of it.
type place struct{ account, space string }

func (p place) String() string {
	if p.space == "" {
		return "account " + p.account
	}
	return "space " + p.space + " of account " + p.account
}

// placeOf is where one must have a say to have one over the token: a space
// token is its space's matter, any other its account's.
func placeOf(f keywright.Facts) place {
	if f.Kind == keywright.KindSpace {
		return place{f.Account, f.Space}
	}
	return place{account: f.Account}
}

// holdsAt reports whether a role extends to a place: an account's to its spaces
// and its child accounts, a space's to nothing else.
func holdsAt(r store.Role, at place) bool {
	switch {
	case r.Account == "":
		return r.Name == roleOperator
	case r.Space == "":
		return at.account == r.Account || strings.HasSuffix(at.account, "@"+r.Account)
	}
	return at == place{r.Account, r.Space}
}

// scopesOf is what the roles together let a person do, and more.
func scopesOf(roles []store.Role, more ...string) keywright.Scopes {
	list := slices.Clone(more)
	for _, r := range roles {
		list = append(list, roleScopes(r.Name)...)
	}
	return scopes(list...)
}

// rolesAt chooses the roles that extend to a place.
func rolesAt(roles []store.Role, at place) []store.Role {
	return slices.DeleteFunc(slices.Clone(roles), func(r store.Role) bool { return !holdsAt(r, at) })
}

// scopes reads scopes that are written in this program.
func scopes(list ...string) keywright.Scopes {
	set, err := keywright.ParseScopes(list...)
	if err != nil {
		panic(fmt.Sprintf("authority: a scope of the program itself: %v", err))
	}
	return set
}
