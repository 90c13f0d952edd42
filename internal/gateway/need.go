package gateway

import (
	"net/http"
	"strings"

	"github.com/keywright/keywright"
)

// defaultAccount is whose tokens pass where the proxy's configuration names no account: another tenant's are no good at
// somebody's API.
const defaultAccount = "default"

// need is what a proxy's configuration demands of the requests it asks about. It is never changed.
type need struct {
	access keywright.Access
	proxy  proxy
	rules  string // the name of the rules that say the rest; empty: the path has said it all
	shown  string // the scopes, for a challenge
}

// maxNeeds bounds how many are remembered. A proxy has a few; anybody who reaches this port could name more.
const maxNeeds = 4096

// need reads what the path says, once for each path.
func (s *Server) need(r *http.Request) (*need, error) {
	path := r.URL.Path
	if known, ok := s.needs.Load(path); ok {
		return known.(*need), nil
	}
	n, err := parseNeed(r.PathValue("proxy"), r.PathValue("need"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known < maxNeeds {
		s.known++
		s.needs.Store(strings.Clone(path), n)
	}
	return n, nil
}

// parseNeed reads NAME/VALUE pairs: account, space and audience at most once each, scope as often as there
// are scopes to be covered; or account and rules, which say the rest for each request.
func parseNeed(proxyName, pairs string) (*need, error) {
	p, ok := proxies[proxyName]
	if !ok {
		return nil, keywright.Invalid("path", "%q is no kind of proxy: want one of %s", proxyName, proxyNames())
	}
	n := &need{proxy: p, access: keywright.Access{Account: defaultAccount}}
	seen := map[string]bool{}
	for rest := strings.TrimSuffix(pairs, "/"); rest != ""; {
		var name, value string
		name, rest, _ = strings.Cut(rest, "/")
		value, rest, _ = strings.Cut(rest, "/")
		if name == p.end {
			break
		}
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
	n.shown = strings.Join(n.access.Scopes.Strings(), " ")
	return n, nil
}

func (n *need) set(name, value string) error {
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
