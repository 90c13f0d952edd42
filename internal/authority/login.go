package authority

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Session is a person's session that was begun.
type Session struct {
	Token     keywright.Secret
	Username  string
	ExpiresAt time.Time
}

// Login begins a session for a username or e-mail and password. The caller carries no credential.
func (a *Authority) Login(ctx context.Context, caller Caller, username string, password keywright.Secret) (Session, error) {
	user, err := a.signIn(ctx, caller, username, password)
	if err != nil {
		return Session{}, err
	}
	var begun Session
	_, err = a.commit(ctx, func(tx store.Tx) (err error) {
		begun, err = a.beginSession(ctx, tx, caller, user)
		return err
	})
	return begun, err
}

// signIn is the person whose name and password are shown.
func (a *Authority) signIn(ctx context.Context, caller Caller, username string, password keywright.Secret) (*store.User, error) {
	if a.cfg.SSO.NoPasswords {
		return nil, fmt.Errorf("%w: nobody signs in by password here: use single sign-on", keywright.ErrForbidden)
	}
	user, err := a.namedUser(ctx, username)
	if err != nil {
		return nil, err
	}
	return user, a.checkPassword(ctx, caller, attemptOf(user, username, caller.Address), user, password)
}

// namedUser finds who is meant; nil if nobody is.
func (a *Authority) namedUser(ctx context.Context, name string) (user *store.User, err error) {
	const longest = 254 // an e-mail address, RFC 5321
	if name == "" || len(name) > longest || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
		return nil, nil
	}
	err = a.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		user, err = tx.People().UserNamed(ctx, name)
		return err
	})
	if isAbsent(err) {
		return nil, nil
	}
	return user, err
}

// attemptOf names who is tried: however a name is spelled, it counts as one person.
func attemptOf(user *store.User, name string, from netip.Addr) loginAttempt {
	attempt := loginAttempt{"?" + strings.ToLower(name), neighbourhood(from)}
	if user != nil {
		attempt.person = user.ID.String()
	}
	return attempt
}

// checkPassword evaluates a password, also where there is nobody to whom it could belong. It waits its turn, and
// looks at the limits again when it has it.
func (a *Authority) checkPassword(ctx context.Context, caller Caller, attempt loginAttempt, user *store.User, password keywright.Secret) error {
	if err := a.throttle.admitLogin(attempt, a.cfg.Now()); err != nil {
		return err
	}
	done, err := a.passwords.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	now := a.cfg.Now()
	if err := a.throttle.admitLogin(attempt, now); err != nil {
		return err
	}
	hash := ""
	if user != nil {
		hash = user.PasswordHash
	}
	if !passwordMatches(hash, password.Reveal()) || !user.DisabledAt.IsZero() {
		a.throttle.failedLogin(attempt, now)
		a.refusals.noteLogin(user, caller, keywright.Unproved, now)
		return keywright.ErrUnauthenticated
	}
	return nil
}

// beginSession makes a session for a person whose password was right a moment ago, if that still is so.
func (a *Authority) beginSession(ctx context.Context, tx store.Tx, caller Caller, checked *store.User) (Session, error) {
	user, err := stillSignedIn(ctx, tx, checked)
	if err != nil {
		return Session{}, err
	}
	return a.insertSession(ctx, tx, caller, user, "password")
}

// insertSession begins a session, and tells how its person has proved who it is: by "password" or by "sso".
func (a *Authority) insertSession(ctx context.Context, tx store.Tx, caller Caller, user *store.User, how string) (Session, error) {
	now := a.instant()
	s, token, err := a.newSession(caller, user, now)
	if err != nil {
		return Session{}, err
	}
	s.SSO = how == "sso"
	e := caller.event("session.begin", now)
	e.Actor, e.Subject = "user:"+user.Username, "user:"+user.Username
	e.After = map[string]any{"how": how}
	return Session{token, user.Username, s.ExpiresAt}, tx.People().InsertSession(ctx, s, e)
}

// stillSignedIn reads a person again in the transaction that acts.
func stillSignedIn(ctx context.Context, tx store.Tx, checked *store.User) (*store.User, error) {
	user, err := tx.People().User(ctx, checked.ID)
	if isAbsent(err) || err == nil && (user.PasswordHash != checked.PasswordHash || !user.DisabledAt.IsZero()) {
		return nil, keywright.ErrUnauthenticated
	}
	return user, err
}

func (a *Authority) newSession(caller Caller, user *store.User, now time.Time) (*store.Session, keywright.Secret, error) {
	id, err := keywright.NewID(now, a.cfg.Random)
	if err != nil {
		return nil, keywright.Secret{}, err
	}
	secret, err := keywright.GenerateSecret(a.cfg.Random)
	if err != nil {
		return nil, keywright.Secret{}, err
	}
	digest, pepper := a.cfg.Keys.Digest(purposeSession, secret)
	e := caller.event("", now)
	return &store.Session{
		ID: id, User: user.ID, Digest: digest, Pepper: pepper,
		CreatedAt: now, ExpiresAt: now.Add(a.cfg.SessionTTL),
		Address: e.Address, UserAgent: e.UserAgent,
	}, keywright.NewSecret(keywright.FormatSession(a.cfg.Prefix, id, secret)), nil
}

// Logout ends the caller's session.
func (a *Authority) Logout(ctx context.Context, caller Caller) error {
	_, err := a.commit(ctx, func(tx store.Tx) error {
		session, user, err := a.personIn(ctx, tx, caller)
		if err != nil {
			return err
		}
		e := caller.event("session.end", a.instant())
		e.Actor, e.Subject = "user:"+user.Username, "user:"+user.Username
		return tx.People().DeleteSession(ctx, session.ID, e)
	})
	return err
}

