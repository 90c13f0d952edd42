package authority

import (
	"context"
	"strings"
	"testing"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

func TestEachToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.a.IssueBatch(t.Context(), w.as("ada"), make([]keywright.NewToken, maxLimit+1), "")
	w.must(err)
	lab := w.issue(w.as("olga"), keywright.NewToken{Space: "lab"})
	each := func(by Caller, f keywright.TokenFilter, most int) (numbers []int64, err error) {
		err = w.a.EachToken(t.Context(), by, f, func(h Held) bool {
			numbers = append(numbers, h.Number)
			return len(numbers) < most
		})
		return numbers, err
	}
	all, err := each(w.as("ada"), keywright.TokenFilter{}, 1000)
	if err != nil || len(all) != maxLimit+2 {
		t.Errorf("%d tokens, %v", len(all), err)
	}
	some, err := each(w.as("ada"), keywright.TokenFilter{}, maxLimit+1)
	if err != nil || len(some) != maxLimit+1 {
		t.Errorf("%d tokens, %v", len(some), err)
	}
	seen, err := each(w.as("mel"), keywright.TokenFilter{}, 1000)
	if err != nil || len(seen) != 1 || seen[0] != lab.Token.Number {
		t.Errorf("a manager of the lab sees %v, %v", seen, err)
	}
	_, err = each(w.as("otto"), keywright.TokenFilter{Account: "acme"}, 1000)
	wantErr(t, err, keywright.ErrNotFound, "account")
}

// A token is found by number and by key only by who has a say over it.
func TestTokenByNumberAndKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(func(ctx context.Context, tx store.Tx) error {
		user, err := tx.People().UserNamed(ctx, "ada")
		if err != nil {
			return err
		}
		user.Email = "ada@acme.example"
		return tx.People().UpdateUser(ctx, user, w.event("user.edit", "acme"))
	})
	own := w.issue(w.as("ada"), scopesGranted("a:b"))
	plain := w.issue(w.as("ada"), scopesGranted("a:b"))
	reader := w.issue(w.as("ada"), scopesGranted("keywright:tokens:read"))
	theirs := w.issue(w.as("otto"), scopesGranted("keywright:tokens:read"))
	old := "an-old-key-from-elsewhere"
	imported, err := w.a.Import(t.Context(), w.as("olga"), keywright.ImportToken{NewToken: keywright.NewToken{Space: "lab"}, Key: old})
	w.must(err)
	wrong := []byte(own.APIKey.Reveal())
	_, err = w.a.Revoke(t.Context(), w.as("ada"), own.Token.ID, "")
	w.must(err)
	w.trail()
	for _, test := range []struct {
		name   string
		by     Caller
		number int64
		key    string
		want   keywright.ID // zero: not found
		email  string
	}{
		{"number", w.as("ada"), own.Token.Number, "", own.Token.ID, "ada@acme.example"},
		{"key, though revoked", w.by(reader), 0, own.APIKey.Reveal(), own.Token.ID, "ada@acme.example"},
		{"itself, without a scope for it", w.by(plain), plain.Token.Number, "", plain.Token.ID, "ada@acme.example"},
		{"another, without a scope for it", w.by(plain), own.Token.Number, "", keywright.ID{}, ""},
		{"imported key", w.by(reader), 0, old, imported.ID, "olga"},
		{"number of nobody", w.as("ada"), 99, "", keywright.ID{}, ""},
		{"zero", w.as("ada"), 0, "", keywright.ID{}, ""},
		{"another tenant by number", w.by(theirs), plain.Token.Number, "", keywright.ID{}, ""},
		{"another tenant by key", w.by(theirs), 0, own.APIKey.Reveal(), keywright.ID{}, ""},
		{"key of nobody", w.as("ada"), 0, "nobodys-old-key", keywright.ID{}, ""},
		{"damaged key", w.as("ada"), 0, string(wrong[:len(wrong)-1]), keywright.ID{}, ""},
		{"session", w.as("ada"), 0, w.sessionText(), keywright.ID{}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			get := func() (Held, error) { return w.a.TokenNumbered(t.Context(), test.by, "", test.number) }
			if test.key != "" {
				get = func() (Held, error) { return w.a.TokenPresented(t.Context(), test.by, test.key) }
			}
			held, err := get()
			switch {
			case !test.want.IsZero():
				wantErr(t, err, nil, "")
			case test.by.Credential.ID() == plain.Token.ID:
				wantErr(t, err, keywright.ErrForbidden, "keywright:tokens:read")
			default:
				wantErr(t, err, keywright.ErrNotFound, "token not found")
			}
			if held.ID != test.want || held.Email != test.email {
				t.Errorf("found %s of %q, want %s of %q", held.ID, held.Email, test.want, test.email)
			}
		})
	}
	w.wantTrail()
}

