package console

import (
	"slices"
	"strings"
)

// destination is a line of the sidebar.
type destination struct {
	title, icon string
	below       string // in the account
	needs       string // the scope, in the account or one of its spaces; empty: none
}

// navigation is where one can go in an account.
func navigation() []destination {
	return []destination{
		{"Overview", "home", "/", ""},
		{"Tokens", "key", "/tokens", tokensRead},
		{"Spaces", "layers", "/spaces", spacesRead},
		{"People", "users", "/people", usersRead},
		{"Audiences", "book", "/audiences", policyRead},
		{"Policy", "shield", "/policy", policyRead},
		{"Webhooks", "hook", "/webhooks", policyRead},
		{"Audit trail", "list", "/events", auditRead},
		{"Settings", "gear", "/settings", accountsRead},
	}
}

// instancePages are where an operator can go that is in no account.
func instancePages() []destination {
	return []destination{
		{"Accounts", "accounts", "/accounts", ""},
		{"Operators", "star", "/operators", ""},
	}
}

// on reports whether the visit is at a page that is in no account, or below it.
func (v *visit) on(d destination) bool {
	return v.r.URL.Path == root+d.below || strings.HasPrefix(v.r.URL.Path, root+d.below+"/")
}

// destinations are those that the person can go to.
func (v *visit) destinations() []destination {
	return slices.DeleteFunc(navigation(), func(d destination) bool {
		return d.needs != "" && !v.who.MaySomewhere(d.needs)
	})
}

// within reports whether the visit is at a destination or below it.
func (v *visit) within(d destination) bool {
	here, there := v.r.URL.Path, root+"/a/"+v.account+d.below // a page that is no account's is at none of them
	if d.below == "/" {
		return here == there
	}
	return here == there || strings.HasPrefix(here, there+"/")
}

// ownAccounts are the accounts in which the person has a role, by name, and the one that it is in.
func (v *visit) ownAccounts() []string {
	names := []string{}
	if v.account != "" {
		names = append(names, v.account)
	}
	for _, r := range v.who.Roles {
		if r.Account != "" {
			names = append(names, r.Account)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// hasMore reports whether there may be accounts besides: a role on the instance reaches all, one on an account its children.
func (v *visit) hasMore() bool {
	for _, r := range v.who.Roles {
		if r.Space == "" {
			return true
		}
	}
	return false
}
