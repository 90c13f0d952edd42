package console

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const (
	endsSoon     = 30 * 24 * time.Hour // how near an end is that the overview tells
	overviewDays = 30                  // of use and refusals
	overviewMost = 5                   // lines of a list
)

// stateCount is how many tokens are in a state.
type stateCount struct {
	state keywright.State
	n     int64
}

// overviewView is what somebody wants to know first.
type overviewView struct {
	seesTokens bool
	states     []stateCount
	all        int64
	ending     []keywright.Token
	unused     []keywright.Token
	top        keywright.TopCallers
	usage      chart
	events     []keywright.Event
	labels     labels
	nodes      keywright.Nodes // for operators
}

// overview is the first page of an account: each part only for who may look at what it tells.
func (s *site) overview(ctx context.Context, v *visit) (answer, error) {
	o := overviewView{seesTokens: v.who.MaySomewhere(tokensRead)}
	if o.seesTokens {
		if err := s.overviewTokens(ctx, v, &o); err != nil {
			return answer{}, err
		}
	}
	if v.who.May(auditRead) {
		page, err := s.Authority.Events(ctx, v.caller, authority.EventQuery{
			ListQuery: authority.ListQuery{Limit: overviewMost}, EventFilter: authority.EventFilter{Account: v.account},
		})
		if err != nil {
			return answer{}, err
		}
		o.events = page.Items
		if o.labels, err = s.labelsIn(ctx, v, o.events...); err != nil {
			return answer{}, err
		}
	}
	if v.operator() {
		var err error
		if o.nodes, err = s.Authority.Nodes(ctx, v.caller); err != nil {
			return answer{}, err
		}
	}
	return show("Overview", overviewPage(v, o)), nil
}

// leaseLeft says how long a lease still lasts.
func leaseLeft(d time.Duration) string { return fmt.Sprintf("%.1f s left", d.Seconds()) }

func (s *site) overviewTokens(ctx context.Context, v *visit, o *overviewView) error {
	counts, err := s.Authority.TokenStates(ctx, v.caller, v.account)
	if err != nil {
		return err
	}
	for _, state := range []keywright.State{keywright.StateActive, keywright.StateDisabled, keywright.StateExpired, keywright.StateRevoked} {
		o.states, o.all = append(o.states, stateCount{state, counts[state]}), o.all+counts[state]
	}
	if o.all == 0 {
		return nil
	}
	dated := false
	of := keywright.TokenFilter{Account: v.account, State: keywright.StateActive, Permanent: &dated}
	page, err := s.Authority.Tokens(ctx, v.caller, keywright.TokenQuery{TokenFilter: of, Sort: keywright.SortExpires, Limit: overviewMost})
	if err != nil {
		return err
	}
	o.ending = slices.DeleteFunc(page.Items, func(t keywright.Token) bool { return t.ExpiresAt == nil || t.ExpiresAt.Sub(v.now) > endsSoon })
	return s.overviewUse(ctx, v, o)
}

// overviewUse reads how the tokens were used.
func (s *site) overviewUse(ctx context.Context, v *visit, o *overviewView) error {
	q := keywright.ReportQuery{Days: overviewDays, Limit: overviewMost}
	unused, err := s.Authority.UnusedTokens(ctx, v.caller, v.account, q)
	if err != nil {
		return err
	}
	o.unused = unused.Items
	if o.top, err = s.Authority.TopCallers(ctx, v.caller, v.account, q); err != nil {
		return err
	}
	used, err := s.Authority.AccountUsage(ctx, v.caller, v.account, q)
	o.usage = newChart(periodNamed("30d"), keywright.TokenUsage{From: used.Since, To: v.now, By: keywright.ByDay, Total: used.Total, Items: used.Items})
	return err
}

// stateURL is the list of the tokens in a state.
func (v *visit) stateURL(state keywright.State) string {
	return v.at("/tokens?" + url.Values{"state": {string(state)}}.Encode())
}
