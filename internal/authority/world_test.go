package authority

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/sqlstore"
	"github.com/keywright/keywright/internal/store/teststore"
)

// epoch is when every world of a test begins.
var epoch = time.Date(2030, time.March, 1, 12, 0, 0, 0, time.UTC)

// world is an authority over a database of its own, with the account acme, whose spaces are default and lab, and the
// people root (operator), ada (admin of acme), olga (owner of lab), mel (manager of lab), rita (reader of lab),
// audi (auditor of acme); and the account other with its admin otto.
type world struct {
	t  testing.TB
	a  *Authority
	st *sqlstore.Store

	mu       sync.Mutex
	now      time.Time
	sessions map[string]Caller
	seen     int64 // the last event that trail told
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: epoch, sessions: map[string]Caller{}}
	w.st = teststore.Open(t)
	text, err := keyring.Generate(rand.Reader)
	w.must(err)
	keys, err := keyring.Parse(text)
	w.must(err)
	w.a, err = New(Config{Store: w.st, Finder: w.st, Keys: keys, Issuer: "https://kw.example", Now: w.time})
	w.must(err)
	w.people()
	w.trail()
	return w
}

func (w *world) people() {
	for _, account := range []string{"acme", "other"} {
		w.write(func(ctx context.Context, tx store.Tx) error {
			return tx.Tenants().InsertAccount(ctx, &store.Account{
				Name: account, Policy: keywright.DefaultPolicy(), CreatedAt: epoch,
			}, w.event("account.create", account))
		})
		for _, space := range []string{"default", "lab"} {
			w.write(func(ctx context.Context, tx store.Tx) error {
				_, err := tx.Tenants().InsertSpace(ctx, &store.Space{Account: account, Name: space, CreatedAt: epoch},
					w.event("space.create", account))
				return err
			})
		}
	}
	w.person("root", store.Role{Name: roleOperator})
	w.person("ada", store.Role{Name: roleAdmin, Account: "acme"})
	w.person("olga", store.Role{Name: roleOwner, Account: "acme", Space: "lab"})
	w.person("mel", store.Role{Name: roleManager, Account: "acme", Space: "lab"})
	w.person("rita", store.Role{Name: roleReader, Account: "acme", Space: "lab"})
	w.person("audi", store.Role{Name: roleAuditor, Account: "acme"})
	w.person("otto", store.Role{Name: roleAdmin, Account: "other"})
}

// person makes a user with a role and a session.
func (w *world) person(name string, role store.Role) Caller {
	user, session := w.id(), w.id()
	secret, err := keywright.GenerateSecret(rand.Reader)
	w.must(err)
	digest, pepper := w.a.cfg.Keys.Digest(purposeSession, secret)
	role.User = user
	w.write(func(ctx context.Context, tx store.Tx) error {
		e := w.event("user.create", role.Account)
		_, err := tx.People().InsertUser(ctx, &store.User{ID: user, Username: name, CreatedAt: epoch}, e)
		if err != nil {
			return err
		}
		if err := tx.People().InsertRole(ctx, role, e); err != nil {
			return err
		}
		return tx.People().InsertSession(ctx, &store.Session{
			ID: session, User: user, Digest: digest, Pepper: pepper,
			CreatedAt: epoch, ExpiresAt: epoch.AddDate(5, 0, 0),
		}, e)
	})
	c := w.present(keywright.FormatSession(keywright.DefaultPrefix, session, secret))
	w.sessions[name] = c
	return c
}

// as is the session of one of the people.
func (w *world) as(name string) Caller {
	c, ok := w.sessions[name]
	if !ok {
		w.t.Fatalf("there is no %s in this world", name)
	}
	return c
}

// by is who shows the API key of a token.
func (w *world) by(issued keywright.Issued) Caller { return w.present(issued.APIKey.Reveal()) }

