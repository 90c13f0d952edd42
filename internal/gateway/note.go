package gateway

import (
	"context"
	"log/slog"
	"time"
)

// Note writes the line of one question that did not come by HTTP, as the server writes one of every request: without the
// caller's position, which costs more than the line.
func Note(ctx context.Context, log *slog.Logger, route string, asked *Asked, ruling *Ruling, begun time.Time) {
	level := slog.LevelInfo
	if ruling.Status >= 500 {
		level = slog.LevelWarn
	}
	if log == nil || !log.Enabled(ctx, level) {
		return
	}
	ended := time.Now()
	line := slog.NewRecord(ended, level, "request", 0)
	line.AddAttrs(
		slog.String("route", route),
		slog.Int("status", ruling.Status),
		slog.Duration("took", ended.Sub(begun)),
		slog.String("request_id", asked.RequestID),
		slog.String("address", asked.Address.String()),
	)
	_ = log.Handler().Handle(ctx, line)
}
