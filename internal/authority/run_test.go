package authority

import (
	"context"
	"sync"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// uses is how often a token was accepted, as its managers see it.
func (i *instance) uses(id keywright.ID) (keywright.Token, int64) {
	i.t.Helper()
	token, err := i.Token(context.Background(), i.operator, id)
	if err != nil {
		i.t.Fatal(err)
	}
	return token, token.Uses
}

// A graceful stop loses no usage: Run returns after a last flush.
func TestStopLosesNoUsage(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{})
	c := i.parse(made.APIKey.Reveal())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- i.Run(ctx) }()

	const callers, each = 8, 250
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range each {
				if v, err := i.Verify(t.Context(), c, access("invoices:read")); err != nil || !v.Allowed() {
					t.Error(v.Decision, err)
				}
			}
		})
	}
	group.Wait()
	if _, err := i.Verify(t.Context(), c, access("orders:read")); err != nil { // refused: no use
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	token, uses := i.uses(made.Token.ID)
	if uses != callers*each {
		t.Errorf("%d uses, want %d", uses, callers*each)
	}
	if token.LastUsedAt == nil || !token.LastUsedAt.Equal(i.now()) || token.LastUsedFrom != testAddress.String() {
		t.Errorf("last used %v from %q", token.LastUsedAt, token.LastUsedFrom)
	}
	if n := i.events("token.refused"); n != 1 {
		t.Errorf("%d refusals in the audit trail, want 1", n)
	}
}

// Refused attempts at a known token leave one event per token and cause a minute; at an unknown one none.
func TestRefusalsInTheTrail(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{})
	key := made.APIKey.Reveal()
	secret := made.ClientSecret.Reveal()
	wrong := keywright.FormatAPIKey("kw", made.Token.ID, secret[1:]+secret[:1])
	unknown := keywright.FormatAPIKey("kw", keywright.ID{9, 6: 0x70, 8: 0x80}, secret)
	for range 3 {
		for _, presented := range []string{key, wrong, unknown} {
			if got := i.reason(presented, access("orders:read")); got == keywright.Allowed {
				t.Fatal(got)
			}
		}
	}
	i.must(nil, i.flush(t.Context()))
	trail := map[string]string{}
	page, err := i.Events(t.Context(), i.operator, EventQuery{EventFilter: EventFilter{Account: "default", Action: "token.refused"}})
	if err != nil {
		t.Fatal(err)
	}
	self := "token:" + made.Token.ID.String()
	for _, e := range page.Items {
		trail[e.Reason] = e.Actor
		if e.Subject != self || e.Address != testAddress.String() {
			t.Errorf("event %+v", e)
		}
	}
	if len(page.Items) != 2 || trail["insufficient_scope"] != self || trail["invalid"] != "system" {
		t.Errorf("trail %v", trail)
	}
	i.advance(refusalEvery)
	i.reason(key, access("orders:read"))
	i.must(nil, i.flush(t.Context()))
	if n := i.events("token.refused"); n != 3 {
		t.Errorf("%d events after a minute, want 3", n)
	}
}

// A full queue drops and counts; it never delays an answer.
func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	r := newRefusals()
	for n := range refusalsPending + 5 {
		known := &store.Record{Facts: keywright.Facts{ID: keywright.ID{byte(n), byte(n >> 8), 1}, Account: "default"}}
		r.note(known.Facts.ID, known, keywright.Expired, origin{address: testAddress}, i.now())
	}
	if lost, err := r.flush(t.Context(), i.store); err != nil || lost != 5 {
		t.Errorf("%d lost, %v", lost, err)
	}
}

// A store that fails keeps neither refusals nor usage from being written later.
func TestRefusalsWait(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{})
	i.reason(made.APIKey.Reveal(), access("orders:read"))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := i.flush(cancelled); err == nil {
		t.Fatal("a cancelled flush succeeded")
	}
	i.must(nil, i.flush(t.Context()))
	if n := i.events("token.refused"); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}
