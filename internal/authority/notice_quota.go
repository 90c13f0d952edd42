package authority

import (
	"context"
	"slices"

	"github.com/keywright/keywright/internal/store"
)

// fullness is how much of a quota there is.
type fullness struct {
	store.Quota
	count, limit int64
}

// nearly: nine tenths or more are told of; what is told of is nearly full until it is below eight.
func (f fullness) nearly(told bool) bool {
	if told {
		return f.limit > 0 && f.count*10 >= f.limit*8
	}
	return f.limit > 0 && f.count*10 >= f.limit*9
}

// notifyQuotas tells of quotas that have become nearly full, each once until there is room again.
func (a *Authority) notifyQuotas(ctx context.Context, p *pass) error {
	var changed []fullness
	look := func(tx store.Tx) error {
		told, err := tx.Notices().QuotasTold(ctx, p.account)
		if err != nil {
			return err
		}
		full, err := p.quotas(ctx, tx)
		for _, q := range told { // a quota that is no more
			if !slices.ContainsFunc(full, func(f fullness) bool { return f.Quota == q }) {
				full = append(full, fullness{Quota: q})
			}
		}
		changed = slices.DeleteFunc(full, func(f fullness) bool {
			before := slices.Contains(told, f.Quota)
			return f.nearly(before) == before
		})
		return err
	}
	if err := a.cfg.Store.Read(ctx, look); err != nil || len(changed) == 0 {
		return err
	}
	p.told = true
	_, err := a.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := look(tx); err != nil {
			return err
		}
		for _, f := range changed {
			if err := a.tellQuota(ctx, tx, p, f); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func (a *Authority) tellQuota(ctx context.Context, tx store.Tx, p *pass, f fullness) error {
	full := f.nearly(false)
	if err := tx.Notices().SetQuotaTold(ctx, f.Quota, full); err != nil || !full {
		return err
	}
	e := Caller{}.event(noticeQuota, p.now)
	e.Account, e.Space, e.Subject = f.Account, f.Space, "account:"+f.Account
	if f.Space != "" {
		e.Subject = "space:" + f.Space
	}
	e.After = map[string]any{"quota": f.What, "count": f.count, "limit": f.limit}
	if err := tx.Events().Append(ctx, e); err != nil {
		return err
	}
	return a.remindAdmins(ctx, tx, &e)
}

// quotas counts what has a limit, as a policy's members name it.
func (p *pass) quotas(ctx context.Context, tx store.Tx) (full []fullness, err error) {
	count := func(space, what string, limit int64, n func(context.Context, string, string) (int64, error)) {
		if err != nil || limit <= 0 {
			return
		}
		f := fullness{Quota: store.Quota{Account: p.account, Space: space, What: what}, limit: limit}
		f.count, err = n(ctx, p.account, space)
		full = append(full, f)
	}
	live := func(ctx context.Context, account, space string) (int64, error) {
		return tx.Tokens().Count(ctx, account, space, p.now)
	}
	permanent := func(ctx context.Context, account, space string) (int64, error) {
		return tx.Tokens().CountPermanent(ctx, account, space, p.now)
	}
	for i, space := range p.spaces {
		t := p.tenancy[space.Name]
		if i == 0 {
			count("", "max_tokens", t.account.Policy.MaxTokens, live)
		}
		count(space.Name, "max_tokens", spaceTokens(space), live)
		count(space.Name, "max_permanent", t.policy().MaxPermanent, permanent)
	}
	return full, err
}
