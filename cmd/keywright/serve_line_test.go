package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Every line is, byte for byte, what slog's own handler makes of the same record; and the line of a request is written by hand.
func TestLinesAreSlogs(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{time.UTC, time.FixedZone("", 3600), time.FixedZone("", -12600)}
	text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,20}`), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.Int64Range(-1<<36, 1<<38).Draw(t, "seconds")
		nanos := rapid.OneOf(rapid.Int64Range(0, 999_999_999), rapid.SampledFrom([]int64{0, 1, 100, 120_000_000})).Draw(t, "nanos")
		level := slog.Level(rapid.IntRange(-8, 12).Draw(t, "level"))
		var records []slog.Record
		for range 2 { // twice in a second: the second finds it begun
			at := time.Unix(seconds, nanos).In(rapid.SampledFrom(zones).Draw(t, "zone"))
			r := slog.NewRecord(at, level, text.Draw(t, "message"), 0)
			for range rapid.IntRange(0, 8).Draw(t, "attributes") {
				r.AddAttrs(attribute(t, text))
			}
			records = append(records, r)
		}
		for _, format := range []string{"text", "json"} {
			compareLines(t, format, records)
		}
	})
}

func attribute(t *rapid.T, text *rapid.Generator[string]) slog.Attr {
	key := text.Draw(t, "key")
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		return slog.Int64(key, rapid.Int64().Draw(t, "number"))
	case 1:
		return slog.Duration(key, time.Duration(rapid.Int64().Draw(t, "duration")))
	case 2:
		return slog.Any(key, rapid.SampledFrom([]any{true, io.EOF, nil, 1.5, []string{"x"}}).Draw(t, "any"))
	case 3:
		return slog.Group(key, "inner", 1)
	}
	return slog.String(key, text.Draw(t, "text"))
}

func compareLines(t *rapid.T, format string, records []slog.Record) {
	var ours, theirs bytes.Buffer
	log := newServerLog(&ours, format, "debug")
	var handler slog.Handler = slog.NewTextHandler(&theirs, nil)
	if format == "json" {
		handler = slog.NewJSONHandler(&theirs, nil)
	}
	for _, r := range records {
		if err := log.Handler().Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		if err := handler.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	log.flush()
	if ours.String() != theirs.String() {
		t.Fatalf("%s:\n%s\nslog:\n%s", format, ours.String(), theirs.String())
	}
}

func requestRecord() slog.Record {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "request", 0)
	r.AddAttrs(slog.String("route", "POST /api/v1/verify"), slog.Int("status", 200), slog.Int64("bytes", 271),
		slog.Duration("took", 41200), slog.String("request_id", "k3v9x2mq-1a"), slog.String("address", "127.0.0.1:50912"))
	return r
}

// The line of a request is one of those that are written by hand, without allocating.
func TestRequestLineByHand(t *testing.T) {
	r := requestRecord()
	for _, w := range []lineWriter{{json: true}, {}} {
		var b []byte
		allocations := testing.AllocsPerRun(100, func() {
			line, ok := w.append(b[:0], &r)
			if b = line; !ok {
				t.Fatal("left to slog")
			}
		})
		if allocations > 0 {
			t.Errorf("%v allocations a line, want none", allocations)
		}
	}
}

func BenchmarkRequestLine(b *testing.B) {
	log := newServerLog(io.Discard, "text", "info")
	handlers := map[string]slog.Handler{"ours": log.Handler(), "slog": slog.NewTextHandler(io.Discard, nil)}
	r := requestRecord()
	for name, handler := range handlers {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = handler.Handle(b.Context(), r)
			}
		})
	}
}
