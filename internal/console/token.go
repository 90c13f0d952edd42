package console

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// tokenView is all that a token's page shows.
type tokenView struct {
	keywright.Token
	usage  chart
	events []keywright.Event // nil: the person may not see the audit trail
	below  []branch          // what it has made
	told   bool              // there are more of them
	parent *keywright.Token  // that has made it; nil: there is none, or none that is to be seen
}

// tokenOf is the token of the URL. One of another account is not found, so that a page is nowhere but in its token's account.
func (s *site) tokenOf(ctx context.Context, v *visit) (keywright.Token, error) {
	id, err := keywright.ParseID(v.r.PathValue("id"))
	if err != nil {
		return keywright.Token{}, err
	}
	t, err := s.Authority.Token(ctx, v.caller, id)
	if err == nil && t.Account != v.account {
		err = fmt.Errorf("token %w", keywright.ErrNotFound)
	}
	return t, err
}

// showToken shows everything about one token.
func (s *site) showToken(ctx context.Context, v *visit) (answer, error) {
	t, err := s.tokenOf(ctx, v)
	if err != nil {
		return answer{}, err
	}
	view := tokenView{Token: t}
	for _, read := range []func(context.Context, *visit, *tokenView) error{s.readUsage, s.readEvents, s.readParent, s.readBelow} {
		if err := read(ctx, v, &view); err != nil {
			return answer{}, err
		}
	}
	return show(t.Label, tokenPage(v, view)), nil
}

func (s *site) readUsage(ctx context.Context, v *visit, view *tokenView) error {
	p := periodNamed(v.query("usage"))
	usage, err := s.Authority.TokenUsage(ctx, v.caller, view.ID, keywright.UsageQuery{From: v.now.Add(-p.span), To: v.now, By: p.by})
	view.usage = newChart(p, usage)
	return err
}

// readEvents reads the token's story, for who may see the audit trail.
func (s *site) readEvents(ctx context.Context, v *visit, view *tokenView) error {
	const most = 20
	q := authority.EventQuery{
		ListQuery:   authority.ListQuery{Limit: most},
		EventFilter: authority.EventFilter{Account: v.account, Subject: "token:" + view.ID.String()},
	}
	if view.Kind == keywright.KindSpace {
		q.Space = view.Space
	}
	page, err := s.Authority.Events(ctx, v.caller, q)
	view.events, view.told = page.Items, page.Next != ""
	return hidden(err)
}

func (s *site) readParent(ctx context.Context, v *visit, view *tokenView) error {
	if view.Parent == nil {
		return nil
	}
	parent, err := s.Authority.Token(ctx, v.caller, *view.Parent)
	if err == nil {
		view.parent = &parent
	}
	return hidden(err)
}

// hidden is nil for an error that says that something is not to be seen.
func hidden(err error) error {
	if errors.Is(err, keywright.ErrForbidden) || errors.Is(err, keywright.ErrNotFound) {
		return nil
	}
	return err
}

// branch is a token that another has made, with what it has made itself.
type branch struct {
	keywright.Token
	below []branch
	more  bool // there are more beside it than are shown
}

// readBelow reads the descendants; a large family is not shown whole.
func (s *site) readBelow(ctx context.Context, v *visit, view *tokenView) (err error) {
	left := 60
	view.below, err = s.branches(ctx, v, view.ID, &left)
	return err
}

func (s *site) branches(ctx context.Context, v *visit, of keywright.ID, left *int) ([]branch, error) {
	if *left <= 0 {
		return nil, nil
	}
	page, err := s.Authority.Tokens(ctx, v.caller, keywright.TokenQuery{
		TokenFilter: keywright.TokenFilter{Account: v.account, Parent: &of}, Sort: keywright.SortCreated, Limit: min(*left, 20),
	})
	if err != nil {
		return nil, err
	}
	*left -= len(page.Items)
	made := make([]branch, len(page.Items))
	for i, t := range page.Items {
		made[i].Token = t
		if made[i].below, err = s.branches(ctx, v, t.ID, left); err != nil {
			return nil, err
		}
	}
	if len(made) > 0 && page.Next != "" {
		made[len(made)-1].more = true
	}
	return made, nil
}

// actorOf says who did something to the token.
func (t tokenView) actorOf(e keywright.Event) string {
	if e.Actor == "token:"+t.ID.String() {
		return "whoever had it"
	}
	return strings.TrimPrefix(e.Actor, "user:")
}

// changedMembers are what an edit has changed, by name.
func changedMembers(e keywright.Event) []string {
	var names []string
	for _, d := range differences(e.Before, e.After) {
		names = append(names, d.label)
	}
	return names
}

// rotating reports whether the secret from before the last rotation still works.
func (t tokenView) rotating(now time.Time) bool {
	return t.RotatingUntil != nil && now.Before(*t.RotatingUntil)
}

// placeName is where the token acts.
func (t tokenView) placeName() string {
	if t.Kind == keywright.KindSpace {
		return "the space " + t.Space
	}
	return "the account " + t.Account
}

func (t tokenView) networks() []string {
	texts := make([]string, len(t.AllowedCIDRs))
	for i, network := range t.AllowedCIDRs {
		texts[i] = network.String()
	}
	return texts
}

func (t tokenView) metadataNames() []string { return slices.Sorted(maps.Keys(t.Metadata)) }

// explain says rule by rule why an attempt with the token would be allowed or refused.
func (s *site) explain(ctx context.Context, v *visit) (answer, error) {
	t, err := s.tokenOf(ctx, v)
	if err != nil {
		return answer{}, err
	}
	f := newForm(v.r.URL.Query())
	e := explainForm{form: f, token: t}
	if f.has("ask") {
		explained, err := s.Authority.Explain(ctx, v.caller, keywright.ExplainRequest{
			Token: t.ID, Scopes: f.words("scopes"), Audience: f.trimmed("audience"), Address: f.trimmed("address"), Space: f.trimmed("space"),
			At: f.trimmed("at"), Management: f.has("management"),
		})
		if err != nil && !f.take(err) {
			return answer{}, err
		}
		if err == nil {
			e.explained = &explained
		}
	}
	return show("Explain "+t.Label, explainPage(v, e)), nil
}

// explainForm is a question about an attempt, and its answer.
type explainForm struct {
	*form
	token     keywright.Token
	explained *keywright.Explanation
}

// ruleAnswer says what a rule found.
func ruleAnswer(f keywright.Finding) string {
	passed, refused := ruleWords(f.Rule)
	if f.Refuses {
		return refused
	}
	return passed
}

// ruleWords say what it is when a rule lets an attempt pass, and when it refuses it.
func ruleWords(of keywright.Reason) (passed, refused string) {
	switch of {
	case keywright.Undecided:
		return "The token is known", "The token is not known"
	case keywright.Revoked:
		return "It is not revoked", "It is revoked"
	case keywright.Expired:
		return "It has not expired", "It has expired"
	case keywright.NotYetValid:
		return "Its time has begun", "Its time has not begun"
	case keywright.Disabled:
		return "It is not disabled", "It is disabled"
	case keywright.Closed:
		return "Account and space are open", "The account or the space is closed"
	case keywright.WrongKind:
		return "Its kind acts here", "Its kind does not act here"
	case keywright.WrongTenant:
		return "It acts in this space", "It does not act in this space"
	case keywright.WrongAudience:
		return "It is for this API", "It is not for this API"
	case keywright.WrongNetwork:
		return "It may be used from there", "It may not be used from there"
	case keywright.InsufficientScope:
		return "Its scopes cover what is asked", "Its scopes do not cover what is asked"
	}
	return of.String(), of.String()
}
