package authority

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// A walk through the pages meets every token once, in order, whatever the order.
func TestListPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	for i := range 23 {
		w.issue(ada, keywright.NewToken{Label: fmt.Sprintf("L%d", i%5), ExpiresIn: int64(3600 * (1 + i%7))})
		w.pass(time.Duration(i%2) * time.Second)
	}
	for range 3 {
		w.issue(ada, keywright.NewToken{Lifetime: "permanent"})
	}
	for _, sort := range []string{"", "created", "-created", "label", "-label", "expires", "-expires", "last_used", "-last_used"} {
		t.Run("by "+sort, func(t *testing.T) {
			var walked []keywright.ID
			q := keywright.TokenQuery{Sort: sort, Limit: 5}
			for {
				page, err := w.a.Tokens(t.Context(), ada, q)
				w.must(err)
				for _, token := range page.Items {
					walked = append(walked, token.ID)
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			whole, err := w.a.Tokens(t.Context(), ada, keywright.TokenQuery{Sort: sort, Limit: 200})
			w.must(err)
			var all []keywright.ID
			for _, token := range whole.Items {
				all = append(all, token.ID)
			}
			if len(all) != 26 || !slices.Equal(walked, all) {
				t.Errorf("walked %d, whole %d", len(walked), len(all))
			}
		})
	}
}

func TestListSees(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account := w.issue(w.as("ada"), keywright.NewToken{Label: "account", Scopes: []string{"keywright:tokens:read"}, Lifetime: "permanent"})
	lab := w.issue(w.as("olga"), keywright.NewToken{Label: "lab", Space: "lab", Scopes: []string{"keywright:tokens:read"}})
	data := w.issue(w.as("ada"), keywright.NewToken{Label: "data", Scopes: []string{"a:b"}, Audience: []string{"keywright", "http"}})
	w.issue(w.as("otto"), keywright.NewToken{Label: "elsewhere"})
	for _, test := range []struct {
		name   string
		caller Caller
		filter keywright.TokenFilter
		want   string
		err    error
	}{
		{"admin", w.as("ada"), keywright.TokenFilter{}, "account data lab", nil},
		{"auditor", w.as("audi"), keywright.TokenFilter{}, "account data lab", nil},
		{"reader of a space", w.as("rita"), keywright.TokenFilter{}, "lab", nil},
		{"reader asks for another space", w.as("rita"), keywright.TokenFilter{Space: "default"}, "", nil},
		{"reader asks for another kind", w.as("rita"), keywright.TokenFilter{Kind: keywright.KindAccount}, "", nil},
		{"account token", w.by(account), keywright.TokenFilter{}, "account data lab", nil},
		{"space token", w.by(lab), keywright.TokenFilter{}, "lab", nil},
		{"data token", w.by(data), keywright.TokenFilter{}, "", keywright.ErrForbidden},
		{"another tenant", w.as("otto"), keywright.TokenFilter{Account: "acme"}, "", keywright.ErrNotFound},
		{"no tenant", w.as("otto"), keywright.TokenFilter{Account: "nowhere"}, "", keywright.ErrNotFound},
		{"by kind", w.as("ada"), keywright.TokenFilter{Kind: keywright.KindSpace}, "lab", nil},
		{"by owner", w.as("ada"), keywright.TokenFilter{Owner: "olga"}, "lab", nil},
		{"by audience", w.as("ada"), keywright.TokenFilter{Audience: "http"}, "data", nil},
		{"by label", w.as("ada"), keywright.TokenFilter{Label: "A"}, "account data lab", nil},
		{"by a part of no label", w.as("ada"), keywright.TokenFilter{Label: "%"}, "", nil},
		{"by permanence", w.as("ada"), keywright.TokenFilter{Permanent: ptr(true)}, "account", nil},
		{"by state", w.as("ada"), keywright.TokenFilter{State: keywright.StateRevoked}, "", nil},
		{"state unknown", w.as("ada"), keywright.TokenFilter{State: "gone"}, "", keywright.ErrInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			page, err := w.a.Tokens(t.Context(), test.caller, keywright.TokenQuery{TokenFilter: test.filter, Sort: "label"})
			wantErr(t, err, test.err, "")
			var labels []string
			for _, token := range page.Items {
				labels = append(labels, token.Label)
			}
			if got := strings.Join(labels, " "); got != test.want {
				t.Errorf("sees %q, want %q", got, test.want)
			}
		})
	}
	_, err := w.a.Disable(t.Context(), w.as("ada"), data.Token.ID)
	w.must(err)
	for _, test := range []struct {
		name             string
		caller           Caller
		active, disabled int64
		err              error
	}{
		{"admin", w.as("ada"), 2, 1, nil},
		{"reader of a space", w.as("rita"), 1, 0, nil},
		{"space token", w.by(lab), 1, 0, nil},
		{"another tenant", w.as("otto"), 0, 0, keywright.ErrNotFound},
		{"nobody", Caller{}, 0, 0, keywright.ErrUnauthenticated},
	} {
		states, err := w.a.TokenStates(t.Context(), test.caller, "acme")
		wantErr(t, err, test.err, "")
		if states[keywright.StateActive] != test.active || states[keywright.StateDisabled] != test.disabled {
			t.Errorf("%s counts %v", test.name, states)
		}
	}
	_, err = w.a.Enable(t.Context(), w.as("ada"), data.Token.ID)
	w.must(err)
	self, err := w.a.Token(t.Context(), w.by(data), data.Token.ID)
	w.must(err)
	if self.Label != "data" {
		t.Error("a token sees another in its place")
	}
	_, err = w.a.Token(t.Context(), w.by(data), lab.Token.ID)
	wantErr(t, err, keywright.ErrForbidden, "keywright:tokens:read")
	_, err = w.a.Token(t.Context(), w.by(lab), account.Token.ID)
	wantErr(t, err, keywright.ErrForbidden, "space")
	_, err = w.a.Token(t.Context(), w.as("otto"), account.Token.ID)
	wantErr(t, err, keywright.ErrNotFound, "token not found")
}

