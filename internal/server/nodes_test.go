package server

// Several servers on one database: what is revoked at one is refused at all when the call has returned, although all
// remember; and nobody waits for one that has stopped.

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/guard"
	"github.com/keywright/keywright/internal/factcache"
	"github.com/keywright/keywright/internal/store/pgtest"
)

// together starts servers on one new database and waits until all of them remember.
func together(t *testing.T, n int, lease time.Duration) (all []*instance) {
	t.Helper()
	database := keywright.NewSecret(pgtest.New(t))
	dir := t.TempDir()
	key := filepath.Join(dir, "0", "master.key")
	for i := range n {
		cfg := Config{Data: filepath.Join(dir, string(rune('0'+i))), Database: database, Lease: lease}
		if i > 0 {
			cfg.MasterKeyFile = key
		}
		s := start(t, cfg)
		s.remembers(t)
		all = append(all, s)
	}
	return all
}

// remembers waits until a server holds a lease.
func (i *instance) remembers(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if end, ok := i.node.LeaseEnd(); !ok || time.Until(end) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it gets no lease")
		}
	}
}

func holderOf(i *instance, issued keywright.Issued) *keywright.Client {
	return keywright.NewClient(i.Opened.URL, issued.APIKey.Reveal())
}

func TestRevokedEverywhere(t *testing.T) {
	t.Parallel()
	all := together(t, 3, 0)
	admins := []*keywright.Client{all[0].admin(t), all[1].admin(t), all[2].admin(t)}
	var longest time.Duration
	for i := range 200 {
		issued, err := admins[i%3].CreateToken(t.Context(), keywright.NewToken{Scopes: []string{"a"}}, "")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time from memory
			for _, s := range all {
				if v, err := holderOf(s, issued).Verify(t.Context(), keywright.VerifyRequest{}); err != nil || !v.Valid {
					t.Fatal(v, err)
				}
			}
		}
		begin := time.Now()
		if _, err := admins[i%3].RevokeToken(t.Context(), issued.Token.ID, ""); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Since(begin))
		for _, s := range all {
			if v, err := holderOf(s, issued).Verify(t.Context(), keywright.VerifyRequest{}); err == nil && v.Valid {
				t.Fatalf("token %d is accepted at %s after it was revoked", i, s.Opened.URL)
			}
		}
	}
	t.Logf("no call waited longer than %s", longest)
}

// TestStopLeaves: a server that stops is not waited for, by nobody's lease.
func TestStopLeaves(t *testing.T) {
	t.Parallel()
	all := together(t, 2, 30*time.Second)
	admin := all[0].admin(t)
	issued, err := admin.CreateToken(t.Context(), keywright.NewToken{Scopes: []string{"a"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := all[1].stop(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if _, err := admin.RevokeToken(t.Context(), issued.Token.ID, ""); err != nil || time.Since(begin) > 10*time.Second {
		t.Errorf("revoked after %s: %v", time.Since(begin), err)
	}
}

// TestNodes: each of three says who answers, and that one of them has a guard.
func TestNodes(t *testing.T) {
	t.Parallel()
	all := together(t, 3, leastLease)
	admin := all[0].admin(t)
	issued, err := admin.CreateToken(t.Context(), keywright.NewToken{Label: "gate", Scopes: []string{"keywright:tokens:verify"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(holderOf(all[1], issued))
	defer func() { _ = g.Close(context.Background()) }()
	if _, err := g.Verify(t.Context(), issued.APIKey.Reveal(), keywright.Access{}); err != nil {
		t.Fatal(err)
	}
	for i, s := range all {
		var got keywright.Nodes
		asked := s.admin(t)
		for deadline := time.Now().Add(20 * time.Second); followersOf(got, all[1]) == 0; { // which others say after a lease
			if got, err = asked.Nodes(t.Context()); err != nil || time.Now().After(deadline) {
				t.Fatal(err, got)
			}
		}
		if len(got.Items) != 3 || followersOf(got, all[0])+followersOf(got, all[2]) != 0 {
			t.Errorf("at %d: %+v", i, got)
		}
		for _, n := range got.Items {
			if n.Self != (n.Name == s.name()) || n.LeaseMS <= 0 || n.Lease() > leastLease || n.Acknowledged == 0 {
				t.Errorf("at %d: %+v", i, n)
			}
		}
	}
}

// followersOf is how many a server has, of those who are by the token that is called gate.
func followersOf(got keywright.Nodes, s *instance) (n int) {
	for _, node := range got.Items {
		for _, f := range node.Followers {
			if node.Name == s.name() && f.Label == "gate" && node.FollowerCount == 1 {
				n++
			}
		}
	}
	return n
}

func TestLeaseIsBounded(t *testing.T) {
	t.Parallel()
	for _, lease := range []time.Duration{-1, time.Millisecond, time.Hour} {
		if s, err := Open(t.Context(), Config{Data: t.TempDir(), Listen: "127.0.0.1:0", Lease: lease}); err == nil || !strings.Contains(err.Error(), "want 500ms to 1m") {
			t.Errorf("%s: %v", lease, err)
			if err == nil {
				s.Close()
			}
		}
	}
}

// BenchmarkLease is a verification from memory on PostgreSQL at a door, without its network, with a lease to look at and without.
func BenchmarkLease(b *testing.B) {
	database := keywright.NewSecret(pgtest.New(b))
	data := filepath.Join(b.TempDir(), "data")
	for _, bb := range []struct {
		name  string
		fault factcache.Fault
	}{{"off", factcache.FaultNoLeaseCheck}, {"on", ""}} {
		b.Run(bb.name, func(b *testing.B) {
			s := start(b, Config{Data: data, Database: database, Fault: bb.fault})
			s.remembers(b)
			issued, err := s.admin(b).CreateToken(b.Context(), keywright.NewToken{Scopes: []string{"a"}}, "")
			if err != nil {
				b.Fatal(err)
			}
			key, door := issued.APIKey.Reveal(), s.Handler()
			for b.Loop() {
				r := httptest.NewRequest("POST", "/api/v1/verify", strings.NewReader(`{"scopes":["a"]}`))
				r.Header.Set("Authorization", "Bearer "+key)
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				if door.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
			b.StopTimer()
			if err := s.stop(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
