package main

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// kill -9 loses the last second of usage and no more, and what is on file adds up.
func TestKillLosesLittleUsage(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	running := killServer(t, data)
	session, err := keywright.NewClient(running.url, "").Login(t.Context(), "admin", keywright.NewSecret(killPassword))
	if err != nil {
		t.Fatal(err)
	}
	client := keywright.NewClient(running.url, session.Token.Reveal())
	issued, err := client.CreateToken(t.Context(), keywright.NewToken{Scopes: []string{"a"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	var answered []time.Time
	for began := time.Now(); time.Since(began) < 3500*time.Millisecond; {
		v, err := client.Verify(t.Context(), keywright.VerifyRequest{Token: issued.APIKey.Reveal(), Scopes: []string{"a"}})
		if err != nil || !v.Valid {
			t.Fatal(v, err)
		}
		answered = append(answered, time.Now())
	}
	killed := time.Now()
	_ = running.stop(syscall.SIGKILL)
	running = killServer(t, data)

	client = keywright.NewClient(running.url, session.Token.Reveal())
	token, err := client.Token(t.Context(), issued.Token.ID)
	if err != nil {
		t.Fatal(err)
	}
	usage, err := client.TokenUsage(t.Context(), issued.Token.ID, keywright.UsageQuery{From: killed.Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	least := int64(0)
	for _, at := range answered {
		if killed.Sub(at) > 2*time.Second { // one, and another for a machine that does much else
			least++
		}
	}
	if token.Uses < least || token.Uses > int64(len(answered)) {
		t.Errorf("%d uses are on file; %d were answered, %d of them two seconds before the kill", token.Uses, len(answered), least)
	}
	if usage.Total.Accepted != token.Uses || usage.Total.Doors[keywright.DoorVerify] != token.Uses {
		t.Errorf("%d uses in all, by day %+v", token.Uses, usage.Total)
	}
}
