package rest

// The accounts, people and tokens of the matrix, and the things that they try to get at.

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/store"
)

// The targets, from where the people and tokens of the matrix stand.
const (
	targetInstance   = "instance"
	targetSelf       = "oneself"
	targetAccount    = "own account"
	targetSpace      = "own space"
	targetOtherSpace = "another space"
	targetChild      = "child account"
	targetForeign    = "other account"
	targetForeignIn  = "other account's space"
	targetAbsent     = "absent"
	targetAbsentIn   = "absent account's space"
)

// spot is an account, and a space of it or none.
type spot struct{ account, space string }

func spotOf(target string) spot {
	return map[string]spot{
		targetAccount: {"acme", ""}, targetSpace: {"acme", "lab"}, targetOtherSpace: {"acme", "prod"}, targetChild: {"child@acme", ""},
		targetForeign: {"other", ""}, targetForeignIn: {"other", "lab"}, targetAbsent: {"nowhere", ""}, targetAbsentIn: {"nowhere", "none"},
	}[target]
}

func isAbsent(target string) bool { return strings.HasPrefix(target, targetAbsent) }

type matrixWorld struct {
	*instance
	handler http.Handler
	actors  []*matrixActor
	things  map[string]any // made for the next attempts, until one is done
	made    int
}

func actorNames() []string {
	return []string{
		"anonymous", "operator", "admin", "auditor", "owner", "manager", "reader", "nothing", "disabled",
		"account w", "account r", "account 0", "space w", "space r", "manager w", "manager r",
	}
}

// dataScope is what the tokens of the matrix may do for data.
const dataScope = "invoices:read"

const matrixPassword = "the same for everybody"

func newMatrixWorld(t *testing.T) *matrixWorld {
	t.Helper()
	w := &matrixWorld{instance: open(t, "https://kw.example"), things: map[string]any{}}
	mux := http.NewServeMux()
	(&API{Authority: w.authority, BaseURL: "https://kw.example", RequestID: func(*http.Request) string { return "request-1" }}).Mount(mux)
	w.handler = mux
	for _, account := range []string{"acme", "child@acme", "other"} {
		_, err := w.authority.CreateAccount(t.Context(), w.operator(), account, "")
		must(t, err)
		for _, space := range []string{"lab", "prod"} {
			_, err := w.authority.CreateSpace(t.Context(), w.operator(), account, space, "")
			must(t, err)
		}
		p := keywright.DefaultPolicy()
		p.RecoverableAllowed = true
		_, err = w.authority.SetPolicy(t.Context(), w.operator(), account, keywright.NewPolicy{Policy: p})
		must(t, err)
	}
	w.people()
	w.tokens()
	return w
}

func (w *matrixWorld) people() {
	w.actors = []*matrixActor{{name: "anonymous"}}
	for _, p := range []struct {
		name string
		role keywright.Role
	}{
		{"operator", keywright.Role{Name: "operator"}},
		{"admin", keywright.Role{Name: "admin", Account: "acme"}},
		{"auditor", keywright.Role{Name: "auditor", Account: "acme"}},
		{"owner", keywright.Role{Name: "owner", Account: "acme", Space: "lab"}},
		{"manager", keywright.Role{Name: "manager", Account: "acme", Space: "lab"}},
		{"reader", keywright.Role{Name: "reader", Account: "acme", Space: "lab"}},
		{"nothing", keywright.Role{Name: "reader", Account: "acme", Space: "lab"}},
		{"disabled", keywright.Role{Name: "admin", Account: "acme"}},
	} {
		username := "the-" + p.name
		_, err := w.authority.CreateUser(w.t.Context(), w.operator(), authority.NewUser{
			Username: username, Password: keywright.NewSecret(matrixPassword), Role: p.role,
		})
		must(w.t, err)
		renew := func() string { return w.login(username, matrixPassword) }
		w.actors = append(w.actors, &matrixActor{name: p.name, key: renew(), renew: renew})
	}
	_, err := w.authority.DropRole(w.t.Context(), w.operator(), "the-nothing", keywright.Role{Name: "reader", Account: "acme", Space: "lab"})
	must(w.t, err)
	w.write(func(ctx context.Context, tx store.Tx) error { // and not as it is done, which ends the session too
		user, err := tx.People().UserNamed(ctx, "the-disabled")
		if err != nil {
			return err
		}
		user.DisabledAt = time.Now()
		return tx.People().UpdateUser(ctx, user, w.event())
	})
}

func (w *matrixWorld) tokens() {
	everything := []string{"tokens:read", "tokens:write", "tokens:verify", "tokens:reveal", "spaces:read", "spaces:write", "members:read", "members:write",
		"policy:read", "policy:write", "audit:read", "users:read", "users:write", "accounts:read", "accounts:write"}
	var all, reading []string
	for _, scope := range everything {
		all = append(all, "keywright:"+scope)
		if strings.HasSuffix(scope, ":read") {
			reading = append(reading, "keywright:"+scope)
		}
	}
	data := func(scopes []string) []string { return append(slices.Clone(scopes), dataScope) }
	for _, p := range []struct {
		name   string
		kind   keywright.Kind
		space  string
		scopes []string
	}{
		{"account w", keywright.KindAccount, "", data(all)},
		{"account r", keywright.KindAccount, "", data(reading)},
		{"account 0", keywright.KindAccount, "", data(nil)},
		{"space w", keywright.KindSpace, "lab", data(all)},
		{"space r", keywright.KindSpace, "lab", data(reading)},
		{"manager w", keywright.KindManager, "", all},
		{"manager r", keywright.KindManager, "", reading},
	} {
		made := w.issue(keywright.NewToken{Account: "acme", Kind: p.kind, Space: p.space, Scopes: p.scopes, Lifetime: "permanent"})
		w.actors = append(w.actors, &matrixActor{name: p.name, key: made.APIKey.Reveal()})
	}
}

