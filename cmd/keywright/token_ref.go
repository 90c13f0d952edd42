package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/keywright/keywright"
)

// tokenRef is how a person names a token.
type tokenRef struct {
	Token   string `arg:"" help:"Id, number (12 or #12) or exact label."`
	Account string `placeholder:"NAME" help:"Account in which a number or label is looked up (default: your own)."`
}

// find returns the token meant. Whoever names it by number or label must mean exactly one.
func (r tokenRef) find(ctx context.Context, client *keywright.Client) (keywright.Token, error) {
	if id, err := keywright.ParseID(r.Token); err == nil {
		return client.Token(ctx, id)
	}
	found, err := r.candidates(ctx, client)
	switch {
	case err != nil:
		return keywright.Token{}, err
	case len(found) == 0:
		return keywright.Token{}, fmt.Errorf("token %q: %w: there is none with that id, number or label", printable(r.Token), keywright.ErrNotFound)
	case len(found) > 1:
		return keywright.Token{}, ambiguous(r.Token, found)
	}
	return found[0], nil
}

// candidates are the tokens with the reference as number or label. "#12" is a number only; "12" can be either.
func (r tokenRef) candidates(ctx context.Context, client *keywright.Client) ([]keywright.Token, error) {
	digits, marked := strings.CutPrefix(r.Token, "#")
	number, err := strconv.ParseInt(digits, 10, 64)
	var found []keywright.Token
	if err == nil {
		if found, err = r.byNumber(ctx, client, number); err != nil || marked {
			return found, err
		}
	}
	labelled, err := r.byLabel(ctx, client)
	for _, t := range labelled {
		if len(found) == 0 || t.ID != found[0].ID {
			found = append(found, t)
		}
	}
	return found, err
}

func (r tokenRef) byNumber(ctx context.Context, client *keywright.Client, number int64) ([]keywright.Token, error) {
	if number < 1 {
		return nil, nil
	}
	page, err := client.Tokens(ctx, keywright.TokenQuery{TokenFilter: keywright.TokenFilter{Account: r.Account, Number: number}})
	return page.Items, err
}

func (r tokenRef) byLabel(ctx context.Context, client *keywright.Client) ([]keywright.Token, error) {
	q := keywright.TokenQuery{TokenFilter: keywright.TokenFilter{Account: r.Account, Label: r.Token}, Limit: maxPage}
	var found []keywright.Token
	for t, err := range client.AllTokens(ctx, q) {
		if err != nil {
			return nil, err
		}
		if t.Label == r.Token {
			found = append(found, t)
		}
	}
	return found, nil
}

func ambiguous(ref string, found []keywright.Token) error {
	var b strings.Builder
	for _, t := range found {
		fmt.Fprintf(&b, "\n  %s  %s  %s", t.ID, name(t), t.State)
	}
	return usagef("%q names %d tokens; say which by its id:%s", printable(ref), len(found), b.String())
}
