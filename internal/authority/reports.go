package authority

import (
	"context"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// reporting is a report about the tokens of an account that the actor may look at.
type reporting struct {
	tokens store.TokenQuery
	seen   bool // there can be any
	since  time.Time
	limit  int
	name   string // of the list, for its cursors
}

// reporting reads what a report is asked for, and for whom.
func (s *scene) reporting(ctx context.Context, account, what string, f keywright.TokenFilter, q keywright.ReportQuery) (reporting, error) {
	f.Account, f.Space = account, q.Space
	find, seen, err := s.choose(ctx, f, tokensRead)
	if err != nil {
		return reporting{}, err
	}
	var p problems
	r := reporting{tokens: find, seen: seen, limit: p.limit(q.Limit), name: listOf(what, f, q.Days)}
	days := int64(q.Days)
	if days == 0 {
		days = usageShown
	}
	if days < 1 || days > usageKept {
		p.add("days", "must be 1 to %d", usageKept)
	}
	r.since = startOf(dayOf(s.now) - days + 1)
	return r, p.err()
}

// used is the same as a question about what was counted.
func (r *reporting) used(now time.Time) store.UsageQuery {
	q := store.UsageQuery{TokenQuery: r.tokens, From: dayOf(r.since), To: dayOf(now) + 1}
	q.Limit = r.limit
	if !r.seen {
		q.Spaces = []string{}
	}
	return q
}

// sums is what was counted where the report is about, day by day, also of tokens that are gone.
func (s *scene) sums(ctx context.Context, r reporting) ([]store.DaySum, error) {
	at := chosenPlace(r.tokens, r.seen)
	return s.tx.Usages().Sums(ctx, store.SumQuery{Place: at, From: dayOf(r.since), To: dayOf(s.now) + 1})
}

// chosenPlace is where the tokens are that were chosen by account, space and kind; seen as choose says.
func chosenPlace(q store.TokenQuery, seen bool) store.Place {
	at := store.Place{Account: q.Filter.Account, Spaces: q.Spaces, Kind: q.Filter.Kind}
	switch space := q.Filter.Space; {
	case !seen:
		at.Spaces = []string{}
	case space != "" && at.Spaces == nil:
		at.Spaces = []string{space}
	case space != "":
		at.Spaces = common(at.Spaces, []string{space})
	}
	return at
}

// AccountUsage returns how often an account's tokens were presented, day by day.
func (a *Authority) AccountUsage(ctx context.Context, caller Caller, account string, q keywright.ReportQuery) (keywright.AccountUsage, error) {
	u := keywright.AccountUsage{Total: newCounts(), Items: []keywright.UsageStep{}}
	err := a.view(ctx, caller, func(s *scene) error {
		r, err := s.reporting(ctx, account, "usage", keywright.TokenFilter{}, q)
		if err != nil {
			return err
		}
		sums, err := s.sums(ctx, r)
		u.Since = r.since
		for _, sum := range sums {
			if begins := startOf(sum.Day); len(u.Items) == 0 || !u.Items[len(u.Items)-1].At.Equal(begins) {
				u.Items = append(u.Items, keywright.UsageStep{At: begins, Counts: newCounts()})
			}
			addCount(&u.Total, sum.Reason, sum.Door, sum.N)
			addCount(&u.Items[len(u.Items)-1].Counts, sum.Reason, sum.Door, sum.N)
		}
		return err
	})
	return u, err
}

// TopCallers returns which tokens of an account were accepted most.
func (a *Authority) TopCallers(ctx context.Context, caller Caller, account string, q keywright.ReportQuery) (keywright.TopCallers, error) {
	top := keywright.TopCallers{Items: []keywright.TopCaller{}}
	err := a.view(ctx, caller, func(s *scene) error {
		r, err := s.reporting(ctx, account, "top", keywright.TokenFilter{}, q)
		if err != nil {
			return err
		}
		sums, err := s.sums(ctx, r)
		if err != nil {
			return err
		}
		top.Since = r.since
		for _, sum := range sums {
			if sum.Reason == keywright.Allowed {
				top.Total += sum.N
			}
		}
		busiest, err := s.tx.Usages().Busiest(ctx, r.used(s.now), false)
		for _, b := range busiest {
			top.Items = append(top.Items, keywright.TopCaller{Token: b.Token, Accepted: b.N, Share: float64(b.N) / float64(top.Total)})
		}
		return err
	})
	return top, err
}

// RefusedAttempts returns why attempts with an account's tokens were refused, and with which most.
func (a *Authority) RefusedAttempts(ctx context.Context, caller Caller, account string, q keywright.ReportQuery) (keywright.RefusedAttempts, error) {
	refused := keywright.RefusedAttempts{Causes: map[string]int64{}, Items: []keywright.RefusedToken{}}
	err := a.view(ctx, caller, func(s *scene) error {
		r, err := s.reporting(ctx, account, "refused", keywright.TokenFilter{}, q)
		if err != nil {
			return err
		}
		sums, err := s.sums(ctx, r)
		if err != nil {
			return err
		}
		refused.Since = r.since
		for _, sum := range sums {
			if sum.Reason != keywright.Allowed {
				refused.Total += sum.N
				refused.Causes[sum.Reason.String()] += sum.N
			}
		}
		refused.Items, err = s.mostRefused(ctx, r.used(s.now))
		return err
	})
	return refused, err
}

func (s *scene) mostRefused(ctx context.Context, q store.UsageQuery) ([]keywright.RefusedToken, error) {
	busiest, err := s.tx.Usages().Busiest(ctx, q, true)
	if err != nil {
		return nil, err
	}
	list := make([]keywright.RefusedToken, len(busiest))
	for i, b := range busiest {
		days, err := s.tx.Usages().Days(ctx, b.Token.ID, q.From, q.To)
		if err != nil {
			return nil, err
		}
		total := newCounts()
		for _, d := range days {
			for _, n := range d.Hours {
				if n > 0 {
					addCount(&total, d.Reason, d.Door, n)
				}
			}
		}
		list[i] = keywright.RefusedToken{Token: b.Token, Refused: b.N, Causes: total.Causes}
	}
	return list, nil
}
