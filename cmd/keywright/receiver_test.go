package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receiver is what webhooks are sent to. It believes nothing but what is signed by the secret it was told.
type receiver struct {
	status atomic.Int64
	secret atomic.Value // string

	mu    sync.Mutex
	types []string          // of what it answered 2xx, in order, each id once
	seen  map[string]string // the first body of each id
	wrong []string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	var message struct{ Type string }
	if err == nil {
		err = json.Unmarshal(body, &message)
	}
	judge, judgeErr := standardwebhooks.NewWebhook(r.secret.Load().(string))
	if err == nil && judgeErr == nil {
		err = judge.Verify(body, q.Header)
	}
	status, id := int(r.status.Load()), q.Header.Get("Webhook-Id")
	r.mu.Lock()
	defer r.mu.Unlock()
	switch first, again := r.seen[id]; {
	case err != nil || judgeErr != nil:
		r.wrong = append(r.wrong, string(body))
	case again && first != string(body):
		r.wrong = append(r.wrong, "another body under the same id")
	case status < 300 && !again:
		r.seen[id] = string(body)
		r.types = append(r.types, message.Type)
	}
	w.WriteHeader(status)
}

// cmdReceiver starts what webhooks are sent to, and sets HOOK to its URL; or, if it runs, has it answer otherwise.
func cmdReceiver(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	if s.receiver == nil {
		s.receiver = &receiver{seen: map[string]string{}}
		s.receiver.secret.Store("")
		server := httptest.NewServer(s.receiver)
		ts.Defer(server.Close)
		ts.Setenv("HOOK", server.URL+"/in")
	}
	status, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	s.receiver.status.Store(status)
	s.receiver.secret.Store(ts.Getenv("SECRET"))
}

// cmdReceived demands that these events have come, each signed, and no others; they may take a while, and any order.
func cmdReceived(ts *testscript.TestScript, _ bool, args []string) {
	r := of(ts).receiver
	slices.Sort(args)
	var got []string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		r.mu.Lock()
		got = slices.Sorted(slices.Values(r.types))
		wrong := r.wrong
		r.mu.Unlock()
		if len(wrong) > 0 {
			ts.Fatalf("received, but not as it should be: %q", wrong)
		}
		if slices.Equal(got, args) {
			return
		}
	}
	ts.Fatalf("received %q, want %q", got, args)
}