func (w *matrixWorld) login(username, password string) string {
	w.t.Helper()
	s, err := w.authority.Login(w.t.Context(), authority.Caller{}, username, keywright.NewSecret(password))
	must(w.t, err)
	return s.Token.Reveal()
}

// spent has the next attempt find everything made anew.
func (w *matrixWorld) spent() { clear(w.things) }

// thing is what an attempt is at; it is made once until an attempt succeeds.
func thing[T any](w *matrixWorld, kind, target string, make func() T) T {
	key := kind + " of the " + target
	if kept, ok := w.things[key].(T); ok {
		return kept
	}
	made := make()
	w.things[key] = made
	return made
}

// fresh is a name that nothing has.
func (w *matrixWorld) fresh(kind string) string {
	w.made++
	return fmt.Sprintf("%s-%d", kind, w.made)
}

func (w *matrixWorld) id() keywright.ID {
	id, err := keywright.NewID(time.Now(), rand.Reader)
	must(w.t, err)
	return id
}

func (w *matrixWorld) token(target string) keywright.Issued {
	return thing(w, "token", target, func() keywright.Issued {
		at := spotOf(target)
		if isAbsent(target) {
			return keywright.Issued{Token: keywright.Token{ID: w.id()}, APIKey: keywright.NewSecret(keywright.FormatAPIKey("kw", w.id(), strings.Repeat("a", 43)))}
		}
		return w.issue(keywright.NewToken{Account: at.account, Space: at.space, Scopes: []string{dataScope}, Recoverable: true})
	})
}

func (w *matrixWorld) tokenPath(target, more string) string {
	return tokensPath + "/" + w.token(target).Token.ID.String() + more
}

func (w *matrixWorld) write(f func(context.Context, store.Tx) error) {
	w.t.Helper()
	_, err := w.store.Write(w.t.Context(), func(tx store.Tx) error { return f(w.t.Context(), tx) })
	must(w.t, err)
}

func (w *matrixWorld) event() store.Event {
	return store.Event{At: time.Now(), Action: "test", Actor: "system"}
}

// user is somebody with one role: auditor of the account, reader of the space.
func (w *matrixWorld) user(target string) string {
	return thing(w, "user", target, func() string {
		name := "somebody-absent"
		if isAbsent(target) {
			return name
		}
		at := spotOf(target)
		id := w.id()
		name = "somebody-" + id.String()[24:]
		w.write(func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.People().InsertUser(ctx, &store.User{ID: id, Username: name, CreatedAt: time.Now()}, w.event()); err != nil {
				return err
			}
			role := store.Role{User: id, Account: at.account, Name: "auditor"}
			if at.space != "" {
				role.Space, role.Name = at.space, "reader"
			}
			return tx.People().InsertRole(ctx, role, w.event())
		})
		return name
	})
}

// session is the id of a session of that user.
func (w *matrixWorld) session(target string) string {
	name := w.user(target)
	return thing(w, "session", target, func() string {
		id := w.id()
		if !isAbsent(target) {
			w.write(func(ctx context.Context, tx store.Tx) error {
				user, err := tx.People().UserNamed(ctx, name)
				if err != nil {
					return err
				}
				s := &store.Session{ID: id, User: user.ID, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
				return tx.People().InsertSession(ctx, s, w.event())
			})
		}
		return id.String()
	})
}

func (w *matrixWorld) invitation(target string) authority.Invited {
	return thing(w, "invitation", target, func() authority.Invited {
		at := spotOf(target)
		if isAbsent(target) {
			return authority.Invited{Invite: keywright.Invite{ID: w.id()}}
		}
		role := keywright.Role{Name: "auditor", Account: at.account}
		if at.space != "" {
			role.Name, role.Space = "reader", at.space
		}
		made, err := w.authority.Invite(w.t.Context(), w.operator(), keywright.NewInvite{Username: w.fresh("guest"), Role: role})
		must(w.t, err)
		return made
	})
}

func (w *matrixWorld) webhook(target string) keywright.ID {
	return thing(w, "webhook", target, func() keywright.ID {
		if isAbsent(target) {
			return w.id()
		}
		made, err := w.authority.CreateWebhook(w.t.Context(), w.operator(), spotOf(target).account, keywright.NewWebhook{URL: "https://example.com/", Events: []string{"*"}})
		must(w.t, err)
		return made.Webhook.ID
	})
}

func (w *matrixWorld) delivery(target string) keywright.ID {
	to := w.webhook(target)
	return thing(w, "delivery", target, func() keywright.ID {
		d := &store.Delivery{ID: w.id(), Webhook: to, Event: 1, Action: "test", State: keywright.DeliveryFailed, CreatedAt: time.Now()}
		if !isAbsent(target) {
			w.write(func(ctx context.Context, tx store.Tx) error { return tx.Webhooks().Queue(ctx, []*store.Delivery{d}, 0) })
		}
		return d.ID
	})
}

// policy is what the account has, so that to set it changes nothing.
func (w *matrixWorld) policy() string {
	p := keywright.DefaultPolicy()
	p.RecoverableAllowed = true
	text, err := json.Marshal(keywright.NewPolicy{Policy: p})
	must(w.t, err)
	return string(text)
}
