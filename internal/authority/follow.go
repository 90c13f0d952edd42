package authority

import (
	"context"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Follow acknowledges for whoever decides by itself that everything up to a revision is forgotten, and returns what
// has to be forgotten after it, once there is something or the time has come to renew the lease. report may be nil;
// it is counted beside, so that it delays nothing.
func (a *Authority) Follow(ctx context.Context, caller Caller, q keywright.ChangesQuery, report *keywright.UsageReport) (keywright.Changes, error) {
	var none keywright.Changes
	if a.cfg.Follow == nil {
		return none, fmt.Errorf("%w: this server does not tell what changes", keywright.ErrUnavailable)
	}
	var who asker
	if err := a.decider(ctx, caller, a.cfg.Now(), &who); err != nil {
		return none, err
	}
	counting, err := a.countReport(ctx, caller, &who, report)
	if err != nil {
		return none, err
	}
	news, err := a.cfg.Follow(ctx, store.Follower{Token: who.self.facts.ID, Run: q.Follower}, q.Since)
	if err != nil {
		return none, err
	}
	told := keywright.Changes{
		Revision: news.Revision, All: news.All, Forget: a.blind(news.Forget), LeaseMS: news.Lease.Milliseconds(),
	}
	if q.Since == store.Goodbye {
		told.Reported = counting.wait(ctx)
	} else {
		told.Reported = counting.soFar()
	}
	return told, nil
}
