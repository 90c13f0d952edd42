package authority

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// What is about to happen is told before it does, as events of the audit trail: that a token ends, by its own expiry
// (notice.expiring) or by policy (notice.policy), 30, 7 and 1 days before; that one is not used (notice.unused); that a
// quota is nearly full (notice.quota).
//
// A pass finds tokens by the instants from which they are to be told of: those that came between the last pass and this one, by
// index. What was told is noted with its event, so that a pass may look at a token any number of times. An end that is moved
// is another end and told anew.

const (
	watchEvery  = 10 * time.Minute
	markEvery   = time.Hour           // a mark that is older than it could be makes the next pass look at more, no more than that
	unusedAfter = 90 * 24 * time.Hour // where the policy says nothing
	noticeBatch = 200
)

// daysAhead is when an end is told of, the earliest first.
var daysAhead = [...]int64{30, 7, 1}

func days(n int64) time.Duration { return time.Duration(n) * 24 * time.Hour }

// watch looks at every account now and then until ctx ends.
func (a *Authority) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		a.report("look for what is to be told", a.notify(ctx))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// notify is one pass over all accounts. What fails in one is tried again in the next pass, and holds up no other.
func (a *Authority) notify(ctx context.Context) error {
	for after := ""; ; {
		var accounts []*store.Account
		err := a.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
			accounts, err = tx.Tenants().Accounts(ctx, after, maxLimit)
			return err
		})
		if err != nil || len(accounts) == 0 {
			return err
		}
		for _, account := range accounts {
			if after = account.Name; account.ClosedAt.IsZero() {
				a.report("look for what is to be told of account "+after, a.notifyAccount(ctx, after))
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
}

// notifyAccount tells what there is to tell of one account.
func (a *Authority) notifyAccount(ctx context.Context, account string) error {
	var p *pass
	err := a.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		p, err = a.newPass(ctx, tx, account)
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range p.windows() {
		if err := a.sweep(ctx, p, w); err != nil {
			return err
		}
	}
	if err := a.notifyQuotas(ctx, p); err != nil {
		return err
	}
	if p.mark.Spans == p.spans && p.now.Sub(p.mark.At).Abs() < markEvery && !p.told {
		return nil
	}
	_, err = a.cfg.Store.Write(ctx, func(tx store.Tx) error {
		return tx.Notices().SetNoticeMark(ctx, store.NoticeMark{Account: account, At: p.now, Spans: p.spans})
	})
	return err
}

// pass is one look at one account.
type pass struct {
	account string
	now     time.Time
	mark    store.NoticeMark
	first   bool               // nobody has looked before
	spaces  []*store.Space     //
	tenancy map[string]tenancy // by space
	spans   string             // the policies' as they are now
	told    bool               // something was
}

func (a *Authority) newPass(ctx context.Context, tx store.Tx, name string) (*pass, error) {
	p := &pass{account: name, now: a.instant(), tenancy: map[string]tenancy{}}
	var err error
	if p.mark, err = tx.Notices().NoticeMark(ctx, name); isAbsent(err) {
		p.first = true
	} else if err != nil {
		return nil, err
	}
	account, err := tx.Tenants().Account(ctx, name)
	if err != nil {
		return nil, err
	}
	for after := ""; ; after = p.spaces[len(p.spaces)-1].Name {
		run, err := tx.Tenants().Spaces(ctx, name, after, maxLimit)
		if err != nil {
			return nil, err
		}
		if p.spaces = append(p.spaces, run...); len(run) < maxLimit {
			break
		}
	}
	spans := map[string][2]time.Duration{}
	for _, space := range p.spaces {
		t, err := newTenancy(account, space)
		if err != nil {
			return nil, err
		}
		p.tenancy[space.Name] = t
		spans[space.Name] = [2]time.Duration{t.tenant().MaxLifetime, t.tenant().MaxUnused}
	}
	text, err := json.Marshal(spans)
	p.spans = string(text)
	return p, err
}

// changed reports whether the policies are others than at the last look, so that ends have moved without the tokens.
func (p *pass) changed() bool { return p.first || p.mark.Spans != p.spans }

// window is a run of tokens of which there may be something to tell: those whose clock stands in it.
type window struct {
	clock       store.Clock
	after, upTo time.Time
}

// windows are all that can be new since the last pass. They may overlap, and hold more than what is new.
func (p *pass) windows() (list []window) {
	list = p.ends(nil, store.ClockExpiry, 0, p.first)
	used := []store.Clock{store.ClockUse, store.ClockCreation, store.ClockRenewal, store.ClockStart}
	lives, idles := map[time.Duration]bool{}, map[time.Duration]bool{}
	for _, t := range p.tenancy {
		lives[t.tenant().MaxLifetime], idles[t.tenant().MaxUnused] = true, true
	}
	for _, life := range slices.Sorted(maps.Keys(lives)) {
		for _, clock := range []store.Clock{store.ClockCreation, store.ClockRenewal} {
			if life > 0 {
				list = p.ends(list, clock, life, p.changed())
			}
		}
	}
	for _, idle := range slices.Sorted(maps.Keys(idles)) {
		for _, clock := range used {
			if idle > 0 {
				list = p.ends(list, clock, idle, p.changed())
			}
			if !p.first { // what has lain idle since before anybody looked is no news
				long := longIdle(idle)
				list = append(list, window{clock, p.mark.At.Add(-long), p.now.Add(-long)})
			}
		}
	}
	return list
}

// ends are the windows of what ends a span after its clock. Whatever ends soon is looked at when all of it may be new.
func (p *pass) ends(list []window, clock store.Clock, span time.Duration, all bool) []window {
	if all {
		return append(list, window{clock, p.now.Add(-span), p.now.Add(days(daysAhead[0]) - span)})
	}
	for _, ahead := range daysAhead {
		list = append(list, window{clock, p.mark.At.Add(days(ahead) - span), p.now.Add(days(ahead) - span)})
	}
	return list
}

// longIdle is how long a token goes unused before that is told.
func longIdle(policy time.Duration) time.Duration {
	if policy > 0 {
		return policy
	}
	return unusedAfter
}

// sweep tells what there is to tell of the tokens in a window, a batch at a time.
func (a *Authority) sweep(ctx context.Context, p *pass, w window) error {
	q := store.AroundQuery{Account: p.account, Clock: w.clock, After: w.after, UpTo: w.upTo, Limit: noticeBatch}
	for {
		var found []store.Listed
		var due []keywright.ID
		err := a.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
			due = due[:0]
			if found, err = tx.Notices().Around(ctx, q); err != nil {
				return err
			}
			for _, l := range found {
				told, err := tx.Notices().Told(ctx, l.Facts.ID)
				if err != nil {
					return err
				}
				if l.Facts.LastUsedAt = l.LastUsedAt; len(p.notices(l.Record, &told)) > 0 {
					due = append(due, l.Facts.ID)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := a.tell(ctx, p, due); err != nil || len(found) < noticeBatch {
			return err
		}
		last := found[len(found)-1]
		q.After, q.Since = instantOf(last, w.clock), last.Facts.ID
	}
}

// tell appends the notices of tokens, each judged once more by what the transaction sees.
func (a *Authority) tell(ctx context.Context, p *pass, due []keywright.ID) error {
	if len(due) == 0 {
		return nil
	}
	p.told = true
	_, err := a.cfg.Store.Write(ctx, func(tx store.Tx) error {
		for _, id := range due {
			if err := a.tellOf(ctx, tx, p, id); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func (a *Authority) tellOf(ctx context.Context, tx store.Tx, p *pass, id keywright.ID) error {
	rec, err := tx.Tokens().Get(ctx, id)
	if err != nil {
		return gone(err, nil)
	}
	if rec.Facts.LastUsedAt, err = tx.Tokens().Used(ctx, id); err != nil {
		return err
	}
	told, err := tx.Notices().Told(ctx, id)
	if err != nil {
		return err
	}
	events := p.notices(rec, &told)
	for _, e := range events {
		if err := tx.Events().Append(ctx, e); err != nil {
			return err
		}
		if err := a.remind(ctx, tx, rec.Owner, &e); err != nil {
			return err
		}
	}
	if len(events) == 0 {
		return nil
	}
	return tx.Notices().SetTold(ctx, told)
}

func instantOf(l store.Listed, c store.Clock) time.Time {
	switch c {
	case store.ClockExpiry:
		return l.Facts.ExpiresAt
	case store.ClockCreation:
		return l.CreatedAt
	case store.ClockRenewal:
		return l.Facts.RenewedAt
	case store.ClockStart:
		return l.Facts.NotBefore
	}
	return l.LastUsedAt
}