// personIn is the person whose session the caller shows. A token has no session and no password.
func (a *Authority) personIn(ctx context.Context, tx store.Tx, caller Caller) (*store.Session, *store.User, error) {
	_, session, _, err := a.proveIn(ctx, tx, caller)
	if err != nil {
		return nil, nil, err
	}
	if session == nil {
		return nil, nil, fmt.Errorf("%w: this is for a person's session, not for a token", keywright.ErrForbidden)
	}
	user, err := tx.People().User(ctx, session.User)
	return session, user, err
}

// ChangePassword sets the caller's own password and, if so asked, ends all its other sessions and all its tokens, in one revision.
func (a *Authority) ChangePassword(ctx context.Context, caller Caller, req keywright.PasswordChange) error {
	return a.changePassword(ctx, caller, req, a.personIn)
}

// ChangeOwnersPassword is ChangePassword for who shows a token: it sets its owner's password, which is proved by the
// present one.
func (a *Authority) ChangeOwnersPassword(ctx context.Context, caller Caller, req keywright.PasswordChange) error {
	return a.changePassword(ctx, caller, req, a.ownerIn)
}

// changePassword has find say whose password it is.
func (a *Authority) changePassword(ctx context.Context, caller Caller, req keywright.PasswordChange, find whose) error {
	session, user, err := a.userNow(ctx, caller, find)
	if err != nil {
		return err
	}
	if err := checkNewPassword("/new_password", req.New.Reveal()); err != nil {
		return err
	}
	if user.PasswordHash == "" {
		err = a.firstPassword(session, req.Old)
	} else {
		err = a.oldPassword(ctx, caller, user, req.Old)
	}
	if err != nil {
		return err
	}
	hash, err := a.hashPassword(ctx, "/new_password", req.New)
	if err != nil {
		return err
	}
	_, err = a.change(ctx, caller, func(s *scene) error { return s.setPassword(ctx, req, user, hash) })
	return err
}

// whose finds out whose affair a request is.
type whose func(ctx context.Context, tx store.Tx, caller Caller) (*store.Session, *store.User, error)

func (a *Authority) userNow(ctx context.Context, caller Caller, find whose) (session *store.Session, user *store.User, err error) {
	err = a.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		session, user, err = find(ctx, tx, caller)
		return err
	})
	return session, user, err
}

func (a *Authority) oldPassword(ctx context.Context, caller Caller, user *store.User, old keywright.Secret) error {
	err := a.checkPassword(ctx, caller, attemptOf(user, "", caller.Address), user, old)
	if errors.Is(err, keywright.ErrUnauthenticated) {
		return keywright.Invalid("/old_password", "this is not the present password")
	}
	return err
}

// firstPassword lets somebody without a password set one, who has just shown to the provider who it is: a session that
// was left open or stolen must not become a password, and no token does (session is nil).
func (a *Authority) firstPassword(session *store.Session, old keywright.Secret) error {
	const fresh = 5 * time.Minute
	switch {
	case old.Reveal() != "":
		return keywright.Invalid("/old_password", "there is no present password: leave it out")
	case session == nil || !session.SSO || a.cfg.Now().Sub(session.CreatedAt) > fresh:
		return fmt.Errorf("%w: a first password is set within %s of single sign-on: sign in again", keywright.ErrForbidden, fresh)
	}
	return nil
}

// ownerIn is the person who owns the token that the caller shows.
func (a *Authority) ownerIn(ctx context.Context, tx store.Tx, caller Caller) (*store.Session, *store.User, error) {
	rec, _, _, err := a.proveIn(ctx, tx, caller)
	if err != nil {
		return nil, nil, err
	}
	if rec == nil {
		return nil, nil, fmt.Errorf("%w: this is for a token, not for a person's session", keywright.ErrForbidden)
	}
	user, err := tx.People().User(ctx, rec.Owner)
	return nil, user, gone(err, keywright.ErrUnauthenticated)
}

// setPassword writes what was worked out outside the transaction, if it still is about the same password.
func (s *scene) setPassword(ctx context.Context, req keywright.PasswordChange, checked *store.User, hash string) error {
	user := s.actor.user
	if user.ID != checked.ID || user.PasswordHash != checked.PasswordHash {
		return fmt.Errorf("%w: the password was changed meanwhile", keywright.ErrConflict)
	}
	changed := *user
	changed.PasswordHash = hash
	if err := s.tx.People().UpdateUser(ctx, &changed, s.ownEvent("user.password")); err != nil {
		return err
	}
	if req.EndTokens {
		if err := s.endOwnTokens(ctx); err != nil {
			return err
		}
	}
	if !req.EndSessions {
		return nil
	}
	e := s.ownEvent("session.end")
	e.Reason = passwordChanged
	return s.tx.People().DeleteSessionsOf(ctx, user.ID, s.actor.session, e)
}

const passwordChanged = "password changed"

// ownEvent begins the event of what a person does to itself, which is no account's matter.
func (s *scene) ownEvent(action string) store.Event {
	return s.event(action, "", "", "user:"+s.actor.user.Username)
}

// endOwnTokens needs no say in the accounts of the tokens: they are the person's own.
func (s *scene) endOwnTokens(ctx context.Context) error {
	ids, err := s.owned(ctx, s.actor.user.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		rec, err := s.tx.Tokens().Get(ctx, id)
		if err != nil {
			return err
		}
		if err := s.situate(ctx, rec); err != nil {
			return err
		}
		if _, err := s.revoke(ctx, rec, passwordChanged); err != nil {
			return err
		}
	}
	return nil
}