func (w *world) present(credential string) Caller {
	c, err := keywright.ParseCredential(keywright.DefaultPrefix, credential)
	w.must(err)
	return Caller{Credential: c, Address: netip.MustParseAddr("192.0.2.7"), UserAgent: "test", RequestID: "r1"}
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) id() keywright.ID {
	id, err := keywright.NewID(epoch, rand.Reader)
	w.must(err)
	return id
}

func (w *world) event(action, account string) store.Event {
	return store.Event{At: epoch, Action: action, Actor: "system", Account: account}
}

func (w *world) write(f func(context.Context, store.Tx) error) {
	w.t.Helper()
	_, err := w.st.Write(w.t.Context(), func(tx store.Tx) error { return f(w.t.Context(), tx) })
	w.must(err)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// issue makes a token that must be made.
func (w *world) issue(c Caller, req keywright.NewToken) keywright.Issued {
	w.t.Helper()
	issued, err := w.a.Issue(w.t.Context(), c, req, "")
	w.must(err)
	return issued
}

// get is a token as ada sees it.
func (w *world) get(id keywright.ID) keywright.Token {
	w.t.Helper()
	t, err := w.a.Token(w.t.Context(), w.as("ada"), id)
	w.must(err)
	return t
}

// policy changes acme's policy.
func (w *world) policy(change func(*keywright.Policy)) {
	w.t.Helper()
	account, err := w.a.Account(w.t.Context(), w.as("root"), "acme")
	w.must(err)
	change(&account.Policy)
	_, err = w.a.SetPolicy(w.t.Context(), w.as("root"), "acme", keywright.NewPolicy{Policy: account.Policy})
	w.must(err)
	w.trail()
}

// trail is what was written into the audit trail since it was last asked: "action by actor", in order.
func (w *world) trail() []string {
	w.t.Helper()
	told := []string{}
	for _, e := range w.events() {
		told = append(told, strings.TrimSpace(e.Action+" "+e.Reason))
	}
	return told
}

// events is what was written into the audit trail since it was last asked, oldest first.
func (w *world) events() []keywright.Event {
	w.t.Helper()
	var fresh []keywright.Event
	w.must(w.st.Read(w.t.Context(), func(tx store.Tx) error {
		fresh = fresh[:0]
		list, err := tx.Events().List(w.t.Context(), store.EventQuery{Limit: 10000})
		for _, e := range list {
			if e.Seq > w.seen {
				fresh = append(fresh, e)
			}
		}
		return err
	}))
	slices.Reverse(fresh)
	for _, e := range fresh {
		w.seen = max(w.seen, e.Seq)
	}
	return fresh
}

// wantTrail holds what was done since the last look against what must be told of it.
func (w *world) wantTrail(want ...string) {
	w.t.Helper()
	if got := w.trail(); !slices.Equal(got, want) {
		w.t.Errorf("audit trail:\n got %q\nwant %q", got, want)
	}
}

// usable reports whether a credential passes at data that needs the scope.
func (w *world) usable(key keywright.Secret, scope string) bool {
	w.t.Helper()
	c, err := keywright.ParseCredential(keywright.DefaultPrefix, key.Reveal())
	w.must(err)
	v, err := w.a.Verify(w.t.Context(), c, keywright.Access{Scopes: scopes(scope)})
	w.must(err)
	return v.Allowed()
}

// wantErr holds an error against a sentinel (nil: none) and a part of its text.
func wantErr(t testing.TB, err, sentinel error, part string) {
	t.Helper()
	switch {
	case sentinel == nil && err != nil:
		t.Errorf("unexpected error: %v", err)
	case sentinel != nil && !errors.Is(err, sentinel):
		t.Errorf("error %v, want %v", err, sentinel)
	case err != nil && !strings.Contains(err.Error(), part):
		t.Errorf("error %q does not say %q", err, part)
	}
}

func scopesGranted(list ...string) keywright.NewToken { return keywright.NewToken{Scopes: list} }

func ptr[T any](v T) *T { return &v }
