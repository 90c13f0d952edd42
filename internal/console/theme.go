package console

import (
	"context"
	"net/http"
	"slices"
)

// themes are how the pages may look; the first is as the system has it.
var themes = []string{"system", "light", "dark"}

// theme is what the person has chosen.
func (v *visit) theme() string {
	if c, err := v.r.Cookie("keywright-theme"); err == nil && slices.Contains(themes, c.Value) {
		return c.Value
	}
	return themes[0]
}

// nextTheme is what the button chooses.
func (v *visit) nextTheme() string {
	return themes[(slices.Index(themes, v.theme())+1)%len(themes)]
}

func (s *site) chooseTheme(_ context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	const year = 365 * 24 * 60 * 60
	if slices.Contains(themes, f.get("theme")) {
		v.cookies = append(v.cookies, &http.Cookie{
			Name: "keywright-theme", Value: f.get("theme"), Path: "/", MaxAge: year, Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
	}
	return goOn(s.local(f.get("next")), ""), nil
}
