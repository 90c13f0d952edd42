package main

import (
	"log/slog"
	"strconv"
	"time"
)

// lineWriter writes the lines that nearly all of a log is made of, records of words and numbers, byte for byte as
// slog's own handlers do, in a third of the time. What it does not know it leaves to them. It is
// not safe for concurrent use.
type lineWriter struct {
	json  bool
	stamp stamp
}

// append adds a record's line. If it does not know how, ok is false and what it returned is of no use.
func (w *lineWriter) append(b []byte, r *slog.Record) (line []byte, ok bool) {
	if year := r.Time.Year(); year < 1 || year > 9999 {
		return b, false
	}
	if w.json {
		b = append(w.stamp.append(append(b, `{"time":"`...), r.Time, false), `","level":`...)
	} else {
		b = append(w.stamp.append(append(b, "time="...), r.Time, true), " level="...)
	}
	b, ok = w.text(b, r.Level.String())
	if ok {
		b, ok = w.text(w.key(b, slog.MessageKey), r.Message)
	}
	r.Attrs(func(a slog.Attr) bool {
		if ok = ok && plain(a.Key); ok {
			b, ok = w.value(w.key(b, a.Key), a.Value)
		}
		return ok
	})
	if w.json {
		b = append(b, '}')
	}
	return append(b, '\n'), ok
}

// key adds the name of a member that is not the first.
func (w *lineWriter) key(b []byte, name string) []byte {
	if w.json {
		return append(append(append(b, `,"`...), name...), `":`...)
	}
	return append(append(append(b, ' '), name...), '=')
}

func (w *lineWriter) value(b []byte, v slog.Value) ([]byte, bool) {
	switch v.Kind() {
	case slog.KindString:
		return w.text(b, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10), true
	case slog.KindDuration:
		if w.json {
			return strconv.AppendInt(b, int64(v.Duration()), 10), true
		}
		return append(b, v.Duration().String()...), true
	}
	return b, false
}

// text adds a text of visible ASCII and spaces; JSON's with neither quotes nor backslashes.
func (w *lineWriter) text(b []byte, s string) ([]byte, bool) {
	quoted := w.json || s == ""
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' || c == '=':
			quoted = true
		case c < ' ' || c > '~' || c == '"' || c == '\\':
			return b, false
		}
	}
	if quoted {
		return append(append(append(b, '"'), s...), '"'), true
	}
	return append(b, s...), true
}

// plain reports whether a name is written as it is in every format.
func plain(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '=' {
			return false
		}
	}
	return name != ""
}

// stamp writes instants as RFC 3339 has them. It keeps what all instants of one second have in common.
type stamp struct {
	second int64
	place  *time.Location
	date   []byte // 2006-01-02T15:04:05
	zone   []byte // Z, or +01:00
}

// append adds an instant in milliseconds, always three digits, or in nanoseconds without zeros at the end.
func (s *stamp) append(b []byte, t time.Time, millis bool) []byte {
	if s.date == nil || t.Unix() != s.second || t.Location() != s.place {
		s.second, s.place = t.Unix(), t.Location()
		s.date = t.AppendFormat(s.date[:0], "2006-01-02T15:04:05")
		s.zone = t.AppendFormat(s.zone[:0], "Z07:00")
	}
	b = append(b, s.date...)
	digits, n := 9, t.Nanosecond()
	if millis {
		digits, n = 3, n/1_000_000
	}
	for !millis && digits > 0 && n%10 == 0 {
		digits, n = digits-1, n/10
	}
	if digits > 0 {
		b = append(b, ".000000000"[:1+digits]...)
		for i := len(b) - 1; n > 0; i-- {
			b[i], n = '0'+byte(n%10), n/10
		}
	}
	return append(b, s.zone...)
}