// Whoever tries keys at TokenPresented is held back as at every door.
func TestGuessingKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.issue(w.as("ada"), scopesGranted("a:b"))
	key := keywright.FormatAPIKey("", made.Token.ID, strings.Repeat("0", 43))
	var err error
	for range limitByID.burst {
		_, err = w.a.TokenPresented(t.Context(), w.as("ada"), key)
		wantErr(t, err, keywright.ErrNotFound, "")
	}
	_, err = w.a.TokenPresented(t.Context(), w.as("ada"), key)
	wantErr(t, err, keywright.ErrThrottled, "")
	_, err = w.a.TokenPresented(t.Context(), w.as("ada"), made.APIKey.Reveal())
	wantErr(t, err, nil, "")
}

func TestSpaceByNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	maker := w.issue(w.as("ada"), scopesGranted("keywright:tokens:read"))
	bound := w.issue(w.as("olga"), keywright.NewToken{Space: "lab"})
	for _, test := range []struct {
		name   string
		by     Caller
		number int64
		want   string
		err    error
	}{
		{"admin", w.as("ada"), 2, "lab", nil},
		{"who reads its tokens", w.by(maker), 2, "lab", nil},
		{"token without scopes", w.by(bound), 2, "", keywright.ErrForbidden},
		{"nobody's number", w.as("ada"), 3, "", keywright.ErrNotFound},
		{"another space", w.as("olga"), 1, "", keywright.ErrNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			space, err := w.a.SpaceNumbered(t.Context(), test.by, "", test.number)
			if wantErr(t, err, test.err, ""); space.Name != test.want {
				t.Errorf("%+v", space)
			}
		})
	}
	_, err := w.a.SpaceNumbered(t.Context(), w.as("otto"), "acme", 2)
	wantErr(t, err, keywright.ErrNotFound, "space not found")
}

func TestOwnSpace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bound := w.issue(w.as("olga"), keywright.NewToken{Space: "lab", Scopes: []string{"a:b"}})
	own, err := w.a.OwnSpace(t.Context(), w.by(bound))
	if err != nil || own == nil || own.Name != "lab" || own.Number != 2 {
		t.Errorf("%+v, %v", own, err)
	}
	for name, by := range map[string]Caller{"person": w.as("olga"), "account token": w.by(w.issue(w.as("ada"), scopesGranted("a:b")))} {
		if own, err := w.a.OwnSpace(t.Context(), by); err != nil || own != nil {
			t.Errorf("%s: %+v, %v", name, own, err)
		}
	}
}

// How a key ends is shown with the token, and follows the newest key.
func TestHint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ends := func(issued keywright.Issued) string {
		key := issued.APIKey.Reveal()
		return key[len(key)-5:]
	}
	made := w.issue(w.as("ada"), scopesGranted("a:b"))
	if got := w.get(made.Token.ID).Hint; got != ends(made) || made.Token.Hint != got {
		t.Errorf("hint %q and %q, the key ends in %q", got, made.Token.Hint, ends(made))
	}
	rotated, err := w.a.Rotate(t.Context(), w.as("ada"), made.Token.ID, nil, "")
	w.must(err)
	if got := w.get(made.Token.ID).Hint; got != ends(rotated) {
		t.Errorf("after a rotation %q, the key ends in %q", got, ends(rotated))
	}
	_, err = w.a.CancelRotation(t.Context(), w.as("ada"), made.Token.ID)
	w.must(err)
	if got := w.get(made.Token.ID).Hint; got != ends(made) {
		t.Errorf("after its end %q, the key ends in %q", got, ends(made))
	}
	imported, err := w.a.Import(t.Context(), w.as("ada"), keywright.ImportToken{Key: "somebody-elses-key"})
	w.must(err)
	if imported.Hint != "" {
		t.Errorf("somebody else's key is told of: %q", imported.Hint)
	}
	for _, e := range w.events() {
		for _, told := range []map[string]any{e.Before, e.After} {
			if told["hint"] != nil {
				t.Errorf("the trail tells the hint: %v", told)
			}
		}
	}
}
