package authority

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// maxBulk is the most tokens one bulk change takes: it holds the database for as long as it takes.
const (
	maxBulk  = 10000
	bulkPage = 500
)

// Bulk changes every token a filter chooses, all or none. A dry run counts them.
func (a *Authority) Bulk(ctx context.Context, caller Caller, req keywright.BulkChange) (keywright.BulkResult, error) {
	var result keywright.BulkResult
	act := func(s *scene) (err error) {
		result, err = s.bulk(ctx, req)
		return err
	}
	if req.DryRun {
		err := a.view(ctx, caller, act)
		return result, err
	}
	done, err := a.change(ctx, caller, act)
	if err != nil {
		return keywright.BulkResult{}, err
	}
	result.Revision = done.Revision
	return result, nil
}

func (s *scene) bulk(ctx context.Context, req keywright.BulkChange) (result keywright.BulkResult, err error) {
	if req.Reason, err = checkBulk(req); err != nil {
		return result, err
	}
	ids, err := s.chosen(ctx, req.Filter)
	if err != nil {
		return result, err
	}
	return s.bulkEach(ctx, ids, req)
}

func (s *scene) bulkEach(ctx context.Context, ids []keywright.ID, req keywright.BulkChange) (result keywright.BulkResult, err error) {
	result.Matched = int64(len(ids))
	if req.Expect != nil && *req.Expect != result.Matched {
		return result, fmt.Errorf("%w: %d tokens are expected, %d are chosen; nothing was changed",
			keywright.ErrConflict, *req.Expect, result.Matched)
	}
	if req.DryRun {
		return result, nil
	}
	for _, id := range ids {
		changed, err := s.bulkOne(ctx, id, req)
		if err != nil {
			return result, err
		}
		if changed {
			result.Changed++
		}
	}
	return result, nil
}

// DeleteOthers deletes every token that the filter chooses, all or none, but the calling one and those it descends from,
// with which it would end. The filter names at least one member beside the account.
func (a *Authority) DeleteOthers(ctx context.Context, caller Caller, f keywright.TokenFilter) (keywright.BulkResult, error) {
	var result keywright.BulkResult
	done, err := a.change(ctx, caller, func(s *scene) (err error) {
		result, err = s.deleteOthers(ctx, keywright.BulkChange{Action: keywright.BulkDelete, Filter: f})
		return err
	})
	if err != nil {
		return keywright.BulkResult{}, err
	}
	result.Revision = done.Revision
	return result, nil
}

func (s *scene) deleteOthers(ctx context.Context, req keywright.BulkChange) (keywright.BulkResult, error) {
	if _, err := checkBulk(req); err != nil {
		return keywright.BulkResult{}, err
	}
	ids, err := s.chosen(ctx, req.Filter)
	if err != nil {
		return keywright.BulkResult{}, err
	}
	kept, err := s.lineage(ctx)
	if err != nil {
		return keywright.BulkResult{}, err
	}
	ids = slices.DeleteFunc(ids, func(id keywright.ID) bool { return slices.Contains(kept, id) })
	return s.bulkEach(ctx, ids, req)
}

// lineage is the acting token and those it descends from.
func (s *scene) lineage(ctx context.Context) ([]keywright.ID, error) {
	var line []keywright.ID
	for rec := s.actor.token; rec != nil; {
		line = append(line, rec.Facts.ID)
		if rec.Parent.IsZero() {
			break
		}
		var err error
		if rec, err = s.tx.Tokens().Get(ctx, rec.Parent); err != nil {
			return line, gone(err, nil)
		}
	}
	return line, nil
}

// checkBulk reads the request: nothing is ever chosen because something was left out.
func checkBulk(req keywright.BulkChange) (reason string, err error) {
	var p problems
	switch req.Action {
	case keywright.BulkDisable, keywright.BulkRevoke, keywright.BulkDelete:
	default:
		p.add("/action", "must be disable, revoke or delete")
	}
	filter := req.Filter
	filter.Account = ""
	filtered := !reflect.ValueOf(filter).IsZero()
	switch {
	case filtered && req.All:
		p.add("/all", "must not be set beside a filter")
	case !filtered && !req.All:
		p.add("/filter", "must name at least one member beside account; or set all, with expect")
	case req.All && req.Expect == nil && !req.DryRun:
		p.add("/expect", "must say how many tokens all is; a dry run counts them")
	}
	reason = p.reason(req.Reason)
	return reason, p.err()
}

// chosen are the ids of the tokens that a filter chooses among those the actor may change, in the
// order of their numbers: what made others comes before them.
func (s *scene) chosen(ctx context.Context, f keywright.TokenFilter) ([]keywright.ID, error) {
	f.Account = cmp.Or(f.Account, s.actor.account)
	find, seen, err := s.choose(ctx, f, tokensWrite)
	if err != nil || !seen {
		return nil, beneath("/filter/", err)
	}
	find.Sort, find.Limit = keywright.SortCreated, bulkPage
	var all []store.Listed
	for {
		page, err := s.tx.Tokens().List(ctx, find)
		if err != nil {
			return nil, err
		}
		if all = append(all, page...); len(all) > maxBulk {
			return nil, keywright.Invalid("/filter", "chooses more than %d tokens: narrow it", maxBulk)
		}
		if len(page) < bulkPage {
			return byNumber(all), nil
		}
		last := page[len(page)-1]
		find.After = &store.Position{Time: last.CreatedAt, ID: last.Facts.ID}
	}
}

func byNumber(all []store.Listed) []keywright.ID {
	slices.SortFunc(all, func(a, b store.Listed) int { return cmp.Compare(a.Number, b.Number) })
	ids := make([]keywright.ID, len(all))
	for i, l := range all {
		ids[i] = l.Facts.ID
	}
	return ids
}

// bulkOne reads the token again: a change to one before may have reached it.
func (s *scene) bulkOne(ctx context.Context, id keywright.ID, req keywright.BulkChange) (bool, error) {
	rec, err := s.token(ctx, id, tokensWrite)
	if err != nil {
		return false, err
	}
	switch req.Action {
	case keywright.BulkDisable:
		return s.disable(ctx, rec, req.Reason)
	case keywright.BulkRevoke:
		return s.revoke(ctx, rec, req.Reason)
	case keywright.BulkDelete:
		return true, s.remove(ctx, rec, req.Reason)
	}
	return false, keywright.Invalid("/action", "must be disable, revoke or delete")
}
