package authority

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

const (
	oneDay     = 24 * time.Hour
	usageShown = 30 // days, if no others are asked for
)

// dayOf counts the days since 1970, UTC.
func dayOf(t time.Time) int64 { return hourOf(t) / 24 }

// startOf is when a day begins.
func startOf(day int64) time.Time { return time.Unix(day*24*60*60, 0).UTC() }

// TokenUsage returns how often a token was presented, for whoever may look at it.
func (a *Authority) TokenUsage(ctx context.Context, caller Caller, id keywright.ID, q keywright.UsageQuery) (keywright.TokenUsage, error) {
	var u keywright.TokenUsage
	err := a.view(ctx, caller, func(s *scene) error {
		rec, err := s.seen(ctx, id)
		if err != nil {
			return err
		}
		if u, err = newTokenUsage(q, s.now); err != nil {
			return err
		}
		u.Token = rec.Facts.ID
		days, err := s.tx.Usages().Days(ctx, id, dayOf(u.From), dayOf(u.To.Add(oneDay-time.Nanosecond)))
		if err != nil {
			return err
		}
		u.Total, u.Items = stepsOf(days, &u)
		return nil
	})
	return u, err
}

// newTokenUsage reads which hours or days are asked for.
func newTokenUsage(q keywright.UsageQuery, now time.Time) (keywright.TokenUsage, error) {
	u := keywright.TokenUsage{From: q.From.UTC(), To: q.To.UTC(), By: cmp.Or(q.By, keywright.ByDay)}
	if q.To.IsZero() {
		u.To = now
	}
	if q.From.IsZero() {
		u.From = u.To.Add(-usageShown * oneDay)
	}
	var p problems
	if u.By != keywright.ByHour && u.By != keywright.ByDay {
		p.add("by", "must be %s or %s", keywright.ByHour, keywright.ByDay)
	}
	if !u.From.Before(u.To) {
		p.add("from", "must be before to")
	}
	step := stepOf(u.By)
	u.From = u.From.Truncate(step)
	u.To = u.To.Add(step - time.Nanosecond).Truncate(step)
	return u, p.err()
}

func stepOf(by string) time.Duration {
	if by == keywright.ByHour {
		return time.Hour
	}
	return oneDay
}

// stepsOf sums up what was counted by the hours or days of the usage.
func stepsOf(days []store.DayCount, u *keywright.TokenUsage) (total keywright.Counts, steps []keywright.UsageStep) {
	total = newCounts()
	at := map[time.Time]keywright.Counts{}
	for _, d := range days {
		for h, n := range d.Hours {
			hour := startOf(d.Day).Add(time.Duration(h) * time.Hour)
			if n == 0 || hour.Before(u.From) || !hour.Before(u.To) {
				continue
			}
			addCount(&total, d.Reason, d.Door, n)
			begins := hour.Truncate(stepOf(u.By))
			c, ok := at[begins]
			if !ok {
				c = newCounts()
			}
			addCount(&c, d.Reason, d.Door, n)
			at[begins] = c
		}
	}
	steps = make([]keywright.UsageStep, 0, len(at))
	for _, begins := range slices.SortedFunc(maps.Keys(at), time.Time.Compare) {
		steps = append(steps, keywright.UsageStep{At: begins, Counts: at[begins]})
	}
	return total, steps
}

func newCounts() keywright.Counts {
	return keywright.Counts{Causes: map[string]int64{}, Doors: map[string]int64{}}
}

func addCount(c *keywright.Counts, reason keywright.Reason, door string, n int64) {
	if reason == keywright.Allowed {
		c.Accepted += n
	} else {
		c.Refused += n
		c.Causes[reason.String()] += n
	}
	if door != "" {
		c.Doors[door] += n
	}
}
