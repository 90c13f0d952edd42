package main

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestLifetimeFlags(t *testing.T) {
	t.Parallel()
	const day = 24 * 60 * 60
	for _, tt := range []struct {
		given   lifetime
		name    string
		at      string
		seconds int64
		refused bool
	}{
		{given: lifetime{}},
		{given: lifetime{Temporary: true}, name: "temporary"},
		{given: lifetime{Permanent: true}, name: "permanent"},
		{given: lifetime{Expires: "30d"}, seconds: 30 * day},
		{given: lifetime{Expires: "1d12h"}, seconds: day + day/2},
		{given: lifetime{Expires: "2w"}, seconds: 14 * day},
		{given: lifetime{Expires: "90s"}, seconds: 90},
		{given: lifetime{Expires: "2027-01-31"}, at: "2027-01-31"},
		{given: lifetime{Expires: "2027-02-31"}, at: "2027-02-31"}, // the server says that there is no such day
		{given: lifetime{Expires: "10000-01-01"}, at: "10000-01-01"},
		{given: lifetime{Expires: "2027-01-31T10:00:00Z"}, at: "2027-01-31T10:00:00Z"},
		{given: lifetime{Expires: "0"}, refused: true},
		{given: lifetime{Expires: "0d"}, refused: true},
		{given: lifetime{Expires: "-5d"}, refused: true},
		{given: lifetime{Expires: "1y"}, refused: true},
		{given: lifetime{Expires: "1.5h"}, refused: true},
		{given: lifetime{Expires: "30"}, refused: true},
		{given: lifetime{Expires: "tomorrow"}, refused: true},
		{given: lifetime{Expires: "99999999999999999999d"}, refused: true},
		{given: lifetime{Expires: "106751d24h"}, refused: true}, // one of them alone fits
	} {
		name, at, seconds, err := tt.given.asked()
		if (err != nil) != tt.refused {
			t.Errorf("%+v: error %v", tt.given, err)
		}
		if err == nil && (name != tt.name || at != tt.at || seconds != tt.seconds) {
			t.Errorf("%+v: %q %q %d", tt.given, name, at, seconds)
		}
		if err != nil && exitCode(err) != exitUsage {
			t.Errorf("%+v: exit code %d, want %d", tt.given, exitCode(err), exitUsage)
		}
	}
}

func TestDurationsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.Int64Range(0, 1<<33).Draw(t, "seconds")
		d, err := parseDuration(formatSeconds(seconds))
		if err != nil || d != time.Duration(seconds)*time.Second {
			t.Fatalf("%d is written %q and read %s, %v", seconds, formatSeconds(seconds), d, err)
		}
	})
}
