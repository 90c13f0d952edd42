package main

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/keywright/keywright"
)

// tokenCmd holds the commands of tokens.
type tokenCmd struct {
	Create         tokenCreateCmd         `cmd:"" help:"Issue a token; its secret is shown this once."`
	List           tokenListCmd           `cmd:"" aliases:"ls" help:"List tokens."`
	Show           tokenShowCmd           `cmd:"" help:"Show one token."`
	Usage          tokenUsageCmd          `cmd:"" help:"Show how often a token was used, by day or hour."`
	Explain        tokenExplainCmd        `cmd:"" help:"Say, rule by rule, what would become of an attempt with a token."`
	Edit           tokenEditCmd           `cmd:"" help:"Change a token's label, scopes, audience, networks, metadata or expiry."`
	Disable        tokenDisableCmd        `cmd:"" help:"Stop a token, and those it made, until it is enabled."`
	Enable         tokenEnableCmd         `cmd:"" help:"Let a disabled token work again."`
	Rotate         tokenRotateCmd         `cmd:"" help:"Give a token a new secret; the old one lives on for an overlap."`
	CancelRotation tokenCancelRotationCmd `cmd:"" help:"End a running rotation: the new secret dies, the old one stays."`
	Revoke         tokenRevokeCmd         `cmd:"" help:"End a token, and those it made, for good; it stays listed."`
	Delete         tokenDeleteCmd         `cmd:"" aliases:"rm" help:"Remove a token; those it made are revoked."`
	Bulk           tokenBulkCmd           `cmd:"" help:"Disable, revoke or delete every token a filter chooses."`
	Import         tokenImportCmd         `cmd:"" help:"Take over keys that somebody else made: from a file, or one from standard input."`
	Reveal         tokenRevealCmd         `cmd:"" help:"Print the API key of a recoverable token; leaves an event."`
}

// The same commands with the verb in front, for those whose fingers know them so.
type (
	registerCmd struct {
		Token registerTokenCmd `cmd:"" help:"As token create, with the flags and words of Meerschaum."`
	}
	showCmd struct {
		Tokens tokenListCmd `cmd:"" help:"As token list."`
		Token  tokenShowCmd `cmd:"" help:"As token show."`
	}
	editCmd struct {
		Tokens editTokensCmd `cmd:"" aliases:"token" help:"As token edit; without flags it asks."`
	}
	deleteCmd struct {
		Token tokenDeleteCmd `cmd:"" aliases:"tokens" help:"As token delete."`
	}
)

// newTokenFlags describe a token that is to be made.
type newTokenFlags struct {
	Label       string            `help:"Name for people; a random adjective-noun if none is given."`
	Kind        string            `enum:",account,space,manager" default:"" placeholder:"KIND" help:"account, space or manager (default: space if --space is given, else account)."`
	Account     string            `placeholder:"NAME" help:"Account that gets the token (default: your own)."`
	Space       string            `placeholder:"NAME" help:"Space that gets the token."`
	Owner       string            `placeholder:"USERNAME" help:"Whose token it is (default: yours)."`
	Scope       []string          `sep:"none" help:"What it may do, such as invoices:read; repeat for more. None: no access."`
	Audience    []string          `sep:"none" placeholder:"API" help:"API it is for; repeat for more."`
	CIDR        []string          `name:"cidr" sep:"none" placeholder:"NETWORK" help:"Network it may be used from; repeat for more."`
	Metadata    map[string]string `mapsep:"none" help:"Something to remember, as key=value; repeat for more."`
	NotBefore   string            `placeholder:"DATE" help:"When it begins to work."`
	Recoverable bool              `help:"Keep a sealed copy of the key, so that it can be revealed; the policy must allow it."`
	lifetime
}

func (f newTokenFlags) request() (keywright.NewToken, error) {
	name, at, seconds, err := f.lifetime.asked()
	if err != nil {
		return keywright.NewToken{}, err
	}
	var kind keywright.Kind
	if f.Kind != "" {
		if err := kind.UnmarshalText([]byte(f.Kind)); err != nil {
			return keywright.NewToken{}, err
		}
	}
	return keywright.NewToken{
		Label:        f.Label,
		Kind:         kind,
		Account:      f.Account,
		Space:        f.Space,
		Owner:        f.Owner,
		Scopes:       f.Scope,
		Audience:     f.Audience,
		AllowedCIDRs: f.CIDR,
		Metadata:     f.Metadata,
		Lifetime:     name,
		ExpiresAt:    at,
		ExpiresIn:    seconds,
		NotBefore:    f.NotBefore,
		Recoverable:  f.Recoverable,
	}, nil
}

// given reports whether any of the flags is.
func (f newTokenFlags) given() bool { return !reflect.ValueOf(f).IsZero() }

// showToken writes everything on file about a token.
func showToken(h *host, w io.Writer, t keywright.Token) {
	fields(w,
		"Token", name(t),
		"Client ID", t.ID.String(),
		"State", h.paintState(t.State)+because(t),
		"Kind", t.Kind.String(),
		"Account", printable(t.Account),
		"Space", printable(t.Space),
		"Owner", printable(t.Owner),
		"Scopes", noneIfEmpty(list(t.Scopes.Strings()), "none: no access"),
		"Implied by them", printable(list(t.Implied.Strings())),
		"Audience", noneIfEmpty(list(t.Audience), "any that names none"),
		"Networks", noneIfEmpty(networks(t), "any"),
		"Metadata", metadata(t.Metadata),
		"Not before", instantOr(t.NotBefore, ""),
		"Expires", instantOr(t.ExpiresAt, "never"),
		"Created", instant(t.CreatedAt)+" by "+printable(t.CreatedBy),
		"Renewed", instant(t.RenewedAt),
		"Old secret works until", instantOr(t.RotatingUntil, ""),
		"Last used", lastUse(h, t),
		"Made by token", parent(t),
		"Recoverable", yes(t.Recoverable),
		"Imported", yes(t.Imported),
	)
}

// name is what a person calls a token.
func name(t keywright.Token) string { return fmt.Sprintf("#%d %s", t.Number, printable(t.Label)) }

func because(t keywright.Token) string {
	if t.RevokedReason == "" {
		return ""
	}
	return " (" + printable(t.RevokedReason) + ")"
}

func lastUse(h *host, t keywright.Token) string {
	if t.LastUsedAt == nil {
		return "never"
	}
	seen := ""
	for _, part := range [][2]string{{" from ", t.LastUsedFrom}, {" by ", t.LastUsedAgent}, {" at the door ", t.LastUsedDoor}} {
		if part[1] != "" {
			seen += part[0] + printable(part[1])
		}
	}
	return fmt.Sprintf("%s%s, %d times in all", ago(h.Now(), t.LastUsedAt), seen, t.Uses)
}

func noneIfEmpty(s, none string) string {
	if s == "" {
		return none
	}
	return printable(s)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func parent(t keywright.Token) string {
	if t.Parent == nil {
		return ""
	}
	return t.Parent.String()
}

func networks(t keywright.Token) string {
	var b []string
	for _, p := range t.AllowedCIDRs {
		b = append(b, p.String())
	}
	return list(b)
}

func metadata(m map[string]string) string {
	var b []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = append(b, printable(k+"="+m[k]))
	}
	return strings.Join(b, ", ")
}
