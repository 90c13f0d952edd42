package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright"
)

// ago says in words when something happened or will, as seen from now.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	if d < 0 {
		return "in " + span(-d)
	}
	if d < 45*time.Second {
		return "just now"
	}
	return span(d) + " ago"
}

// span says a duration in its largest unit, as a person would round it.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		from, of time.Duration
		name     string
	}{
		{2 * 365 * day, 365 * day, "year"},
		{60 * day, 30 * day, "month"},
		{2 * day, day, "day"},
		{90 * time.Minute, time.Hour, "hour"},
		{90 * time.Second, time.Minute, "minute"},
	} {
		if d >= unit.from {
			return count(int64((d+unit.of/2)/unit.of), unit.name)
		}
	}
	return "a minute"
}

// count is a number and what is counted, in the plural unless it is one.
func count(n int64, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return number(n) + " " + of + "s"
}

// number has a thin space between each three digits.
func number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && len(digits) > 4 {
			b.WriteRune('\u202F')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// exactly is an instant as it is shown on hover.
func exactly(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 UTC") }

// machine is an instant as programs read it.
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// seconds says a number of seconds as it was meant: 7776000 is 90 days.
func seconds(n int64) string {
	for _, unit := range []struct {
		of   int64
		name string
	}{{86400, "day"}, {3600, "hour"}, {60, "minute"}} {
		if n >= unit.of && n%unit.of == 0 {
			return count(n/unit.of, unit.name)
		}
	}
	return count(n, "second")
}

// numbered is "#7".
func numbered(n int64) string { return fmt.Sprintf("#%d", n) }

// plain is a number as programs write it.
func plain(n int64) string { return strconv.FormatInt(n, 10) }

// deviceOf says which program, and on which system, a session was begun with, as far as it tells.
func deviceOf(agent string) string {
	system := firstIn(agent, "Android", "iPhone", "iPad", "Windows", "Macintosh", "CrOS", "Linux")
	program := firstIn(agent, "Firefox/", "Edg/", "OPR/", "Chrome/", "Safari/", "curl/", "keywright/")
	names := strings.NewReplacer("Macintosh", "macOS", "CrOS", "ChromeOS", "Edg", "Edge", "OPR", "Opera")
	switch program = names.Replace(strings.TrimSuffix(program, "/")); {
	case program == "" && agent == "":
		return "An unknown program"
	case program == "":
		first, _, _ := strings.Cut(agent, " ")
		return first
	case system == "":
		return program
	}
	return program + " on " + names.Replace(system)
}

// firstIn is the first of the words that the text has.
func firstIn(text string, words ...string) string {
	for _, word := range words {
		if strings.Contains(text, word) {
			return word
		}
	}
	return ""
}

// placeWords say where a role was given.
func placeWords(r keywright.Role) string {
	switch {
	case r.Account == "":
		return "the instance"
	case r.Space == "":
		return "account " + r.Account
	}
	return "space " + r.Space + " of account " + r.Account
}
