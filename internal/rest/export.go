package rest

import (
	"log/slog"
	"net/http"
	"path"
	"time"

	"github.com/keywright/keywright/internal/auditlog"
	"github.com/keywright/keywright/internal/authority"
)

// batchTime is how long a client may take for a part of an export; the whole may take any time.
const batchTime = time.Minute

// exporting is an export and how it is to be written.
type exporting struct {
	*authority.Export
	format string
}

// export streams the events. Once it has begun, a failure breaks the connection: nobody may take a part for the whole.
func (s *spoke) export(w http.ResponseWriter, r *http.Request, x exporting) {
	lines, err := x.Next(r.Context())
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	out := auditlog.NewWriter(w, x.format)
	h := w.Header()
	h.Set("Content-Type", out.Media()+"; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="events.`+path.Base(out.Media())+`"`)
	if err = out.Begin(x.Checkpoint); err == nil {
		err = x.stream(r, http.NewResponseController(w), out, lines)
	}
	if err != nil {
		s.Log.LogAttrs(r.Context(), slog.LevelWarn, "an export broke off", slog.String("request_id", s.RequestID(r)), slog.Any("error", err))
		panic(http.ErrAbortHandler)
	}
}

func (x exporting) stream(r *http.Request, c *http.ResponseController, out *auditlog.Writer, lines []auditlog.Line) (err error) {
	for ; err == nil && len(lines) > 0; lines, err = x.Next(r.Context()) {
		_ = c.SetWriteDeadline(time.Now().Add(batchTime)) // what has no deadline needs none
		if err = out.Write(lines); err != nil {
			return err
		}
		if err = out.Flush(); err != nil {
			return err
		}
	}
	if err == nil {
		err = out.Flush()
	}
	return err
}
