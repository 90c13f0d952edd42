package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright/internal/authority"
)

// The headers by which an answer says how a change took effect.
const (
	revisionHeader = "Keywright-Revision"
	waitedHeader   = "Keywright-Waited-Ms"
	appliedHeader  = "Preference-Applied"
)

// effectOf is what a request's changes will have done, and how long the client waits for it: Prefer: wait=SECONDS (RFC 7240
// section 4.3). Like every preference that is not understood, one that is no number of seconds is passed over.
func effectOf(r *http.Request) *authority.Effect {
	e := new(authority.Effect)
	if seconds, ok := preferredWait(r.Header.Values("Prefer")); ok {
		e.Until = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	return e
}

// preferredWait is the first that is given; so are they all, says RFC 7240 section 2.
func preferredWait(headers []string) (seconds uint64, ok bool) {
	for _, header := range headers {
		for preference := range strings.SplitSeq(header, ",") {
			preference, _, _ = strings.Cut(preference, ";") // its parameters mean nothing
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 16)
			return seconds, err == nil
		}
	}
	return 0, false
}

// tell writes the headers of an answer to a request that changed something, and returns its status.
func tell(h http.Header, e *authority.Effect, status int) int {
	if e == nil {
		return status
	}
	if !e.Until.IsZero() {
		h.Set(appliedHeader, "wait")
	}
	if e.Revision > 0 {
		h.Set(revisionHeader, strconv.FormatInt(int64(e.Revision), 10))
		h.Set(waitedHeader, strconv.FormatFloat(float64(e.Waited.Microseconds())/1000, 'f', -1, 64))
	}
	if e.Pending {
		return http.StatusAccepted
	}
	return status
}

const waitDetail = "How long to wait, as wait=SECONDS (RFC 7240), until no server and no guard says yes any more to what the change takes away. " +
	"If that is not known by then, the answer is 202: the change stands, and takes effect everywhere within the lease. Default: as long as it takes"

// describeEffect says of an operation that changes something how that takes effect.
func describeEffect(d *described) {
	d.Parameters = append(d.Parameters, &huma.Param{Name: "Prefer", In: "header", Description: waitDetail, Schema: &huma.Schema{Type: huma.TypeString}})
}

// effectHeaders are those of an answer to a change.
func effectHeaders() map[string]*huma.Param {
	return map[string]*huma.Param{
		revisionHeader: {Description: "Of the change, if it changed anything that existed", Schema: &huma.Schema{Type: huma.TypeInteger}},
		waitedHeader:   {Description: "Milliseconds until it held everywhere", Schema: &huma.Schema{Type: huma.TypeNumber}},
	}
}
