package devo

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/catalogue"
	"github.com/keywright/keywright/internal/dialect"
)

// FuzzNewToken: whatever is sent is a request for a token of this dialect, or a 400.
func FuzzNewToken(f *testing.F) {
	f.Add([]byte("\n{\"name\":\"a\",\"user\":\"a@b.c\",\"audience\":\"http\",\"scopes\":\"table://*.** level://admin\"}"))
	f.Add([]byte(`{"name":"a","user":null,"expiration":"2030-01-31"}`))
	f.Add([]byte(`{"name":{}}`))
	known := []string{"name", "user", "audience", "scopes", "expiration"}
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := readMembers(data, known)
		var req keywright.NewToken
		if err == nil {
			req, err = newToken("acme", body)
		}
		if err != nil {
			if got := translate(err); got.Code != http.StatusBadRequest || got.Message == "" {
				t.Fatalf("%q: %d %s", data, got.Code, got.Message)
			}
			return
		}
		table := func(s string) bool { return strings.HasPrefix(s, "table://") }
		level := func(s string) bool { return strings.HasPrefix(s, "level://") }
		if req.Account != "acme" || req.Label == "" || !strings.Contains(req.Owner, "@") || !slices.ContainsFunc(req.Scopes, table) {
			t.Fatalf("%q makes %+v", data, req)
		}
		if slices.ContainsFunc(req.Scopes, func(s string) bool { return !table(s) && !level(s) }) {
			t.Fatalf("%q asks for %q", data, req.Scopes)
		}
	})
}

// The audiences of this dialect are those of the catalogue that an account adopts.
func TestAudiences(t *testing.T) {
	t.Parallel()
	c, err := catalogue.Find("devo")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range c.Audiences {
		names = append(names, a.Name)
	}
	own := slices.Clone(audiences)
	slices.Sort(own)
	if slices.Sort(names); !slices.Equal(names, own) {
		t.Errorf("the catalogue has %q, the dialect %q", names, own)
	}
}

func TestInstant(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "",
		"2024-11-26T14:38:18.000+0000": "2024-11-26T14:38:18Z",
		"2024-11-26T14:38:18.123+0130": "2024-11-26T13:08:18.123Z",
		"2030-01-31":                   "2030-01-31",
		"2030-01-31T12:00:00Z":         "2030-01-31T12:00:00Z",
		"tomorrow":                     "tomorrow",
	} {
		if got := instant(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// What is left of a token's life is told in whole seconds, from its whole life down to none.
func TestExpiresIn(t *testing.T) {
	t.Parallel()
	made := time.Date(2024, 11, 25, 14, 38, 18, 0, time.UTC)
	end := made.AddDate(0, 0, 1)
	for passed, want := range map[time.Duration]int64{
		0: 86400, time.Millisecond: 86400, time.Second: 86399, 24*time.Hour - 1: 1, 24 * time.Hour: 0, 48 * time.Hour: 0,
	} {
		s := &server{dialect.Config{Now: func() time.Time { return made.Add(passed) }}}
		shown := s.object(authority.Held{Token: keywright.Token{CreatedAt: made, ExpiresAt: &end}})
		if *shown.ExpiresIn != want || *shown.Expiration != "2024-11-26T14:38:18.000+0000" || shown.Created != "2024-11-25T14:38:18.000+0000" {
			t.Errorf("after %s: %d, %s", passed, *shown.ExpiresIn, *shown.Expiration)
		}
	}
}
