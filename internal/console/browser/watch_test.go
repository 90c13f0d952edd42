package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// watch writes down whatever in a tab must not be: violations of the content security policy, errors and warnings in the
// console, what the browser's own audits find, requests to other origins, answers that are errors, and dialogs that a script
// opens. It is told of each event in turn and must not speak to the browser itself.
type watch struct {
	origin string
	asked  chan page.DialogType // the dialogs that are to be answered

	leaving atomic.Int64 // how often somebody was asked whether to leave a page

	mu       sync.Mutex
	troubles []string
	bodies   map[network.RequestID]bool // requests under way
	expected []string                   // parts of troubles that the test means to cause
}

func newWatch(origin string) *watch {
	return &watch{origin: origin, asked: make(chan page.DialogType, 16), bodies: map[network.RequestID]bool{}}
}

func (w *watch) event(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		w.entry(e.Entry)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.note("console.%s: %s", e.Type, spoken(e.Args))
		}
	case *runtime.EventExceptionThrown:
		w.note("exception: %s %s", e.ExceptionDetails.Text, thrown(e.ExceptionDetails))
	case *audits.EventIssueAdded:
		details, _ := json.Marshal(e.Issue.Details)
		w.note("issue %s: %s", e.Issue.Code, details)
	case *page.EventJavascriptDialogOpening:
		if e.Type == page.DialogTypeBeforeunload {
			w.leaving.Add(1)
		} else {
			w.note("dialog %s: %s", e.Type, e.Message)
		}
		w.asked <- e.Type
	default:
		w.traffic(event)
	}
}

// entry looks at a line of the browser's log. Those of the network are told by traffic, which knows more of them.
func (w *watch) entry(e *log.Entry) {
	if e.Source != log.EntrySourceNetwork && (e.Level == log.EntryLevelError || e.Level == log.EntryLevelWarning) {
		w.note("log %s %s: %s %s", e.Source, e.Level, e.Text, e.URL)
	}
}

func (w *watch) traffic(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.underWay(e.RequestID, true)
		url := e.Request.URL
		if !strings.HasPrefix(url, w.origin+"/") && !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "blob:"+w.origin+"/") && url != "about:blank" {
			w.note("request elsewhere: %s", url)
		}
	case *network.EventResponseReceived:
		// A page may say by its status what it says in words; a script that asks for a page may be told so too.
		isPage := e.Type == network.ResourceTypeDocument || e.Type == network.ResourceTypeFetch
		if e.Response.Status >= 500 || e.Response.Status >= 400 && !isPage {
			w.note("answer %d to %s", e.Response.Status, e.Response.URL)
		}
	case *page.EventFrameNavigated:
		w.forget() // of what the page before was loading, nothing more is heard
	case *network.EventLoadingFinished:
		w.underWay(e.RequestID, false)
	case *network.EventLoadingFailed:
		w.underWay(e.RequestID, false)
		if !e.Canceled || e.BlockedReason != "" {
			w.note("not loaded: %s %s %s", e.Type, e.ErrorText, e.BlockedReason)
		}
	}
}

func (w *watch) underWay(id network.RequestID, is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bodies[id] = is; !is {
		delete(w.bodies, id)
	}
}

func (w *watch) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.bodies)
}

// idle reports whether nothing is being loaded.
func (w *watch) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.bodies) == 0
}

func (w *watch) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.troubles = append(w.troubles, fmt.Sprintf(format, args...))
}

// found takes out the troubles so far that nobody expected.
func (w *watch) found() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	troubles := w.troubles
	w.troubles = nil
	return slices.DeleteFunc(troubles, func(trouble string) bool {
		return slices.ContainsFunc(w.expected, func(part string) bool { return strings.Contains(trouble, part) })
	})
}

func spoken(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		words = append(words, strings.TrimSpace(string(a.Value)+" "+a.Description))
	}
	return strings.Join(words, " ")
}

func thrown(d *runtime.ExceptionDetails) string {
	if d.Exception == nil {
		return ""
	}
	return d.Exception.Description
}

// What the watch is to find, it finds.
func TestWatch(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(elsewhere.Close)
	for name, body := range map[string]struct{ body, want string }{
		"inline script":     {`<p onclick="x()">a</p><script>document.title = "ran"</script>`, "issue ContentSecurityPolicyIssue"},
		"inline style":      {`<p style="color: red">a</p>`, "Applying inline style violates"},
		"another origin":    {`<img src="` + elsewhere.URL + `/a.png" alt="">`, "request elsewhere: " + elsewhere.URL},
		"console.error":     {`<script src="/error.js"></script>`, "console.error: \"oh\""},
		"an exception":      {`<script src="/throw.js"></script>`, "exception: Uncaught Error: ah"},
		"a dialog":          {`<script src="/alert.js"></script>`, "dialog alert: 1"},
		"a missing file":    {`<link rel="stylesheet" href="/none.css">`, "issue StylesheetLoadingIssue"},
		"a missing image":   {`<img src="/none.png" alt="">`, "answer 404 to"},
		"a field, nameless": {`<form action="/"><input></form>`, "issue GenericIssue"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPerson(t, serve(t, body.body))
			p.visit("/")
			p.until(`document.readyState === "complete"`)
			found := p.watch.found()
			if !strings.Contains(strings.Join(found, "\n"), body.want) {
				t.Errorf("found %q, not %q", found, body.want)
			}
		})
	}
}

// serve is a site of one page, under the console's policy.
func serve(t *testing.T, body string) (url string) {
	t.Helper()
	scripts := map[string]string{"/error.js": `console.error("oh")`, "/throw.js": `throw new Error("ah")`, "/alert.js": `alert(1)`}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src * data:; style-src 'self'")
		switch script, ok := scripts[r.URL.Path]; {
		case ok:
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(script))
		case r.URL.Path == "/":
			_, _ = w.Write([]byte(`<!DOCTYPE html><html lang="en"><title>a</title><link rel="icon" href="data:,">` + body))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}
