package console

import (
	"cmp"
	"strconv"
)

const day = 24 * 60 * 60 // seconds

// life is a choice of how long a token is to live.
type life struct {
	value, title string
	not          string // why the policy does not allow it
}

// lives are the choices, with what the policy has against each.
func (f tokenForm) lives() []life {
	p := f.policy
	lives := []life{
		{value: "default", title: "Default (" + orNever(p.DefaultLifetime, p.MaxLifetime) + ")"},
		{value: strconv.Itoa(day), title: "24 hours"},
		{value: strconv.Itoa(30 * day), title: "30 days"},
		{value: strconv.Itoa(90 * day), title: "90 days"},
		{value: strconv.Itoa(365 * day), title: "365 days"},
		{value: "date", title: "A date"},
		{value: "permanent", title: "Never"},
	}
	if f.token != nil {
		lives = append([]life{{value: keep, title: "As it is"}}, lives...)
	}
	for i, l := range lives {
		span, err := strconv.ParseInt(l.value, 10, 64)
		switch {
		case err == nil && p.MaxLifetime > 0 && span > p.MaxLifetime:
			lives[i].not = "the policy allows at most " + seconds(p.MaxLifetime)
		case l.value == "permanent" && p.MaxLifetime > 0:
			lives[i].not = "the policy allows at most " + seconds(p.MaxLifetime)
		case l.value == "permanent" && p.ExpiryRequired:
			lives[i].not = "the policy demands an expiry"
		case l.value == "permanent" && p.MaxPermanent == 0:
			lives[i].not = "the policy allows no permanent tokens"
		}
	}
	return lives
}

func orNever(span, most int64) string {
	switch {
	case most > 0 && (span == 0 || span > most):
		return seconds(most)
	case span == 0:
		return "no expiry"
	}
	return seconds(span)
}

// refusedLives says why some of the choices cannot be made.
func (f tokenForm) refusedLives() string {
	for _, l := range f.lives() {
		if l.not != "" {
			return "Some are not to be chosen: " + l.not + "."
		}
	}
	return ""
}

// lifetime is what was chosen, as the authority is asked for it.
func (f tokenForm) lifetime() (name, at string, in int64) {
	switch chosen := f.get("lifetime"); chosen {
	case "default", "":
		return "", "", 0
	case "date":
		return "", cmp.Or(f.trimmed("date"), "none"), 0 // which is refused: a date that is missing is not the default
	case "permanent":
		return "permanent", "", 0
	default:
		span, err := strconv.ParseInt(chosen, 10, 64)
		if err != nil {
			return chosen, "", 0 // refused as what it is
		}
		return "", "", span
	}
}
