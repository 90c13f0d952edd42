package console

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/keywright/keywright"
)

// period is how far back a chart goes.
type period struct {
	name, title string
	span        time.Duration
	by          string
}

func periods() []period {
	const day = 24 * time.Hour
	return []period{
		{"24h", "24 hours", day, keywright.ByHour},
		{"30d", "30 days", 29 * day, keywright.ByDay},
		{"90d", "90 days", 89 * day, keywright.ByDay},
	}
}

// periodNamed is the period of a name; of none, 30 days.
func periodNamed(name string) period {
	all := periods()
	if i := slices.IndexFunc(all, func(p period) bool { return p.name == name }); i >= 0 {
		return all[i]
	}
	return all[1]
}

// The size of a chart, in the units of its own view.
const (
	chartWidth  = 720
	chartHeight = 150
)

// bar is an hour or a day of a chart.
type bar struct {
	at                time.Time
	accepted, refused int64
	x, width          float64
	high, low         float64 // how high the accepted and, on top of them, the refused stand
}

// chart is how often a token was presented, as bars.
type chart struct {
	period
	total keywright.Counts
	bars  []bar
	most  int64 // the highest bar
}

// newChart has a bar for every step, also where nothing happened.
func newChart(p period, usage keywright.TokenUsage) chart {
	c := chart{period: p, total: usage.Total}
	step := time.Hour
	if usage.By == keywright.ByDay {
		step = 24 * time.Hour
	}
	counts := map[time.Time]keywright.Counts{}
	for _, item := range usage.Items {
		counts[item.At.UTC()] = item.Counts
	}
	for at := usage.From.UTC(); at.Before(usage.To); at = at.Add(step) {
		n := counts[at]
		c.bars = append(c.bars, bar{at: at, accepted: n.Accepted, refused: n.Refused})
		c.most = max(c.most, n.Accepted+n.Refused)
	}
	c.scale()
	return c
}

func (c *chart) scale() {
	if len(c.bars) == 0 || c.most == 0 {
		return
	}
	slot := float64(chartWidth) / float64(len(c.bars))
	unit := float64(chartHeight) / float64(c.most)
	for i := range c.bars {
		b := &c.bars[i]
		b.x, b.width = slot*float64(i)+slot*0.12, slot*0.76
		b.high, b.low = unit*float64(b.accepted), unit*float64(b.refused)
	}
}

// causes are the reasons of the refusals, the most frequent first.
func (c chart) causes() []cause {
	var all []cause
	for name, n := range c.total.Causes {
		all = append(all, cause{name, n})
	}
	slices.SortFunc(all, func(a, b cause) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name)) })
	return all
}

type cause struct {
	name string
	n    int64
}

// doors are those by which the token came, the busiest first.
func (c chart) doors() []cause {
	return chart{total: keywright.Counts{Causes: c.total.Doors}}.causes()
}

// barTitle says what a bar stands for.
func (c chart) barTitle(b bar) string {
	when := c.step(b)
	if c.by == keywright.ByHour {
		when += " UTC"
	}
	return fmt.Sprintf("%s: %s accepted, %s refused", when, number(b.accepted), number(b.refused))
}

// step is the hour or the day of a bar, in UTC.
func (c chart) step(b bar) string {
	if c.by == keywright.ByHour {
		return b.at.Format("2 January, 15:04")
	}
	return b.at.Format("2 January 2006")
}

// stepTitle is what steps are called above a column of them.
func (c chart) stepTitle() string {
	if c.by == keywright.ByHour {
		return "Hour from (UTC)"
	}
	return "Day (UTC)"
}

// units writes a length of the chart.
func units(n float64) string { return fmt.Sprintf("%.2f", n) }

// causeWords say a reason as a person would.
func causeWords(name string) string {
	switch name {
	case "invalid":
		return "Wrong secret"
	case "revoked":
		return "Revoked"
	case "expired":
		return "Expired"
	case "not_yet_valid":
		return "Before its start"
	case "disabled":
		return "Disabled"
	case "closed":
		return "Account or space closed"
	case "wrong_kind":
		return "A kind that does not act there"
	case "wrong_tenant":
		return "Another account's or space's data"
	case "wrong_audience":
		return "Not for that API"
	case "wrong_network":
		return "From another network"
	case "insufficient_scope":
		return "Scope missing"
	}
	return name
}

// doorWords say by which door somebody came; a dialect's is called as it is.
func doorWords(name string) string {
	switch name {
	case keywright.DoorREST:
		return "Keywright's own API"
	case keywright.DoorVerify:
		return "the verify call"
	case keywright.DoorToken:
		return "the token endpoint"
	case keywright.DoorIntrospect:
		return "introspection"
	case keywright.DoorRevoke:
		return "the revocation endpoint"
	case keywright.DoorCheck:
		return "a gateway"
	case keywright.DoorConsole:
		return "the console"
	case keywright.DoorGuard:
		return "a guard"
	}
	return name
}

// share says a part of a whole in percent.
func share(part float64) string {
	if part < 0.01 {
		return "< 1 %"
	}
	return fmt.Sprintf("%.0f %%", part*100)
}

// view is the chart's own coordinates.
func (c chart) view() string { return fmt.Sprintf("0 0 %d %d", chartWidth, chartHeight+1) }

// summary says the chart in a sentence.
func (c chart) summary() string {
	return fmt.Sprintf("In the last %s: %s accepted, %s refused", c.period.title, number(c.total.Accepted), number(c.total.Refused))
}

// first, middle and last are what stands below it.
func (c chart) first() string  { return c.below(0) }
func (c chart) middle() string { return c.below((len(c.bars) - 1) / 2) }
func (c chart) last() string   { return c.below(len(c.bars) - 1) }

func (c chart) below(i int) string {
	if c.by == keywright.ByHour {
		return c.bars[i].at.Format("2 Jan, 15:04 UTC")
	}
	return c.bars[i].at.Format("2 Jan")
}
