package gateway

import (
	"strings"

	"github.com/keywright/keywright"
)

// defaultAccount is whose tokens pass where the proxy's configuration names no account: another tenant's are no good at
// somebody's API.
const defaultAccount = "default"

// Need is what a proxy's configuration demands of the requests that it asks about. It is never changed.
type Need struct {
	access keywright.Access
	rules  string // the name of the rules that say the rest; empty: nothing more is demanded
}

// Need reads what ParseNeed reads, once for each text.
func (j *Judge) Need(pairs string) (*Need, error) {
	if n, ok := j.needs.get(pairs); ok {
		return n, nil
	}
	n, err := ParseNeed(pairs)
	if err == nil {
		j.needs.put(strings.Clone(pairs), n)
	}
	return n, err
}

// ParseNeed reads NAME/VALUE pairs with slashes between: account, space and audience at most once each, scope as often as there
// are scopes to be covered; or account and rules, which say the rest for each request. An error is a *keywright.InvalidError.
func ParseNeed(pairs string) (*Need, error) {
	n := &Need{access: keywright.Access{Account: defaultAccount}}
	seen := map[string]bool{}
	for rest := strings.TrimSuffix(pairs, "/"); rest != ""; {
		var name, value string
		name, rest, _ = strings.Cut(rest, "/")
		value, rest, _ = strings.Cut(rest, "/")
		if value == "" {
			return nil, keywright.Invalid("path", "%s has no value", name)
		}
		if seen[name] && name != "scope" {
			return nil, keywright.Invalid("path", "%s is there twice", name)
		}
		seen[name] = true
		if err := n.set(name, value); err != nil {
			return nil, err
		}
	}
	if n.rules != "" && (n.access.Space != "" || n.access.Audience != "" || len(n.access.Scopes) > 0) {
		return nil, keywright.Invalid("path", "rules go with account alone: they say the rest")
	}
	return n, nil
}

func (n *Need) set(name, value string) error {
	switch name {
	case "account":
		n.access.Account = value
	case "space":
		n.access.Space = value
	case "audience":
		n.access.Audience = value
	case "rules":
		n.rules = value
	case "scope":
		scope, err := keywright.ParseScope(value)
		if err != nil {
			return keywright.Invalid("path", "%s", err)
		}
		n.access.Scopes = append(n.access.Scopes, scope)
	default:
		return keywright.Invalid("path", "%q is not known here: want account, space, audience, scope or rules", name)
	}
	return nil
}
