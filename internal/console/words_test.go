package console

import (
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
)

func TestAgo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for past, want := range map[time.Duration]string{
		0: "just now", 44 * time.Second: "just now", 60 * time.Second: "a minute ago", 100 * time.Second: "2 minutes ago",
		89 * time.Minute: "89 minutes ago", 90 * time.Minute: "2 hours ago", 47 * time.Hour: "47 hours ago", 2 * day: "2 days ago",
		59 * day: "59 days ago", 60 * day: "2 months ago", 729 * day: "24 months ago", 730 * day: "2 years ago",
		-30 * time.Second: "in a minute", -24 * time.Hour: "in 24 hours", -90 * day: "in 3 months",
	} {
		if got := ago(now, now.Add(-past)); got != want {
			t.Errorf("%s: %q, want %q", past, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 7: "7", 1234: "1234", 12345: "12\u202F345", 1234567: "1\u202F234\u202F567", -20000: "−20\u202F000"} {
		if got := number(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 seconds", 1: "1 second", 90: "90 seconds", 120: "2 minutes", 7200: "2 hours", 86400: "1 day", 7776000: "90 days"} {
		if got := seconds(n); got != want {
			t.Errorf("%d seconds: %q, want %q", n, got, want)
		}
	}
	if got := count(2, "token") + ", " + count(1, "token") + ", " + numbered(7); got != "2 tokens, 1 token, #7" {
		t.Error(got)
	}
}

func TestWhatAFormTakes(t *testing.T) {
	t.Parallel()
	f := newForm(url.Values{"label": {"  ci "}, "scopes": {"a:read, b:read\r\nc:*"}, "audience": {"x", "y"}})
	if f.trimmed("label") != "ci" || !f.chosen("audience", "y") || f.chosen("audience", "z") || !f.has("label") {
		t.Error("fields are not read as they are")
	}
	if diff := cmp.Diff([]string{"a:read", "b:read", "c:*"}, f.words("scopes")); diff != "" {
		t.Error(diff)
	}
	err := fmt.Errorf("issue: %w", &keywright.InvalidError{Problems: []keywright.Problem{
		{Member: "/scopes/0", Reason: "is no scope"}, {Member: "/allowed_cidrs", Reason: "is no network"}, {Member: "/metadata/team", Reason: "is too long"},
		{Member: "", Reason: "is too much"},
	}})
	if !f.take(err, "allowed_cidrs", "networks") {
		t.Error("what is wrong with the request is not taken")
	}
	want := map[string]string{"scopes": "Is no scope.", "networks": "Is no network.", "metadata": "team: Is too long."}
	if diff := cmp.Diff(want, f.problems); diff != "" || f.general != "Is too much." {
		t.Errorf("%s; in general: %s", diff, f.general)
	}
	if f.take(keywright.ErrUnavailable) || f.take(keywright.ErrUnauthenticated) || f.take(errors.New("x")) || f.take(keywright.ErrNotFound) {
		t.Error("what is not of the request is taken for it")
	}
	if !f.take(fmt.Errorf("%w: it is revoked", keywright.ErrConflict)) || f.general != "It is revoked." {
		t.Error(f.general)
	}
}

func TestChart(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	usage := keywright.TokenUsage{From: from, To: from.Add(24 * time.Hour), By: keywright.ByHour, Items: []keywright.UsageStep{
		{At: from.Add(2 * time.Hour), Counts: keywright.Counts{Accepted: 30, Refused: 10}}, {At: from.Add(23 * time.Hour), Counts: keywright.Counts{Accepted: 20}},
	}, Total: keywright.Counts{Accepted: 50, Refused: 10, Causes: map[string]int64{"revoked": 1, "expired": 8, "disabled": 1}}}
	c := newChart(periodNamed("24h"), usage)
	if len(c.bars) != 24 || c.most != 40 {
		t.Fatalf("%d bars, the highest of %d", len(c.bars), c.most)
	}
	for i, b := range c.bars {
		if b.x < 0 || b.x+b.width > chartWidth || b.high+b.low > chartHeight {
			t.Errorf("bar %d leaves the chart: %+v", i, b)
		}
	}
	if high := c.bars[2]; high.high+high.low != chartHeight || high.low*3 != high.high {
		t.Errorf("the highest bar: %+v", high)
	}
	if diff := cmp.Diff([]string{"expired", "disabled", "revoked"}, []string{c.causes()[0].name, c.causes()[1].name, c.causes()[2].name}); diff != "" {
		t.Error(diff)
	}
	if got := c.barTitle(c.bars[2]); got != "21 November, 02:00 UTC: 30 accepted, 10 refused" {
		t.Error(got)
	}
	if none := newChart(periodNamed("odd"), keywright.TokenUsage{From: from, To: from.Add(30 * 24 * time.Hour), By: keywright.ByDay}); none.most != 0 || len(none.bars) != 30 {
		t.Errorf("%+v", none)
	}
}
