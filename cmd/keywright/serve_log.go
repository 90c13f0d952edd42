package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// serverLog is the server's log. Lines are written out together, up to a tenth of a second
// late, since a system call for each would be a good part of what a verification costs. A warning
// or an error is written at once.
type serverLog struct {
	*slog.Logger
	lines *lines
}

const writeLines = 100 * time.Millisecond

func newServerLog(w io.Writer, format, level string) serverLog {
	lines := &lines{to: w, w: bufio.NewWriterSize(w, 64<<10), by: lineWriter{json: format == "json"}}
	var least slog.Level
	_ = least.UnmarshalText([]byte(level)) // one of those that the flag takes
	options := &slog.HandlerOptions{Level: least}
	var handler slog.Handler = slog.NewTextHandler(lines, options)
	if format == "json" {
		handler = slog.NewJSONHandler(lines, options)
	}
	return serverLog{slog.New(&prompt{handler, lines, true}), lines}
}

func (l serverLog) flush() { l.lines.flush() }

// lines gathers what is written until it is flushed.
type lines struct {
	to  io.Writer
	mu  sync.Mutex
	w   *bufio.Writer
	by  lineWriter
	due bool // a flush is on its way
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushSoon()
	return l.w.Write(p)
}

// record writes a record's line, unless the line writer leaves it to slog.
func (l *lines) record(r *slog.Record) (ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, ok := l.by.append(l.w.AvailableBuffer(), r)
	if !ok {
		return false, nil
	}
	l.flushSoon()
	_, err = l.w.Write(line)
	return true, err
}

func (l *lines) flushSoon() {
	if !l.due {
		l.due = true
		time.AfterFunc(writeLines, l.flush)
	}
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due = false
	if err := l.w.Flush(); err != nil {
		l.w.Reset(l.to) // a log that cannot be written must not stop the service, nor stay silent for ever
	}
}

// prompt writes out at once what should be seen at once.
type prompt struct {
	slog.Handler // of slog; writes the same lines to the same place
	lines        *lines
	bare         bool // nothing is added to its records
}

func (p *prompt) Handle(ctx context.Context, r slog.Record) error {
	done, err := false, error(nil)
	if p.bare {
		done, err = p.lines.record(&r)
	}
	if !done {
		err = p.Handler.Handle(ctx, r)
	}
	if r.Level >= slog.LevelWarn {
		p.lines.flush()
	}
	return err
}

func (p *prompt) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &prompt{p.Handler.WithAttrs(attrs), p.lines, false}
}

func (p *prompt) WithGroup(name string) slog.Handler {
	return &prompt{p.Handler.WithGroup(name), p.lines, false}
}
