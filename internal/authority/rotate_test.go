package authority

import (
	"testing"
	"time"

	"github.com/keywright/keywright"
)

func TestRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	first := w.issue(ada, keywright.NewToken{Scopes: []string{"a:b"}, ExpiresIn: 30 * 86400})
	w.pass(time.Hour)
	w.trail()
	next, err := w.a.Rotate(t.Context(), ada, first.Token.ID, nil, "")
	w.must(err)
	w.wantTrail("token.rotate")
	if got := next.Token; got.ID != first.Token.ID || got.Label != first.Token.Label || !got.ExpiresAt.Equal(*first.Token.ExpiresAt) || !got.RenewedAt.Equal(w.time()) || got.Revision == 0 {
		t.Errorf("rotated %+v", got)
	}
	if until := next.Token.RotatingUntil; until == nil || !until.Equal(w.time().Add(24*time.Hour)) {
		t.Errorf("rotating until %v", until)
	}
	if !w.usable(first.APIKey, "a:b") || !w.usable(next.APIKey, "a:b") {
		t.Error("both secrets should work")
	}

	// At most two live secrets.
	_, err = w.a.Rotate(t.Context(), ada, first.Token.ID, nil, "")
	wantErr(t, err, keywright.ErrConflict, "cancel it, or wait")
	w.wantTrail()
	w.pass(24 * time.Hour)
	if w.usable(first.APIKey, "a:b") {
		t.Error("the old secret outlived the overlap")
	}
	third, err := w.a.Rotate(t.Context(), ada, first.Token.ID, ptr(time.Duration(0)), "")
	w.must(err)
	if w.usable(next.APIKey, "a:b") || !w.usable(third.APIKey, "a:b") || third.Token.RotatingUntil != nil {
		t.Error("an overlap of 0 should end the old secret at once")
	}
}

func TestRotateRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	manager := w.issue(ada, scopesGranted("keywright:tokens:write"))
	issued := w.issue(ada, scopesGranted("a:b"))
	w.trail()
	for _, test := range []struct {
		name    string
		caller  Caller
		overlap *time.Duration
		err     error
		says    string
	}{
		{"negative overlap", ada, ptr(-time.Second), keywright.ErrInvalid, "/overlap"},
		{"overlap beyond policy", ada, ptr(31 * 24 * time.Hour), keywright.ErrInvalid, "/overlap"},
		{"by a token that has less", w.by(manager), nil, keywright.ErrForbidden, "a:b"},
		{"reader", w.as("rita"), nil, keywright.ErrForbidden, ""},
		{"another tenant", w.as("otto"), nil, keywright.ErrNotFound, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.a.Rotate(t.Context(), test.caller, issued.Token.ID, test.overlap, "")
			wantErr(t, err, test.err, test.says)
			w.wantTrail()
		})
	}
	self, err := w.a.Rotate(t.Context(), w.by(manager), manager.Token.ID, nil, "")
	w.must(err)
	if _, err := w.a.Token(t.Context(), w.by(self), manager.Token.ID); err != nil {
		t.Errorf("a token that rotated itself: %v", err)
	}
}

// Whoever stole the old secret can neither rotate during the overlap nor end it.
func TestStolenOldSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.issue(w.as("ada"), scopesGranted("keywright:tokens:write"))
	fresh, err := w.a.Rotate(t.Context(), w.as("ada"), old.Token.ID, nil, "")
	w.must(err)
	_, err = w.a.Rotate(t.Context(), w.by(old), old.Token.ID, nil, "")
	wantErr(t, err, keywright.ErrConflict, "")
	_, err = w.a.CancelRotation(t.Context(), w.by(old), old.Token.ID)
	wantErr(t, err, keywright.ErrForbidden, "new secret")
	_, err = w.a.CancelRotation(t.Context(), w.by(fresh), old.Token.ID)
	wantErr(t, err, nil, "")
}

func TestCancelRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	w.policy(func(p *keywright.Policy) { p.DefaultLifetime, p.MaxLifetime = 7200, 7200 })
	old := w.issue(ada, scopesGranted("a:b"))
	_, err := w.a.CancelRotation(t.Context(), ada, old.Token.ID)
	wantErr(t, err, keywright.ErrConflict, "no rotation")
	w.pass(time.Hour)
	fresh, err := w.a.Rotate(t.Context(), ada, old.Token.ID, nil, "")
	w.must(err)
	w.trail()
	cancelled, err := w.a.CancelRotation(t.Context(), ada, old.Token.ID)
	w.must(err)
	w.wantTrail("token.cancel_rotation")
	if w.usable(fresh.APIKey, "a:b") || !w.usable(old.APIKey, "a:b") || cancelled.RotatingUntil != nil {
		t.Error("the new secret should be gone and the old one stay")
	}
	if !cancelled.RenewedAt.Equal(old.Token.RenewedAt) {
		t.Errorf("renewed at %s: rotating and cancelling renewed an old secret", cancelled.RenewedAt)
	}
}

