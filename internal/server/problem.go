package server

import (
	"fmt"
	"net/http"
	"strconv"
)

// problem answers what no door is asked about (RFC 9457). The detail is one of this package's own
// constants, never a part of the request.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"type":"about:blank","title":%s,"status":%d,"detail":%s}`+"\n",
		strconv.Quote(http.StatusText(status)), status, strconv.Quote(detail))
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }
