package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/keywright/keywright/internal/authority"
)

// received is what came to a receiver.
type received struct {
	header http.Header
	body   []byte
}

// receiver is a server that answers as told and passes on what it got.
func receiver(t *testing.T, answer http.HandlerFunc) (string, <-chan received) {
	t.Helper()
	got := make(chan received, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- received{r.Header, body}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

// The standard's own library takes what is sent: with the secret, with the one from before a rotation, and with no other.
func TestSignature(t *testing.T) {
	t.Parallel()
	address, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	secrets := [][]byte{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)}
	body := []byte(`{"type":"token.revoke","data":{"é":"<&>"}}`)
	receipt := local(t, Config{}).Send(t.Context(), authority.Message{ID: "0190a1b2", At: time.Now(), URL: address, Secrets: secrets, Body: body})
	if receipt.Status != 204 || receipt.Error != "" {
		t.Fatalf("%+v", receipt)
	}
	r := <-got
	if !bytes.Equal(r.body, body) || r.header.Get("Content-Type") != "application/json" || r.header.Get("User-Agent") != "keywright" {
		t.Errorf("%s %v", r.body, r.header)
	}
	for i, secret := range append(secrets, bytes.Repeat([]byte{3}, 32)) {
		judge, err := standardwebhooks.NewWebhook("whsec_" + base64.StdEncoding.EncodeToString(secret))
		if err != nil {
			t.Fatal(err)
		}
		if err := judge.Verify(r.body, r.header); (err == nil) != (i < 2) {
			t.Errorf("secret %d: %v", i, err)
		}
		if err := judge.Verify(append(r.body, ' '), r.header); err == nil {
			t.Errorf("secret %d signs another body", i)
		}
	}
}

// A message that was caught and is sent again later is too old for the receiver.
func TestReplayWindow(t *testing.T) {
	t.Parallel()
	address, got := receiver(t, func(http.ResponseWriter, *http.Request) {})
	secret := bytes.Repeat([]byte{7}, 32)
	local(t, Config{}).Send(t.Context(), authority.Message{ID: "a", At: time.Now().Add(-time.Hour), URL: address, Secrets: [][]byte{secret}})
	judge, err := standardwebhooks.NewWebhookRaw(secret)
	if err != nil {
		t.Fatal(err)
	}
	r := <-got
	if err := judge.Verify(r.body, r.header); err == nil {
		t.Error("an hour-old message is taken")
	}
	if err := judge.VerifyIgnoringTimestamp(r.body, r.header); err != nil {
		t.Error(err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		answer http.HandlerFunc
		status int
		err    string
		wait   time.Duration
	}{
		{func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, 200, "", 0},
		{func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(299) }, 299, "", 0},
		{func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, 410, "410 Gone", 0},
		{func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "secret words", 500) }, 500, "answered 500", 0},
		{func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(429)
		}, 429, "429 Too Many", 2 * time.Minute},
		{func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 10<<20)) }, 200, "", 0},
		{func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, 0, "cannot be reached", 0},
		{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, "cannot be reached", 0},
	} {
		address, _ := receiver(t, row.answer)
		got := local(t, Config{}).Send(t.Context(), authority.Message{URL: address + "/?key=hidden"})
		if got.Status != row.status || !strings.Contains(got.Error, row.err) || (got.Error == "") != (row.err == "") || got.Wait != row.wait {
			t.Errorf("%+v, want %d %q", got, row.status, row.err)
		}
		if strings.Contains(got.Error, "hidden") || strings.Contains(got.Error, "secret words") {
			t.Errorf("the receipt tells too much: %s", got.Error)
		}
	}
}

// A receiver that never answers costs as long as a try takes, also one that begins to answer and never ends.
func TestSlowReceivers(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	silent, _ := receiver(t, func(http.ResponseWriter, *http.Request) { <-ended })
	endless, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		<-ended
	})
	t.Cleanup(func() { close(ended) }) // before the receivers are closed
	s := local(t, Config{Timeout: 50 * time.Millisecond})
	for address, status := range map[string]int{silent: 0, endless: 200} {
		if got := s.Send(t.Context(), authority.Message{URL: address}); got.Status != status || status == 0 && !strings.Contains(got.Error, "in time") {
			t.Errorf("%+v", got)
		}
	}
}

// Certificates are verified.
func TestUnknownCertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = nil
	s.StartTLS()
	defer s.Close()
	got := local(t, Config{}).Send(context.Background(), authority.Message{URL: s.URL})
	if got.Status != 0 || !strings.Contains(got.Error, "certificate") {
		t.Errorf("%+v", got)
	}
}