// Revoke, disable and delete hit both secrets of a running rotation.
func TestEndDuringRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	for what, end := range map[string]func(keywright.ID) error{
		"revoke":  func(id keywright.ID) error { return second(w.a.Revoke(t.Context(), ada, id, "")) },
		"disable": func(id keywright.ID) error { return second(w.a.Disable(t.Context(), ada, id)) },
		"delete":  func(id keywright.ID) error { return second(w.a.Delete(t.Context(), ada, id)) },
	} {
		old := w.issue(ada, scopesGranted("a:b"))
		fresh, err := w.a.Rotate(t.Context(), ada, old.Token.ID, nil, "")
		w.must(err)
		w.must(end(old.Token.ID))
		if w.usable(old.APIKey, "a:b") || w.usable(fresh.APIKey, "a:b") {
			t.Errorf("%s left a secret alive", what)
		}
	}
}

// A policy's maximum lifetime counts from the last rotation, and a rotation never extends an expiry.
func TestRotationRenews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	issued := w.issue(ada, keywright.NewToken{Scopes: []string{"a:b"}, Lifetime: "permanent"})
	w.policy(func(p *keywright.Policy) { p.DefaultLifetime, p.MaxLifetime = 3600, 3600 })
	w.pass(50 * time.Minute)
	fresh, err := w.a.Rotate(t.Context(), ada, issued.Token.ID, nil, "")
	w.must(err)
	w.pass(50 * time.Minute)
	if !w.usable(fresh.APIKey, "a:b") {
		t.Error("the rotation did not renew the token")
	}
	w.pass(10 * time.Minute)
	if w.usable(fresh.APIKey, "a:b") {
		t.Error("the token outlived its maximum")
	}
}

// A rotation renews a token no further than its parent, or the token that rotates it, reaches.
func TestRotationRenewsWithinLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	req := keywright.NewToken{Scopes: []string{"keywright:tokens:write"}, Lifetime: "permanent"}
	parent := w.issue(ada, req)
	child := w.issue(w.by(parent), req)
	clerk := w.issue(ada, req)
	w.pass(10 * time.Minute)
	stranger := w.issue(ada, req)
	w.policy(func(p *keywright.Policy) { p.DefaultLifetime, p.MaxLifetime = 3600, 3600 })
	w.pass(30 * time.Minute)
	_, err := w.a.Rotate(t.Context(), w.by(clerk), stranger.Token.ID, nil, "")
	wantErr(t, err, keywright.ErrForbidden, "life")
	for name, caller := range map[string]Caller{"person": ada, "token": w.by(clerk)} {
		rotated, err := w.a.Rotate(t.Context(), caller, child.Token.ID, ptr(time.Duration(0)), "")
		w.must(err)
		if got := rotated.Token.RenewedAt; !got.Equal(epoch) {
			t.Errorf("by a %s: renewed at %s, though the parent was at %s", name, got, epoch)
		}
	}
}

func TestRecoverable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	w.policy(func(p *keywright.Policy) { p.RecoverableAllowed = true })
	revealer := w.issue(ada, scopesGranted("keywright:tokens:reveal"))
	plain := w.issue(ada, scopesGranted("a:b"))
	kept := w.issue(ada, keywright.NewToken{Scopes: []string{"a:b"}, Recoverable: true})
	w.trail()
	reveal := func(want keywright.Issued) {
		t.Helper()
		got, err := w.a.Reveal(t.Context(), ada, kept.Token.ID)
		w.must(err)
		if got.Reveal() != want.APIKey.Reveal() {
			t.Error("another key was revealed")
		}
		w.wantTrail("token.reveal")
	}
	reveal(kept)
	_, err := w.a.Reveal(t.Context(), ada, plain.Token.ID)
	wantErr(t, err, keywright.ErrConflict, "no copy")
	_, err = w.a.Reveal(t.Context(), w.by(revealer), kept.Token.ID)
	wantErr(t, err, keywright.ErrForbidden, "a:b")
	_, err = w.a.Reveal(t.Context(), w.as("audi"), kept.Token.ID)
	wantErr(t, err, keywright.ErrForbidden, "")
	w.wantTrail()

	fresh, err := w.a.Rotate(t.Context(), ada, kept.Token.ID, nil, "")
	w.must(err)
	w.trail()
	reveal(fresh)
	_, err = w.a.CancelRotation(t.Context(), ada, kept.Token.ID)
	w.must(err)
	w.trail()
	reveal(kept)

	w.policy(func(p *keywright.Policy) { p.RecoverableAllowed = false })
	_, err = w.a.Reveal(t.Context(), ada, kept.Token.ID)
	wantErr(t, err, keywright.ErrForbidden, "policy")
	rotated, err := w.a.Rotate(t.Context(), ada, kept.Token.ID, nil, "")
	w.must(err)
	if rotated.Token.Recoverable {
		t.Error("a copy of the new key is kept against the policy")
	}
}
