package authority

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// tries presents a wrong credential n times and counts the attempts that were answered, not withheld.
func (i *instance) tries(n int, caller Caller) (answered int, last error) {
	i.t.Helper()
	for range n {
		_, last = i.Verify(i.t.Context(), caller.Credential, keywright.Access{Address: caller.Address})
		if last == nil {
			answered++
		} else if !errors.Is(last, keywright.ErrThrottled) {
			i.t.Fatal(last)
		}
	}
	return answered, last
}

func from(c keywright.Credential, address string) Caller {
	return Caller{Credential: c, Address: netip.MustParseAddr(address)}
}

// A thousand wrong secrets at one id: withheld soon, from wherever they come; and its owner is served all the while.
func TestGuessingAtOneToken(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{})
	wrong := i.parse(keywright.FormatAPIKey("kw", made.Token.ID, strings.Repeat("x", 43)))
	answered, last := i.tries(1000, from(wrong, "198.51.100.1"))
	if answered != limitByID.burst {
		t.Errorf("%d attempts were answered, want %d", answered, limitByID.burst)
	}
	var throttled *keywright.ThrottledError
	if !errors.As(last, &throttled) || throttled.RetryAfter < time.Second || throttled.RetryAfter > time.Minute {
		t.Errorf("last: %v", last)
	}
	if answered, _ := i.tries(1, from(wrong, "203.0.113.9")); answered != 0 {
		t.Error("another address has attempts of its own at the same id")
	}
	for _, address := range []string{"198.51.100.1", "203.0.113.9"} {
		v, err := i.Verify(t.Context(), i.parse(made.APIKey.Reveal()), keywright.Access{Address: netip.MustParseAddr(address)})
		if err != nil || !v.Allowed() {
			t.Errorf("the owner at %s: %v, %v", address, v.Decision, err)
		}
	}
	i.advance(throttled.RetryAfter)
	if answered, _ := i.tries(2, from(wrong, "203.0.113.9")); answered != 1 {
		t.Errorf("after the wait %d attempts were answered, want 1", answered)
	}
}

// However an id is presented, it is one id: nothing that parses is a second spelling of it.
func TestEverySpellingCounts(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{})
	wrong := strings.Repeat("x", 43)
	id := made.Token.ID.String()
	for _, spelling := range []string{strings.ToUpper(id), " " + id, "{" + id + "}", strings.ReplaceAll(id, "-", ""), "urn:uuid:" + id} {
		if _, err := keywright.IDSecret(spelling, wrong); err == nil {
			t.Errorf("%q is taken for an id", spelling)
		}
	}
	apart, err := keywright.IDSecret(id, wrong)
	if err != nil {
		t.Fatal(err)
	}
	together := i.parse(keywright.FormatAPIKey("kw", made.Token.ID, wrong))
	i.tries(limitByID.burst, from(apart, "198.51.100.1"))
	if answered, _ := i.tries(1, from(together, "198.51.100.2")); answered != 0 {
		t.Error("the API key counts apart from id and secret")
	}
	if _, err := i.Tokens(t.Context(), from(together, "198.51.100.3"), keywright.TokenQuery{}); !errors.Is(err, keywright.ErrThrottled) {
		t.Errorf("the management API counts apart: %v", err)
	}
	if _, err := i.Grant(t.Context(), from(apart, "198.51.100.3"), GrantRequest{}); !errors.Is(err, keywright.ErrThrottled) {
		t.Errorf("the token endpoint counts apart: %v", err)
	}
}

// Many ids from one address: what cannot be guessed is still answered when right, a foreign key is not looked at.
func TestGuessingFromOneAddress(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	const foreign = "legacy-key-0123456789"
	i.must(i.Import(t.Context(), i.operator, keywright.ImportToken{
		NewToken: keywright.NewToken{Account: "default", Scopes: []string{"invoices:*"}}, Key: foreign,
	}))
	key := i.issue(keywright.NewToken{}).APIKey.Reveal()
	for n := range limitByAddress.burst {
		// Every address of an IPv6 /64 is the same neighbour.
		guess := "guess-" + base64.RawURLEncoding.EncodeToString([]byte{byte(n), 1, 2, 3})
		address := netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 15: byte(n)})
		if _, err := i.Verify(t.Context(), i.parse(guess), keywright.Access{Address: address}); err != nil {
			t.Fatal(n, err)
		}
	}
	for name, tt := range map[string]struct {
		presented, address string
		throttled          bool
	}{
		"foreign key, same neighbourhood": {foreign, "2001:db8::ffff", true},
		"foreign key, elsewhere":          {foreign, "2001:db8:0:1::1", false},
		"foreign key, IPv4":               {foreign, "192.0.2.7", false},
		"own key, same neighbourhood":     {key, "2001:db8::ffff", false},
	} {
		v, err := i.Verify(t.Context(), i.parse(tt.presented), keywright.Access{Address: netip.MustParseAddr(tt.address)})
		if errors.Is(err, keywright.ErrThrottled) != tt.throttled || v.Allowed() == tt.throttled {
			t.Errorf("%s: %v, %v", name, v.Decision, err)
		}
	}
}

// A verifier asks about many people's keys: their failures are not its own.
func TestVerifierIsNotThrottled(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	verifier := i.verifier(keywright.NewToken{})
	for n := range 3 * limitByAddress.burst {
		guess := "guess-" + base64.RawURLEncoding.EncodeToString([]byte{byte(n), byte(n >> 8), 2, 3})
		if about, err := i.Introspect(t.Context(), verifier, guess); err != nil || about != nil {
			t.Fatal(n, about, err)
		}
	}
}

func TestNeighbourhood(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1":            "192.0.2.1",
		"::ffff:192.0.2.1":     "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
		"fe80::1%eth0":         "fe80::",
		"2001:db8:1:2::":       "2001:db8:1:2::",
	} {
		if got := neighbourhood(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if neighbourhood(netip.Addr{}).IsValid() {
		t.Error("no address has neighbours")
	}
}
