package main

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// lifetime is how long a token shall live; at most one of the flags is given.
type lifetime struct {
	Expires   string `xor:"lifetime" placeholder:"DATE|DURATION" help:"When it ends: a date (2027-01-31: through that day, UTC), a time (RFC 3339) or from now on (30d, 12h, 90m, 2w)."`
	Temporary bool   `xor:"lifetime" help:"Let it live for the account's temporary lifetime (24 hours unless set)."`
	Permanent bool   `xor:"lifetime" help:"Let it never expire."`
}

// asked returns the three members in which the API takes a lifetime; all are zero if no flag was given.
func (l lifetime) asked() (name, at string, seconds int64, err error) {
	switch {
	case l.Temporary:
		return "temporary", "", 0, nil
	case l.Permanent:
		return "permanent", "", 0, nil
	case l.Expires == "":
		return "", "", 0, nil
	case datePattern.MatchString(l.Expires):
		return "", l.Expires, 0, nil // whether the day exists and is to come, the server says
	}
	d, err := parseDuration(l.Expires)
	if err == nil && d < time.Second {
		err = usagef("--expires %s: a token cannot end before it begins", printable(l.Expires))
	}
	return "", "", int64(d / time.Second), err
}

var (
	datePattern     = regexp.MustCompile(`^\d{4,}-\d{2}-\d{2}`)
	durationPattern = regexp.MustCompile(`^(\d+[wdhms])+$`)
	durationPart    = regexp.MustCompile(`(\d+)([wdhms])`)
)

// parseDuration reads 30d, 12h, 1d12h …: whole numbers of weeks, days, hours, minutes and seconds; 0 alone is none.
func parseDuration(s string) (time.Duration, error) {
	if s == "0" {
		return 0, nil
	}
	if !durationPattern.MatchString(s) {
		return 0, usagef("%q is no duration: write 30d, 12h, 90m, 2w or 1d12h", printable(s))
	}
	units := map[string]time.Duration{
		"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second,
	}
	var total time.Duration
	for _, part := range durationPart.FindAllStringSubmatch(s, -1) {
		n, err := strconv.ParseInt(part[1], 10, 64)
		unit := units[part[2]]
		if err != nil || n > int64((1<<63-1-total)/unit) {
			return 0, usagef("%q is longer than can be counted", printable(s))
		}
		total += time.Duration(n) * unit
	}
	return total, nil
}

// formatSeconds writes a lifetime of a policy the way parseDuration reads it.
func formatSeconds(seconds int64) string {
	var b strings.Builder
	for _, u := range []struct {
		name string
		size int64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}} {
		if n := seconds / u.size; n > 0 {
			b.WriteString(strconv.FormatInt(n, 10) + u.name)
			seconds -= n * u.size
		}
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}
