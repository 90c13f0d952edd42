package authority

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

func TestImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	own := w.issue(ada, scopesGranted("keywright:tokens:write", "a:b"))
	const key = "tk.0123456789abcdef"
	sum := sha256.Sum256([]byte("tk.by-its-sum-alone"))
	hexSum := hex.EncodeToString(sum[:])
	granted := scopesGranted("a:b")
	w.trail()

	byKey, err := w.a.Import(t.Context(), ada, keywright.ImportToken{NewToken: granted, Key: key})
	w.must(err)
	if !byKey.Imported || byKey.Revision == 0 {
		t.Errorf("%+v", byKey)
	}
	_, err = w.a.Import(t.Context(), ada, keywright.ImportToken{NewToken: granted, SHA256: strings.ToUpper(hexSum)})
	w.must(err)
	w.wantTrail("token.import", "token.import")
	for _, k := range []string{key, "tk.by-its-sum-alone"} {
		if !w.usable(keywright.NewSecret(k), "a:b") {
			t.Errorf("%s does not work", k)
		}
	}

	for _, test := range []struct {
		name   string
		caller Caller
		req    keywright.ImportToken
		err    error
		says   string
	}{
		{"neither", ada, keywright.ImportToken{}, keywright.ErrInvalid, "/key"},
		{"both", ada, keywright.ImportToken{Key: key, SHA256: hexSum}, keywright.ErrInvalid, "/sha256"},
		{"short", ada, keywright.ImportToken{Key: "short"}, keywright.ErrInvalid, "/key"},
		{"long", ada, keywright.ImportToken{Key: strings.Repeat("k", 1025)}, keywright.ErrInvalid, "/key"},
		{"with a space", ada, keywright.ImportToken{Key: "0123456789 0123456789"}, keywright.ErrInvalid, "/key"},
		{"our own key", ada, keywright.ImportToken{Key: own.APIKey.Reveal()}, keywright.ErrInvalid, "/key"},
		{"nearly our own key", ada, keywright.ImportToken{Key: "kw_0123456789abcdef"}, keywright.ErrInvalid, "/key"},
		{"a session", ada, keywright.ImportToken{Key: "kws_0123456789abcdef"}, keywright.ErrInvalid, "/key"},
		{"a JWT", ada, keywright.ImportToken{Key: "eyJhbGciOiJub25lIn0.e30."}, keywright.ErrInvalid, "/key"},
		{"short sum", ada, keywright.ImportToken{SHA256: hexSum[1:]}, keywright.ErrInvalid, "/sha256"},
		{"recoverable by its sum", ada, keywright.ImportToken{SHA256: hexSum, NewToken: keywright.NewToken{Recoverable: true}}, keywright.ErrInvalid, "/recoverable"},
		{"there already", ada, keywright.ImportToken{Key: key}, keywright.ErrConflict, "on file"},
		{"there already, another tenant's", w.as("otto"), keywright.ImportToken{SHA256: hexSum}, keywright.ErrConflict, "on file"},
		{"beyond the token", w.by(own), keywright.ImportToken{Key: key + "2", NewToken: scopesGranted("b:c")}, keywright.ErrForbidden, "b:c"},
		{"reader", w.as("rita"), keywright.ImportToken{Key: key + "2", NewToken: keywright.NewToken{Space: "lab"}}, keywright.ErrForbidden, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.a.Import(t.Context(), test.caller, test.req)
			wantErr(t, err, test.err, test.says)
			if err != nil && test.req.Key != "" && strings.Contains(err.Error(), test.req.Key) {
				t.Errorf("the error tells the key: %v", err)
			}
			w.wantTrail()
		})
	}
}

// Each line is by itself; a caller that is not known is an error of the whole.
func TestImportBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lines := []keywright.ImportToken{{Key: "0123456789abcdef0"}, {Key: "bad"}, {Key: "0123456789abcdef0"}, {Key: "0123456789abcdef1"}}
	outcomes, err := w.a.ImportBatch(t.Context(), w.as("ada"), lines)
	w.must(err)
	want := []error{nil, keywright.ErrInvalid, keywright.ErrConflict, nil}
	for i, o := range outcomes {
		if !errors.Is(o.Err, want[i]) || (o.Token == nil) != (want[i] != nil) {
			t.Errorf("line %d: %+v", i, o)
		}
	}
	w.wantTrail("token.import", "token.import")
	_, err = w.a.ImportBatch(t.Context(), Caller{}, lines)
	wantErr(t, err, keywright.ErrUnauthenticated, "")
	_, err = w.a.ImportBatch(t.Context(), w.as("ada"), make([]keywright.ImportToken, 1001))
	wantErr(t, err, keywright.ErrInvalid, "1000")
}

// Rotation gives an imported token a key of ours; the old one works through the overlap.
func TestRotateImported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := keywright.NewSecret("tk.0123456789abcdef")
	token, err := w.a.Import(t.Context(), w.as("ada"), keywright.ImportToken{NewToken: scopesGranted("a:b"), Key: key.Reveal()})
	w.must(err)
	rotated, err := w.a.Rotate(t.Context(), w.as("ada"), token.ID, nil, "")
	w.must(err)
	if !w.usable(key, "a:b") || !w.usable(rotated.APIKey, "a:b") || !rotated.Token.Imported {
		t.Error("both keys should work")
	}
	w.pass(24 * time.Hour)
	if w.usable(key, "a:b") || w.get(token.ID).Imported {
		t.Error("the foreign key outlived the overlap")
	}
}
