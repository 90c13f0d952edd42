package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// contextCmd holds the commands about the instances a person works with.
type contextCmd struct {
	List   contextListCmd   `cmd:"" default:"withargs" help:"List the instances you have signed in to."`
	Use    contextUseCmd    `cmd:"" help:"Make one of them the current one."`
	Remove contextRemoveCmd `cmd:"" help:"Forget one of them; sign out of it first."`
}

type contextListCmd struct{ output }

// contextAnswer is a context without its session.
type contextAnswer struct {
	Name      string     `json:"name"`
	Current   bool       `json:"current"`
	URL       string     `json:"url"`
	Username  string     `json:"username"`
	SignedIn  bool       `json:"signed_in"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// Run lists the contexts by name.
func (c *contextListCmd) Run(h *host) error {
	saved, err := h.loadContexts()
	if err != nil {
		return err
	}
	answer := items[contextAnswer]{Items: []contextAnswer{}}
	for _, name := range slices.Sorted(maps.Keys(saved.Contexts)) {
		answer.Items = append(answer.Items, saved.answer(h, name))
	}
	return c.print(h, answer, func(w io.Writer) { contextTable(h, w, answer.Items) })
}

func (s savedContexts) answer(h *host, name string) contextAnswer {
	c := s.Contexts[name]
	a := contextAnswer{Name: name, Current: name == s.Current, URL: c.URL, Username: c.Username}
	if c.Session != "" {
		a.SignedIn = h.Now().Before(c.ExpiresAt)
		a.ExpiresAt = &c.ExpiresAt
	}
	return a
}

func contextTable(h *host, w io.Writer, contexts []contextAnswer) {
	if h.Getenv("KEYWRIGHT_URL") != "" && h.Getenv("KEYWRIGHT_TOKEN") != "" {
		fmt.Fprintln(w, "KEYWRIGHT_URL and KEYWRIGHT_TOKEN are set and replace the current context.")
	}
	rows := make([][]string, len(contexts))
	for i, c := range contexts {
		session := "signed out"
		if c.SignedIn {
			session = "until " + instant(*c.ExpiresAt)
		}
		current := ""
		if c.Current {
			current = "*"
		}
		rows[i] = []string{current, printable(c.Name), printable(c.URL), printable(c.Username), session}
	}
	table(w, []string{"", "NAME", "URL", "USERNAME", "SESSION"}, rows)
}

type contextUseCmd struct {
	Name string `arg:"" help:"Which."`
}

// Run makes the context the current one.
func (c *contextUseCmd) Run(h *host) error {
	return h.changeContexts(func(saved *savedContexts) error {
		name, _, err := saved.pick(c.Name)
		saved.Current = name
		return err
	})
}

type contextRemoveCmd struct {
	Name string `arg:"" help:"Which."`
}

// Run forgets the context. One with a session is kept: the session would go on at the server with nobody able to end it.
func (c *contextRemoveCmd) Run(h *host) error {
	return h.changeContexts(func(saved *savedContexts) error {
		name, known, err := saved.pick(c.Name)
		if err != nil {
			return err
		}
		if known.Session != "" && h.Now().Before(known.ExpiresAt) {
			return usagef("you are signed in there: first keywright logout --context %s", name)
		}
		delete(saved.Contexts, name)
		if saved.Current == name {
			saved.Current = ""
		}
		return nil
	})
}
