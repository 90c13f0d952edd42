package authority

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

func (i *instance) tryLogin(name, password, address string) error {
	_, err := i.Login(context.Background(), Caller{Address: netip.MustParseAddr(address)}, name, keywright.NewSecret(password))
	return err
}

func TestLogin(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	for n, tt := range []struct {
		name, password string
		want           error
	}{
		{"admin", testPassword, nil},
		{"ADMIN", testPassword, nil},
		{"admin@localhost", testPassword, nil},
		{"admin", testPassword + " ", keywright.ErrUnauthenticated},
		{"admin", "", keywright.ErrUnauthenticated},
		{"nobody", testPassword, keywright.ErrUnauthenticated},
		{"", testPassword, keywright.ErrUnauthenticated},
		{"admin\x00", testPassword, keywright.ErrUnauthenticated},
		{"\xff", testPassword, keywright.ErrUnauthenticated},
		{strings.Repeat("a", 1<<16), testPassword, keywright.ErrUnauthenticated},
		{"admin", strings.Repeat("a", 1<<16), keywright.ErrUnauthenticated},
	} {
		if err := i.tryLogin(tt.name, tt.password, netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}).String()); err != tt.want {
			t.Errorf("%.20q: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// The session ends when it is ended, when its time is over, and when its person is disabled.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, end := range map[string]func(*instance){
		"logout": func(i *instance) { i.must(nil, i.Logout(ctx, i.operator)) },
		"time":   func(i *instance) { i.advance(12 * time.Hour) },
		"disabled": func(i *instance) {
			i.must(i.commit(ctx, func(tx store.Tx) error {
				user, err := tx.People().UserNamed(ctx, "admin")
				if err != nil {
					return err
				}
				user.DisabledAt = i.now()
				return tx.People().UpdateUser(ctx, user, store.Event{Action: "user.disable", At: i.now()})
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newInstance(t)
			i.must(i.Whoami(ctx, i.operator))
			end(i)
			if _, err := i.Whoami(ctx, i.operator); err != keywright.ErrUnauthenticated {
				t.Errorf("afterwards: %v", err)
			}
			if name == "disabled" {
				if err := i.tryLogin("admin", testPassword, "10.0.0.1"); err != keywright.ErrUnauthenticated {
					t.Errorf("login: %v", err)
				}
			}
		})
	}
}

func TestWrongSessions(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	good := i.operator.Credential
	for name, c := range map[string]keywright.Credential{
		"wrong secret": i.parse(keywright.FormatSession("kw", good.ID(), strings.Repeat("x", 43))),
		"unknown id":   i.parse(keywright.FormatSession("kw", keywright.ID{1}, good.Reveal())),
		"as a key":     i.parse(keywright.FormatAPIKey("kw", good.ID(), good.Reveal())),
		"none":         {},
	} {
		if _, err := i.Whoami(t.Context(), Caller{Credential: c, Address: testAddress}); err != keywright.ErrUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := i.Logout(t.Context(), i.caller(i.issue(keywright.NewToken{}).APIKey.Reveal())); !errors.Is(err, keywright.ErrForbidden) {
		t.Errorf("a token logs out: %v", err)
	}
}

// Guessing a password is withheld, however the name is written; from elsewhere the person still comes in.
func TestGuessingPasswords(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	names := []string{"admin", "ADMIN", "Admin@localhost"}
	for n := range limitByLogin.burst {
		if err := i.tryLogin(names[n%len(names)], "wrong password", "10.0.0.1"); err != keywright.ErrUnauthenticated {
			t.Fatal(n, err)
		}
	}
	for _, password := range []string{"wrong password", testPassword} {
		if err := i.tryLogin("admin", password, "10.0.0.1"); !errors.Is(err, keywright.ErrThrottled) {
			t.Errorf("beyond the limit: %v", err)
		}
	}
	if err := i.tryLogin("admin", testPassword, "10.0.0.2"); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	i.advance(limitByLogin.every)
	if err := i.tryLogin("admin", testPassword, "10.0.0.1"); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	for n := range limitByLoginsOf.burst {
		i.throttle.failedLogin(attemptOf(nil, fmt.Sprint("somebody", n), netip.MustParseAddr("10.0.0.3")), i.now())
	}
	if err := i.tryLogin("admin", testPassword, "10.0.0.3"); !errors.Is(err, keywright.ErrThrottled) {
		t.Errorf("many names from one address: %v", err)
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	other := i.login("admin", testPassword)
	change := func(caller Caller, old, new string, end bool) error {
		return i.ChangePassword(t.Context(), caller, keywright.PasswordChange{
			Old: keywright.NewSecret(old), New: keywright.NewSecret(new), EndSessions: end,
		})
	}
	const next = "another long password"
	if err := change(i.operator, "wrong password", next, true); invalidMember(err) != "/old_password" {
		t.Errorf("wrong old password: %v", err)
	}
	for name, bad := range map[string]string{"short": "123456789", "long": strings.Repeat("a", 1025), "not text": "\xff\xfe234567890"} {
		if err := change(i.operator, testPassword, bad, true); invalidMember(err) != "/new_password" {
			t.Errorf("%s: %v", name, err)
		}
	}
	i.must(nil, change(i.operator, testPassword, next, false))
	i.must(i.Whoami(t.Context(), other))
	i.must(nil, change(i.operator, next, testPassword, true))
	if _, err := i.Whoami(t.Context(), other); err != keywright.ErrUnauthenticated {
		t.Errorf("the other session: %v", err)
	}
	i.must(i.Whoami(t.Context(), i.operator))
	if err := i.tryLogin("admin", next, "10.0.0.1"); err != keywright.ErrUnauthenticated {
		t.Errorf("the old password: %v", err)
	}
	if n := i.events("user.password"); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

func TestPasswordHashes(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	hash, err := i.hashPassword(t.Context(), "/password", keywright.NewSecret(testPassword))
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(hash, err)
	}
	for _, tt := range []struct {
		hash, password string
		want           bool
	}{
		{hash, testPassword, true},
		{hash, testPassword + "x", false},
		{"", testPassword, false},
		{"", "", false},
		{hash[:len(hash)-4], testPassword, false},
		{strings.Replace(hash, "argon2id", "argon2i", 1), testPassword, false},
		{strings.Replace(hash, "m=19456", "m=99999999", 1), testPassword, false},
		{strings.Replace(hash, "t=2", "t=0", 1), testPassword, false},
		{strings.Replace(hash, "p=1", "p=0", 1), testPassword, false},
	} {
		if got := passwordMatches(tt.hash, tt.password); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.hash, got, tt.want)
		}
	}
}
