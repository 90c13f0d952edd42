package meshstack

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// mediaType is that of API keys and of lists of them, with its version. Clients write some of its letters in upper case.
const mediaType = "application/vnd.meshcloud.api.meshapikey.v1-preview.hal+json"

// negotiate demands that a request accepts the media type, and that a body is of it.
func negotiate(r *http.Request) error {
	if !accepts(r.Header.Values("Accept")) {
		return fail(http.StatusNotAcceptable, "Accept must name "+mediaType)
	}
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != mediaType {
		return fail(http.StatusUnsupportedMediaType, "Content-Type must be "+mediaType)
	}
	return nil
}

func accepts(headers []string) bool {
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		if kind, _, err := mime.ParseMediaType(part); err == nil && kind == mediaType {
			return true
		}
	}
	return false
}

func write(w http.ResponseWriter, kind string, answer reply) {
	if answer.body == nil {
		w.WriteHeader(answer.status)
		return
	}
	text, err := json.Marshal(answer.body)
	if err != nil {
		panic(err) // only text that is not UTF-8, of which nothing here is made
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(answer.status)
	_, _ = w.Write(text) // an error here is the client's going away
}
