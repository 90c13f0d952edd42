package rest

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// TestPreferWait: who does not want to wait for a follower that does not answer hears that the change stands, and who
// has nobody to wait for hears so as well.
func TestPreferWait(t *testing.T) {
	t.Parallel()
	in := start(t)
	verifier := in.issue(keywright.NewToken{Scopes: []string{"keywright:tokens:verify"}})
	victim, other := in.issue(keywright.NewToken{Scopes: []string{"a"}}), in.issue(keywright.NewToken{Scopes: []string{"a"}})
	revoke := func(i keywright.Issued) string { return "/api/v1/tokens/" + i.Token.ID.String() + "/revoke" }

	alone := in.call(in.admin, http.MethodPost, revoke(other), "", "Prefer", "respond-async, wait=7")
	if alone.StatusCode != http.StatusOK || alone.Header.Get("Keywright-Revision") == "" || alone.Header.Get("Preference-Applied") != "wait" {
		t.Errorf("without a follower: %d %v", alone.StatusCode, alone.Header)
	}
	in.call(verifier.APIKey.Reveal(), http.MethodGet, "/api/v1/changes?since=0&follower=0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "")
	pending := in.call(in.admin, http.MethodPost, revoke(victim), "", "Prefer", "wait=0")
	if pending.StatusCode != http.StatusAccepted || pending.Header.Get("Keywright-Revision") == "" {
		t.Errorf("with a follower that does not answer: %d %v %s", pending.StatusCode, pending.Header, pending.body)
	}
	if v := in.call(victim.APIKey.Reveal(), http.MethodPost, "/api/v1/verify", "{}"); !strings.Contains(v.body, `"revoked"`) {
		t.Errorf("the change does not stand: %d %s", v.StatusCode, v.body)
	}

	effect := keywright.Effect{Wait: -1}
	client := in.client(in.admin)
	if _, err := client.DeleteToken(effect.In(t.Context()), victim.Token.ID); err != nil || !effect.Pending || effect.Revision == 0 {
		t.Errorf("without waiting: %+v, %v", effect, err)
	}
	effect = keywright.Effect{Wait: time.Minute}
	closing := func() error { _, err := client.CloseAccount(effect.In(t.Context()), "default"); return err }
	if err := closing(); err != nil || effect.Pending || effect.Waited == 0 { // as long as the follower's lease
		t.Errorf("with patience: %+v, %v", effect, err)
	}
	if _, err := client.Tokens(effect.In(t.Context()), keywright.TokenQuery{}); err != nil || effect.Revision == 0 {
		t.Errorf("reading changed the effect: %+v, %v", effect, err)
	}
}

func TestPreferredWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		headers []string
		want    string
	}{
		{nil, "-"}, {[]string{""}, "-"}, {[]string{"return=minimal"}, "-"}, {[]string{"waits=1"}, "-"},
		{[]string{"wait"}, "-"}, {[]string{"wait=-1"}, "-"}, {[]string{"wait=1.5"}, "-"}, {[]string{"wait=99999999"}, "-"},
		{[]string{"wait=0"}, "0"}, {[]string{" Wait = 12 ; x=y"}, "12"}, {[]string{`wait="3"`}, "3"},
		{[]string{"respond-async, wait=4", "wait=5"}, "4"}, {[]string{"x", "wait=5"}, "5"}, {[]string{"wait=x, wait=5"}, "-"},
	} {
		got := "-"
		if seconds, ok := preferredWait(tt.headers); ok {
			got = strconv.FormatUint(seconds, 10)
		}
		if got != tt.want {
			t.Errorf("%q: %s, want %s", tt.headers, got, tt.want)
		}
	}
}
