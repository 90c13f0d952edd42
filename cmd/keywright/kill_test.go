package main

// kill -9 at any moment loses no change that was acknowledged and leaves none without its event.

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/server"
)

const killPassword = "correct horse battery staple"

func killServer(t *testing.T, data string) *process {
	t.Helper()
	log, err := os.OpenFile(data+".log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p, err := startServer([]string{"KEYWRIGHT_ADMIN_PASSWORD=" + killPassword}, log,
		"--listen", "127.0.0.1:0", "--data", data, "--log-level", "warn")
	if err != nil {
		text, _ := os.ReadFile(data + ".log")
		t.Fatalf("%v\n%s", err, text)
	}
	t.Cleanup(func() { _ = p.stop(syscall.SIGKILL) })
	return p
}

// ledger is what the server has acknowledged.
type ledger struct {
	mu      sync.Mutex
	made    map[keywright.ID]keywright.Secret
	asked   map[keywright.ID]bool // to be revoked; acknowledged or not
	revoked map[keywright.ID]bool
}

func (l *ledger) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// hammer creates tokens and revokes every other one until the server is gone.
func (l *ledger) hammer(ctx context.Context, client *keywright.Client) {
	for i := 0; ; i++ {
		issued, err := client.CreateToken(ctx, keywright.NewToken{Scopes: []string{"a"}}, "")
		if err != nil {
			return
		}
		id := issued.Token.ID
		l.note(func() { l.made[id] = issued.APIKey })
		if i%2 == 0 {
			continue
		}
		l.note(func() { l.asked[id] = true })
		if _, err := client.RevokeToken(ctx, id, ""); err != nil {
			return
		}
		l.note(func() { l.revoked[id] = true })
	}
}

// check holds what the restarted server says against what was acknowledged.
func (l *ledger) check(t *testing.T, client *keywright.Client) {
	t.Helper()
	for id, key := range l.made {
		token, err := client.Token(t.Context(), id)
		if err != nil {
			t.Fatalf("an acknowledged token is gone: %v", err)
		}
		verdict, err := client.Verify(t.Context(), keywright.VerifyRequest{Token: key.Reveal()})
		if err != nil {
			t.Fatal(err)
		}
		ended := token.State == keywright.StateRevoked
		if ended == verdict.Valid || l.revoked[id] && !ended || !l.asked[id] && ended {
			t.Fatalf("token %s is %s, valid %v; revocation asked for %v, acknowledged %v", id, token.State, verdict.Valid, l.asked[id], l.revoked[id])
		}
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	const rounds, workers = 50, 4
	data := filepath.Join(t.TempDir(), "data")
	first := killServer(t, data)
	session, err := keywright.NewClient(first.url, "").Login(t.Context(), "admin", keywright.NewSecret(killPassword))
	if err != nil {
		t.Fatal(err)
	}
	running := first
	for range rounds {
		book := &ledger{made: map[keywright.ID]keywright.Secret{}, asked: map[keywright.ID]bool{}, revoked: map[keywright.ID]bool{}}
		client := keywright.NewClient(running.url, session.Token.Reveal())
		var hammers sync.WaitGroup
		for range workers {
			hammers.Go(func() { book.hammer(t.Context(), client) })
		}
		time.Sleep(time.Duration(20+rand.IntN(100)) * time.Millisecond) // the moment is what the test is about
		_ = running.stop(syscall.SIGKILL)
		hammers.Wait()
		running = killServer(t, data)
		book.check(t, keywright.NewClient(running.url, session.Token.Reveal()))
	}
	checkTrail(t, keywright.NewClient(running.url, session.Token.Reveal()))
	if report, err := server.VerifyTrail(t.Context(), data, "", nil); err != nil || report.Events < rounds {
		t.Errorf("the audit trail after %d kills: %+v, %v", rounds, report, err)
	}
}

// checkTrail: there is one event for each change that is on file, and none for one that is not.
func checkTrail(t *testing.T, client *keywright.Client) {
	t.Helper()
	want, got := map[string]int{}, map[string]int{}
	for token, err := range client.AllTokens(t.Context(), keywright.TokenQuery{Limit: 200}) {
		if err != nil {
			t.Fatal(err)
		}
		want[fmt.Sprint("token.create token:", token.ID)]++
		if token.State == keywright.StateRevoked {
			want[fmt.Sprint("token.revoke token:", token.ID)]++
		}
	}
	var last keywright.Event
	for q := (keywright.EventQuery{EventFilter: keywright.EventFilter{Action: "token."}, ListQuery: keywright.ListQuery{Limit: 200}}); ; {
		page, err := client.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items {
			if e.Action != "token.refused" {
				got[e.Action+" "+e.Subject]++
			}
			if last.Seq != 0 && (e.At.After(last.At) || e.At.Equal(last.At) && e.Seq >= last.Seq) {
				t.Fatalf("event %d after %d", e.Seq, last.Seq)
			}
			last = e
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if len(want) == 0 {
		t.Fatal("nothing was changed at all")
	}
	for change := range want {
		if got[change] != want[change] {
			t.Errorf("%s: %d events", change, got[change])
		}
		delete(got, change)
	}
	for change := range got {
		t.Errorf("%s: an event without its change", change)
	}
}

// A first start that is killed at any moment leaves nothing that hinders the next one.
func TestKillAtFirstStart(t *testing.T) {
	t.Parallel()
	for range 10 {
		data := filepath.Join(t.TempDir(), "data")
		timer := time.Duration(rand.IntN(200)) * time.Millisecond
		if first, err := launch([]string{"KEYWRIGHT_ADMIN_PASSWORD=" + killPassword}, io.Discard, "--listen", "127.0.0.1:0", "--data", data); err != nil {
			t.Fatal(err)
		} else {
			time.Sleep(timer)
			_ = first.stop(syscall.SIGKILL)
		}
		p := killServer(t, data)
		if _, err := keywright.NewClient(p.url, "").Login(t.Context(), "admin", keywright.NewSecret(killPassword)); err != nil {
			t.Fatalf("the first user is not there: %v", err)
		}
		_ = p.stop(syscall.SIGKILL)
	}
}
