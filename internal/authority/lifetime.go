package authority

import (
	"errors"
	"strings"
	"time"

	"github.com/keywright/keywright"
)

const (
	temporaryLifetime = 24 * time.Hour
	lastYear          = 9999
)

// lifetime is how long somebody asks a token to live: by name, until an
// instant, or for a duration. The zero lifetime is the account's default.
type lifetime struct {
	name string
	at   time.Time
	from string // the member that asked, for problems
}

// asked reports whether the request said anything of a lifetime.
func (l lifetime) asked() bool { return l.from != "" }

// lifetime reads the three members of which at most one may be set; nil is unset.
func (p *problems) lifetime(name, at *string, in *int64, now time.Time) lifetime {
	var asked []lifetime
	if name != nil {
		asked = append(asked, p.namedLifetime(*name))
	}
	if at != nil {
		asked = append(asked, lifetime{at: p.expiry(*at, now), from: "/expires_at"})
	}
	if in != nil {
		asked = append(asked, lifetime{at: p.span(*in, now), from: "/expires_in"})
	}
	if len(asked) > 1 {
		p.add(asked[1].from, "at most one of lifetime, expires_at and expires_in may be set")
	}
	if len(asked) == 0 {
		return lifetime{}
	}
	return asked[0]
}

func (p *problems) namedLifetime(name string) lifetime {
	switch name {
	case keywright.LifetimeDefault, keywright.LifetimeTemporary, keywright.LifetimePermanent:
	default:
		p.add("/lifetime", "must be default, temporary or permanent")
	}
	return lifetime{name: name, from: "/lifetime"}
}

// expiry reads when a token ends: an instant, or a date, which means through that day.
func (p *problems) expiry(text string, now time.Time) time.Time {
	at, err := parseEnd(text)
	if err != nil {
		p.add("/expires_at", "%v", err)
		return at
	}
	switch {
	case !now.Before(at):
		p.add("/expires_at", "is in the past")
	case at.Year() > lastYear:
		p.add("/expires_at", "is after the year %d", lastYear)
	}
	return at
}

// parseEnd reads an instant, or a date, which is its end: the start of the next day in UTC.
func parseEnd(text string) (time.Time, error) {
	at, day, err := parseInstant(text)
	if err == nil && day {
		at = at.AddDate(0, 0, 1)
	}
	return at, err
}

// span reads how long a token lives, in seconds.
func (p *problems) span(in int64, now time.Time) time.Time {
	limit := time.Date(lastYear, time.December, 31, 0, 0, 0, 0, time.UTC)
	switch {
	case in <= 0:
		p.add("/expires_in", "must be a positive number of seconds")
		return now
	case in > limit.Unix()-now.Unix():
		p.add("/expires_in", "ends after the year %d", lastYear)
		return now
	}
	// Not now.Add: a Duration holds 292 years.
	return time.UnixMicro(now.UnixMicro() + in*1e6).UTC()
}

// start reads when a token begins: an instant, or a date, which means from its start.
func (p *problems) start(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, _, err := parseInstant(text)
	if err != nil {
		p.add("/not_before", "%v", err)
	}
	return at
}

// parseInstant reads RFC 3339, or a date, which is its start in UTC.
func parseInstant(text string) (at time.Time, day bool, err error) {
	if at, err := time.Parse(time.DateOnly, text); err == nil && at.Year() > 0 {
		return at, true, nil
	}
	// UnmarshalText is strict where Parse is lenient.
	if err := at.UnmarshalText([]byte(text)); err != nil || strings.ContainsAny(text, "tz,") {
		return time.Time{}, false, errors.New("must be an instant as in RFC 3339, 2030-01-31T12:00:00Z, or a date, 2030-01-31")
	}
	at = at.UTC().Truncate(time.Microsecond)
	if at.Year() < 1 || at.Year() > lastYear {
		return time.Time{}, false, errors.New("must be in the years 1 to 9999")
	}
	return at, false, nil
}

// end is when a token that is renewed now ends, as the policy has it; zero is never. A lifetime by
// name gives way to what limits it, the policy's maximum and the giver's own end;
// one that was asked for exactly is refused by them.
func (l lifetime) end(p keywright.Policy, limit, now time.Time) (time.Time, error) {
	switch {
	case l.name == keywright.LifetimePermanent:
		return time.Time{}, permanentAllowed(p, l.from)
	case !l.at.IsZero():
		return l.at, withinMaximum(p, l, now)
	}
	span := seconds(p.DefaultLifetime)
	if l.name == keywright.LifetimeTemporary {
		if span = seconds(p.TemporaryLifetime); span <= 0 {
			span = temporaryLifetime
		}
	}
	end := earlier(after(now, span), after(now, seconds(p.MaxLifetime)), limit)
	if end.IsZero() {
		return end, permanentAllowed(p, "/expires_at")
	}
	return end, nil
}

func permanentAllowed(p keywright.Policy, member string) error {
	switch {
	case p.MaxLifetime > 0:
		return keywright.Invalid(member, "the account's policy allows at most %s", seconds(p.MaxLifetime))
	case p.ExpiryRequired:
		return keywright.Invalid(member, "the account's policy demands an expiry")
	}
	return nil
}

func withinMaximum(p keywright.Policy, l lifetime, now time.Time) error {
	if latest := after(now, seconds(p.MaxLifetime)); !endsBy(latest, l.at) {
		return keywright.Invalid(l.from, "the account's policy allows at most %s, until %s",
			seconds(p.MaxLifetime), latest.Format(time.RFC3339))
	}
	return nil
}

// after is the instant a span after t; zero, which is never, for no span.
func after(t time.Time, span time.Duration) time.Time {
	if span <= 0 {
		return time.Time{}
	}
	return t.Add(span)
}

// earlier is the first of some ends; zero is never.
func earlier(ends ...time.Time) time.Time {
	var first time.Time
	for _, t := range ends {
		if first.IsZero() || !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}
