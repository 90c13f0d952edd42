package authority

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/keywright/keywright"
)

// How much of each thing a token may have.
const (
	maxLabelRunes    = 100
	maxLabelBytes    = 400
	maxReasonRunes   = 200
	maxScopes        = 256
	maxScopeBytes    = 512
	maxAudience      = 64
	maxAudienceBytes = 256
	maxNetworks      = 64
	maxMetadata      = 64
	maxMetadataBytes = 512
	maxNameBytes     = 64
)

// problems gathers what is wrong with a request, so that it is all told at once.
type problems []keywright.Problem

func (p *problems) add(member, reason string, args ...any) {
	*p = append(*p, keywright.Problem{Member: member, Reason: fmt.Sprintf(reason, args...)})
}

// err is nil if nothing is wrong.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &keywright.InvalidError{Problems: p}
}

// beneath moves what is wrong with one of several requests below the member that holds it.
func beneath(base string, err error) error {
	var invalid *keywright.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	moved := slices.Clone(invalid.Problems)
	for i := range moved {
		moved[i].Member = base + moved[i].Member
	}
	return &keywright.InvalidError{Problems: moved}
}

// unclean reports whether a character has no business in a line that people read:
// it controls, is invisible, or turns the direction of what follows.
func unclean(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

// text reads a line for people: in NFC, without white space around it.
func (p *problems) text(member, s string, runes, bytes int) string {
	if len(s) > 4*bytes || !utf8.ValidString(s) {
		p.add(member, "must be UTF-8 text of at most %d characters", runes)
		return ""
	}
	if i := strings.IndexFunc(s, unclean); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		p.add(member, "holds the character %U at byte %d, which cannot be seen", r, i)
		return ""
	}
	s = norm.NFC.String(strings.TrimSpace(s))
	if utf8.RuneCountInString(s) > runes || len(s) > bytes {
		p.add(member, "must have at most %d characters and %d bytes", runes, bytes)
		return ""
	}
	return s
}

func (p *problems) label(s string) string { return p.text("/label", s, maxLabelRunes, maxLabelBytes) }

func (p *problems) reason(s string) string {
	return p.text("/reason", s, maxReasonRunes, 4*maxReasonRunes)
}

// scopes reads a token's scopes.
func (p *problems) scopes(member string, list []string) keywright.Scopes {
	if len(list) > maxScopes {
		p.add(member, "has %d scopes; at most %d are allowed", len(list), maxScopes)
		return nil
	}
	for i, text := range list {
		at := fmt.Sprintf("%s/%d", member, i)
		if len(text) > maxScopeBytes {
			p.add(at, "is longer than %d bytes", maxScopeBytes)
		} else if scope, err := keywright.ParseScope(text); err != nil {
			p.add(at, "%v", err)
		} else if scope.Reserved() && !guards(scope) {
			p.add(at, "%q is not one of Keywright's own scopes: %s", text, strings.Join(reservedScopes(), ", "))
		}
	}
	set, err := keywright.ParseScopes(list...)
	if err != nil && len(*p) == 0 {
		p.add(member, "%v", err)
	}
	return set
}

// guards reports whether a reserved scope covers one that guards something.
func guards(scope keywright.Scope) bool {
	return slices.ContainsFunc(scopes(reservedScopes()...), scope.Covers)
}

// audience reads the names of APIs, sorted, without repeats.
func (p *problems) audience(member string, list []string) []string {
	if len(list) > maxAudience {
		p.add(member, "has %d audiences; at most %d are allowed", len(list), maxAudience)
		return nil
	}
	for i, name := range list {
		if !isName(name) && !isAbsoluteURI(name) {
			p.add(fmt.Sprintf("%s/%d", member, i),
				"must be a name of at most %d letters, digits, '.', '_' or '-', or an absolute URI without fragment", maxNameBytes)
		}
	}
	return distinct(list, strings.Compare)
}

// isName reports whether s is [A-Za-z0-9][A-Za-z0-9._-]{0,63}.
func isName(s string) bool {
	return len(s) > 0 && len(s) <= maxNameBytes && alphanumeric(s[0]) && isKey(s)
}

// isKey reports whether s is [A-Za-z0-9._-]{1,64}.
func isKey(s string) bool {
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= maxNameBytes
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// isAbsoluteURI reports whether s can be a resource indicator (RFC 8707 section 2).
func isAbsoluteURI(s string) bool {
	if len(s) > maxAudienceBytes || !graphic(s) || strings.Contains(s, "#") {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && (u.Host != "" || u.Opaque != "") && u.User == nil
}

// graphic reports whether s is printable ASCII without spaces.
func graphic(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// networks reads CIDRs and single addresses, sorted, without repeats.
func (p *problems) networks(member string, list []string) []netip.Prefix {
	if len(list) > maxNetworks {
		p.add(member, "has %d networks; at most %d are allowed", len(list), maxNetworks)
		return nil
	}
	nets := make([]netip.Prefix, 0, len(list))
	for i, text := range list {
		net, err := parseNetwork(text)
		if err != nil {
			p.add(fmt.Sprintf("%s/%d", member, i), "%v", err)
			continue
		}
		nets = append(nets, net)
	}
	return distinct(nets, netip.Prefix.Compare)
}

func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	net, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return net, errors.New("must be a network such as 192.0.2.0/24 or 2001:db8::/32, or a single address")
	case net.Addr().Is4In6():
		return net, errors.New("must be written as an IPv4 network")
	case net != net.Masked():
		return net, fmt.Errorf("has bits set beyond its length; the network is %s", net.Masked())
	}
	return net, nil
}

// metadata reads a token's own pairs.
func (p *problems) metadata(pairs map[string]string) map[string]string {
	if len(pairs) > maxMetadata {
		p.add("/metadata", "has %d pairs; at most %d are allowed", len(pairs), maxMetadata)
		return nil
	}
	clean := make(map[string]string, len(pairs))
	for key, value := range pairs {
		if !isKey(key) {
			p.add("/metadata", "a key must have 1 to %d letters, digits, '.', '_' or '-'", maxNameBytes)
			continue
		}
		clean[key] = p.text("/metadata/"+key, value, maxMetadataBytes, maxMetadataBytes)
	}
	// A map has no order; an answer should have one.
	slices.SortStableFunc(*p, func(a, b keywright.Problem) int { return cmp.Compare(a.Member, b.Member) })
	return clean
}

// isSlug reports whether s is [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?: the name of a space, or of an account without its parent.
func isSlug(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// distinct sorts a copy of list and drops repeats; it is never nil.
func distinct[T comparable](list []T, compare func(a, b T) int) []T {
	sorted := append(make([]T, 0, len(list)), list...)
	slices.SortFunc(sorted, compare)
	return slices.Compact(sorted)
}
