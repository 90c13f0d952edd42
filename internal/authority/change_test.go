package authority

import (
	"context"
	"errors"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// When a change is made and a verifier may not know of it yet, the caller is told neither that nothing happened
// nor that it has taken effect everywhere; and a caller that has gone away leaves no verifier behind.
func TestForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issued := w.issue(w.as("ada"), scopesGranted("a:b"))
	w.trail()
	var forgotten []store.Commit
	var lost error
	w.a.cfg.Forget = func(ctx context.Context, c store.Commit) error {
		forgotten = append(forgotten, c)
		return errors.Join(ctx.Err(), lost)
	}

	disabled, err := w.a.Disable(t.Context(), w.as("ada"), issued.Token.ID)
	w.must(err)
	subject := store.Subject{Kind: store.SubjectToken, ID: issued.Token.ID.String()}
	if len(forgotten) != 1 || forgotten[0].Revision != disabled.Revision || forgotten[0].Forget[0] != subject {
		t.Errorf("forgotten %+v", forgotten)
	}
	_, err = w.a.Disable(t.Context(), w.as("ada"), issued.Token.ID)
	w.must(err)
	if len(forgotten) != 2 || forgotten[1].Revision != 0 || !forgotten[1].Quiet {
		t.Errorf("it was so already, perhaps by an attempt that nobody waited for: %+v", forgotten[1:])
	}
	w.issue(w.as("ada"), keywright.NewToken{})
	if len(forgotten) != 2 {
		t.Errorf("nothing that existed was changed, and yet forgotten: %+v", forgotten[2:])
	}
	w.wantTrail("token.disable", "token.create")

	lost = errors.New("a node does not answer")
	_, err = w.a.Revoke(t.Context(), w.as("ada"), issued.Token.ID, "")
	wantErr(t, err, keywright.ErrUnavailable, "the change is made")
	w.wantTrail("token.revoke")
	if got := w.get(issued.Token.ID).State; got != keywright.StateRevoked {
		t.Errorf("the token is %s", got)
	}
}

// What a client says of itself is kept fit to be read.
func TestEventOfCaller(t *testing.T) {
	t.Parallel()
	long := make([]rune, 300)
	for i := range long {
		long[i] = 'ä'
	}
	for in, want := range map[string]string{
		"curl/8":                  "curl/8",
		"a\x00b\r\nc\u202ed\xffe": "abcde",
		string(long):              string(long[:128]),
	} {
		if got := (Caller{UserAgent: in}).event("x", epoch).UserAgent; got != want {
			t.Errorf("%q is kept as %q", in, got)
		}
	}
}
