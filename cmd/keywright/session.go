package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/keywright/keywright"
)

// maxPage is the most the API gives in one page.
const maxPage = 200

// defaultURL is where keywright serve listens unless told otherwise.
const defaultURL = "http://127.0.0.1:8080"

// remote is the choice every command that talks to a server has.
type remote struct {
	Context string `placeholder:"NAME" help:"Context to use instead of the current one; see keywright context."`
}

// dial returns a client for the instance the command is for: the context named; else what
// KEYWRIGHT_URL and KEYWRIGHT_TOKEN say, which only count together, so that neither a session nor a key goes
// to a server it is not for; else the current context.
func (r remote) dial(h *host) (*keywright.Client, error) {
	url, token := h.Getenv("KEYWRIGHT_URL"), h.Getenv("KEYWRIGHT_TOKEN")
	switch {
	case r.Context != "" || url == "" && token == "":
		return r.dialSaved(h)
	case url == "":
		return nil, usagef("KEYWRIGHT_TOKEN is set without KEYWRIGHT_URL: set both or neither")
	case token == "":
		return nil, signInError("KEYWRIGHT_URL is set without KEYWRIGHT_TOKEN")
	}
	return h.client(url, token)
}

func (r remote) dialSaved(h *host) (*keywright.Client, error) {
	saved, err := h.loadContexts()
	if err != nil {
		return nil, err
	}
	name, c, err := saved.pick(r.Context)
	if err != nil {
		return nil, err
	}
	if c.Session == "" {
		return nil, signInError(fmt.Sprintf("you have signed out of %q", name))
	}
	return h.client(c.URL, c.Session)
}

func signInError(message string) error {
	return fmt.Errorf("%s: %w", message, keywright.ErrUnauthenticated)
}

// client talks to the server at address as whoever token belongs to; "" is nobody.
func (h *host) client(address, token string) (*keywright.Client, error) {
	if _, err := instanceURL(address); err != nil {
		return nil, err
	}
	client := keywright.NewClient(address, token)
	client.UserAgent = "keywright/" + version()
	return client, nil
}

// retryable says, where it is not known whether the server did what was asked, how to ask again
// without having it done twice.
func retryable(err error, key string) error {
	if errors.Is(err, keywright.ErrUnavailable) {
		return fmt.Errorf("%w\nwhether it was done is not known; the same command with --idempotency-key=%s does it once only", err, key)
	}
	return err
}

// items is a list as JSON writes it, like the API: next is empty at the end.
type items[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// paging says how much of a list is wanted.
type paging struct {
	Limit  int    `default:"50" help:"How many at most, 1 to 200."`
	Cursor string `help:"Go on where a list ended that said so."`
	All    bool   `help:"The whole list, however long."`
}

// collect fetches one page or, if all are wanted, every page from there on.
func collect[T any](p paging, fetch func(keywright.ListQuery) (keywright.Page[T], error)) (items[T], error) {
	if p.Limit < 1 || p.Limit > maxPage {
		return items[T]{}, usagef("--limit must be 1 to %d; --all gives everything", maxPage)
	}
	if p.All {
		p.Limit = maxPage
	}
	got := items[T]{Items: []T{}, Next: p.Cursor}
	for {
		page, err := fetch(keywright.ListQuery{Limit: p.Limit, Cursor: got.Next})
		if err != nil {
			return items[T]{}, err
		}
		got.Items, got.Next = append(got.Items, page.Items...), page.Next
		if !p.All || page.Next == "" {
			return got, nil
		}
	}
}

// more tells a person that the list goes on.
func more(w io.Writer, next string) {
	if next != "" {
		fmt.Fprintf(w, "\nThere are more: --all, or --cursor %s\n", printable(next))
	}
}
