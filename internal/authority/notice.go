package authority

import (
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// The actions of notices.
const (
	noticeExpiring = "notice.expiring"
	noticePolicy   = "notice.policy"
	noticeUnused   = "notice.unused"
	noticeQuota    = "notice.quota"
)

// notices is what is to be told of a token now that was not told yet; told becomes what was told then.
func (p *pass) notices(rec *store.Record, told *store.Told) (events []store.Event) {
	t, known := p.tenancy[rec.Facts.Space]
	f := rec.Facts
	f.Tenant = t.tenant()
	if !known || !f.Tenant.Open || !f.RevokedAt.IsZero() {
		return nil
	}
	if e, ok := p.ending(rec, f, told); ok {
		events = append(events, e)
	}
	if e, ok := p.unused(rec, f, told); ok {
		events = append(events, e)
	}
	return events
}

// ending tells that a token ends soon, why, and how soon: by the latest of 30, 7 and 1 days before that has come. Who makes a
// token that lives no longer than that knows, unless a policy has shortened its life since.
func (p *pass) ending(rec *store.Record, f keywright.Facts, told *store.Told) (e store.Event, ok bool) {
	end, from, because := endOf(f)
	ahead := daysBefore(end.Sub(p.now))
	switch {
	case end.IsZero() || !p.now.Before(end) || ahead == 0:
		return e, false
	case told.EndsAt.Equal(end) && told.Days <= ahead:
		return e, false
	case end.Sub(from) <= days(ahead) && !(because == "max_lifetime" && p.changed() && from.Before(p.mark.At)):
		return e, false
	}
	told.EndsAt, told.Days = end, ahead
	action := noticeExpiring
	if because != "expires_at" {
		action = noticePolicy
	}
	e = p.event(action, rec)
	e.After["ends_at"], e.After["days"], e.After["because"] = end.Format(time.RFC3339Nano), ahead, because
	return e, true
}

// endOf is when a token ends if nobody does anything, also uses it; from when that was counted; and by what.
func endOf(f keywright.Facts) (end, from time.Time, because string) {
	end, from, because = f.ExpiresAt, f.RenewedAt, "expires_at"
	if limit := f.Ends(); !limit.Equal(end) {
		end, because = limit, "max_lifetime"
	}
	if lapse := f.Lapses(); !lapse.IsZero() && (end.IsZero() || lapse.Before(end)) {
		end, from, because = lapse, lapse.Add(-f.Tenant.MaxUnused), "max_unused"
	}
	return end, from, because
}

// daysBefore is the smallest of the days ahead that what is left fits in; 0: it fits in none.
func daysBefore(left time.Duration) (ahead int64) {
	for _, n := range daysAhead {
		if left <= days(n) {
			ahead = n
		}
	}
	return ahead
}

// unused tells that a token has not been used for long: once, until it is used again.
func (p *pass) unused(rec *store.Record, f keywright.Facts, told *store.Told) (e store.Event, ok bool) {
	idle := longIdle(f.Tenant.MaxUnused)
	f.Tenant.MaxUnused = idle
	since := f.Lapses().Add(-idle)
	over := reachedAt(f.Ends(), p.now)
	if p.first || p.now.Before(since.Add(idle)) || told.UnusedSince.Equal(since) || over || !f.DisabledAt.IsZero() {
		return e, false
	}
	told.UnusedSince = since
	e = p.event(noticeUnused, rec)
	e.After["unused_since"], e.After["days"] = since.Format(time.RFC3339Nano), int64(idle/(24*time.Hour))
	e.After["ended"] = p.tenancy[f.Space].tenant().MaxUnused > 0
	return e, true
}

func reachedAt(end, now time.Time) bool { return !endsAfter(end, now) }

// event begins a notice about a token.
func (p *pass) event(action string, rec *store.Record) store.Event {
	e := Caller{}.event(action, p.now)
	e.Account, e.Space, e.Subject = rec.Facts.Account, rec.Facts.Space, "token:"+rec.Facts.ID.String()
	e.After = map[string]any{"label": rec.Label, "number": rec.Number, "owner": rec.OwnerName}
	return e
}