// A cursor belongs to its list: to the same filters and the same order.
func TestCursorOfAnotherList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		w.issue(w.as("ada"), keywright.NewToken{})
	}
	q := keywright.TokenQuery{Limit: 1}
	page, err := w.a.Tokens(t.Context(), w.as("ada"), q)
	w.must(err)
	for name, spoil := range map[string]func(*keywright.TokenQuery){
		"order":  func(q *keywright.TokenQuery) { q.Sort = "label" },
		"filter": func(q *keywright.TokenQuery) { q.Label = "a" },
		"text":   func(q *keywright.TokenQuery) { q.Cursor += "A" },
		"line":   func(q *keywright.TokenQuery) { q.Cursor = q.Cursor[:4] + "\n" + q.Cursor[4:] },
		"none":   func(q *keywright.TokenQuery) { q.Cursor = "e30" },
		"long":   func(q *keywright.TokenQuery) { q.Cursor = strings.Repeat("A", 1<<20) },
	} {
		other := q
		other.Cursor = page.Next
		spoil(&other)
		_, err := w.a.Tokens(t.Context(), w.as("ada"), other)
		if name == "order" || name == "filter" || err == nil {
			wantErr(t, err, keywright.ErrMalformedCursor, "")
		}
	}
	for _, bad := range []keywright.TokenQuery{{Limit: -1}, {Limit: 201}, {Sort: "id"}, {Sort: "--label"}} {
		_, err := w.a.Tokens(t.Context(), w.as("ada"), bad)
		wantErr(t, err, keywright.ErrInvalid, "")
	}
}

// A cursor has one spelling: what is read is what would be written.
func FuzzCursor(f *testing.F) {
	of := listOf("tokens")
	f.Add(cursor{Of: of}.encode())
	f.Add(cursor{Of: of, Text: "läbel", ID: keywright.ID{1}}.encode())
	f.Add(cursor{Of: of, Time: epoch, Seq: 7}.encode())
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"of":"` + of + `","OF":"x"}`)))
	f.Fuzz(func(t *testing.T, word string) {
		c, err := parseCursor(word, of)
		if err != nil {
			wantErr(t, err, keywright.ErrMalformedCursor, "")
			return
		}
		if c.encode() != word || c.Of != of {
			t.Errorf("%q reads as %+v, which is written %q", word, c, c.encode())
		}
	})
}

// What was used last comes first, and what never was at the end, however many are asked for.
func TestLastUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.a.cfg.Usage = w.st
	ada, labels := w.as("ada"), []string{"a", "b", "c", "d"}
	for _, label := range labels {
		req := scopesGranted("a:*")
		req.Label = label
		issued := w.issue(ada, req)
		if label != "b" && label != "d" {
			w.pass(time.Minute)
			w.usable(issued.APIKey, "a:read")
		}
	}
	w.must(w.a.flush(t.Context()))
	for limit, want := range map[int]string{1: "c", 2: "c a", 3: "c a d", 9: "c a d b"} {
		tokens, total, err := w.a.LastUsed(t.Context(), ada, keywright.TokenFilter{}, limit)
		w.must(err)
		var got []string
		for _, token := range tokens {
			got = append(got, token.Label)
		}
		if text := strings.Join(got, " "); text != want || total != 4 {
			t.Errorf("the first %d of %d: %q, want %q", limit, total, text, want)
		}
	}
	if _, _, err := w.a.LastUsed(t.Context(), w.as("otto"), keywright.TokenFilter{Account: "acme"}, 1); !errors.Is(err, keywright.ErrNotFound) {
		t.Errorf("another tenant: %v", err)
	}
}
