package keywright

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"
)

// Finding is what one rule of Decide says of an attempt.
type Finding struct {
	Rule    Reason `json:"rule" doc:"What a refusal by it is called; undecided: the token is not known"`
	Refuses bool   `json:"refuses"`
	Missing string `json:"missing,omitempty" doc:"The first scope asked for that is not covered"`
	Detail  string `json:"detail"`
}

// Explanation is a verdict on an attempt, rule by rule, in the order in which they are asked; the first that
// refuses is the verdict's reason.
type Explanation struct {
	Valid  bool      `json:"valid"`
	Reason Reason    `json:"reason"`
	At     time.Time `json:"at" doc:"The instant of the attempt"`
	Rules  []Finding `json:"rules"`
}

// ExplainRequest asks what would become of an attempt with a token, as if its secret had been proved.
type ExplainRequest struct {
	Token      ID       `json:"token" doc:"The token's id"`
	Scopes     []string `json:"scopes,omitempty" doc:"Each must be covered"`
	Audience   string   `json:"audience,omitempty" doc:"The API that asks"`
	Space      string   `json:"space,omitempty" doc:"Whose data is asked for"`
	Address    string   `json:"address,omitempty" doc:"IP address from which the token is used"`
	At         string   `json:"at,omitempty" doc:"RFC 3339; default: now"`
	Management bool     `json:"management,omitempty" doc:"The attempt is at Keywright's own API"`
}

// Explain asks every rule of Decide, where Decide stops at the first refusal; they cannot disagree.
func Explain(f Facts, a Access, now time.Time) Explanation {
	e := Explanation{Reason: Decide(f, a, now).Reason, At: now}
	e.Valid = e.Reason == Allowed
	for _, rule := range rules {
		missing, refused := f.refuses(rule, &a, now)
		e.Rules = append(e.Rules, Finding{Rule: rule, Refuses: refused, Missing: missing.String(), Detail: f.detail(rule, &a)})
	}
	return e
}

// detail is what a rule looked at.
func (f *Facts) detail(rule Reason, a *Access) string {
	switch rule {
	case Undecided:
		return fmt.Sprintf("the token is on file: %t", !f.ID.IsZero() && f.Kind != 0)
	case Revoked:
		return "revoked: " + moment(f.RevokedAt, "no")
	case Expired:
		return fmt.Sprintf("its own expiry: %s; by the maximum lifetime: %s; unless it is used before: %s", moment(f.ExpiresAt, "never"),
			moment(after(f.RenewedAt, f.Tenant.MaxLifetime), "never"), moment(f.Lapses(), "never"))
	case NotYetValid:
		return "valid from: " + moment(f.NotBefore, "its start")
	case Disabled:
		return "disabled: " + moment(f.DisabledAt, "no")
	case Closed:
		return fmt.Sprintf("account and space are open: %t", f.Tenant.Open)
	case WrongKind:
		return fmt.Sprintf("a token of kind %s; at Keywright's own API: %t", f.Kind, a.Management)
	case WrongTenant:
		return fmt.Sprintf("it acts in account %s, space %s; asked for: %s", f.Account, f.Space, cmp.Or(a.Space, "no space"))
	case WrongAudience:
		return fmt.Sprintf("it is for %s%s; asked by: %s", cmp.Or(list(f.Audience), "those who name none"),
			f.limited(func(l Limit) string { return list(l.Audience) }), cmp.Or(a.Audience, "one who names none"))
	case WrongNetwork:
		return fmt.Sprintf("it may be used from %s%s; address: %s", cmp.Or(list(f.Networks), "anywhere"),
			f.limited(func(l Limit) string { return list(l.Networks) }), known(a.Address))
	case InsufficientScope:
		return fmt.Sprintf("it has %s%s; asked for: %s", cmp.Or(list(f.Scopes), "none"),
			f.limited(func(l Limit) string { return list(l.Scopes) }), cmp.Or(list(a.Scopes), "none"))
	}
	return ""
}

// limited tells what the policies allow.
func (f *Facts) limited(show func(Limit) string) (told string) {
	for _, l := range f.Tenant.Limits {
		if text := show(l); text != "" {
			told += ", of which the policy allows " + text
		}
	}
	return told
}

func list[T any](of []T) string {
	if len(of) == 0 {
		return ""
	}
	return fmt.Sprint(of)
}

func known(address netip.Addr) string {
	if !address.IsValid() {
		return "not known"
	}
	return address.String()
}

func moment(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func after(t time.Time, span time.Duration) time.Time {
	if span <= 0 {
		return time.Time{}
	}
	return t.Add(span)
}
