package authority

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// actor is who acts, established from rows of the transaction that acts: a
// person by roles, or a token by its reserved scopes.
type actor struct {
	name    string      // as Event.Actor
	account string      // where requests go that name none
	space   string      // where in it new tokens go that name none; empty: they are the account's
	user    *store.User // the person, or the token's owner
	session keywright.ID
	roles   []store.Role     // a person's
	token   *store.Record    // nil: a person
	bound   *keywright.Bound // what narrows the token, if it came as an access token, or the session
}

// establish finds out who the caller is now. Whatever makes a credential
// unusable here is the same keywright.ErrUnauthenticated.
func (s *scene) establish(ctx context.Context) (*actor, error) {
	rec, session, bound, err := s.a.proveIn(ctx, s.tx, s.caller)
	switch {
	case err != nil:
		return nil, err
	case session != nil:
		return s.person(ctx, session, bound)
	case rec != nil:
		return s.machine(ctx, rec, bound)
	}
	return nil, keywright.ErrUnauthenticated
}

func (s *scene) person(ctx context.Context, session *store.Session, bound *keywright.Bound) (*actor, error) {
	user, err := s.tx.People().User(ctx, session.User)
	if err != nil {
		return nil, gone(err, keywright.ErrUnauthenticated)
	}
	if !user.DisabledAt.IsZero() {
		return nil, keywright.ErrUnauthenticated
	}
	who, err := s.personally(ctx, user, session.SSO)
	if err != nil {
		return nil, err
	}
	who.session, who.bound = session.ID, bound
	return who, nil
}

// personally is a person as actor, without a session. The roles that groups gave act only if the provider has vouched for
// the person: it is there that a group is left.
func (s *scene) personally(ctx context.Context, user *store.User, provided bool) (*actor, error) {
	roles, err := s.tx.People().Roles(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	if !provided {
		roles = slices.DeleteFunc(roles, func(r store.Role) bool { return r.Provided })
	}
	home := homeOf(roles)
	return &actor{
		name:    "user:" + user.Username,
		account: home,
		space:   homeSpace(roles, home),
		user:    user,
		roles:   roles,
	}, nil
}

// homeOf is the account of a person who names none: the first by name in which there is a role.
func homeOf(roles []store.Role) string {
	home := ""
	for _, r := range roles {
		if r.Account != "" && (home == "" || r.Account < home) {
			home = r.Account
		}
	}
	return cmp.Or(home, defaultName)
}

// homeSpace is where in an account a person makes tokens who makes none of the account's: the first space by name.
func homeSpace(roles []store.Role, account string) string {
	makes := func(at place) bool { return scopesOf(rolesAt(roles, at)).Covers(scopes(tokensWrite)[0]) }
	if makes(place{account: account}) {
		return ""
	}
	home := ""
	for _, r := range roles {
		if r.Account == account && r.Space != "" && (home == "" || r.Space < home) && makes(place{account, r.Space}) {
			home = r.Space
		}
	}
	return home
}

func (s *scene) machine(ctx context.Context, rec *store.Record, bound *keywright.Bound) (*actor, error) {
	if err := s.situate(ctx, rec); err != nil {
		return nil, gone(err, keywright.ErrUnauthenticated)
	}
	user, err := s.tx.People().User(ctx, rec.Owner)
	if err != nil {
		return nil, gone(err, keywright.ErrUnauthenticated)
	}
	who := &actor{
		name:    "token:" + rec.Facts.ID.String(),
		account: rec.Facts.Account,
		user:    user,
		token:   rec,
		bound:   bound,
	}
	if rec.Facts.Kind == keywright.KindSpace {
		who.space = rec.Facts.Space
	}
	return who, s.judge(who, keywright.Access{})
}

// judge has keywright.Decide hold an attempt at the management API against the acting token.
func (s *scene) judge(who *actor, access keywright.Access) error {
	access.Management, access.Address, access.Bound = true, s.caller.Address, who.bound
	switch d := keywright.Decide(who.token.Facts, access, s.now); d.Reason {
	case keywright.Allowed:
		return nil
	case keywright.WrongTenant:
		return keywright.ErrNotFound
	case keywright.InsufficientScope:
		return lacking(d.Missing.String())
	default:
		return keywright.ErrUnauthenticated
	}
}

func lacking(scope string) error {
	if scope == "" {
		return fmt.Errorf("%w: the token has no scopes, so it may do nothing", keywright.ErrForbidden)
	}
	return fmt.Errorf("%w: this needs %s", keywright.ErrForbidden, scope)
}

// require refuses unless the actor may do at the place what the scope names:
// keywright.ErrNotFound where the actor has no say at all, keywright.ErrForbidden where it has too little.
func (s *scene) require(at place, scope string) error {
	if s.actor.token == nil {
		return s.requireRole(at, scope)
	}
	if at.account == "" {
		return fmt.Errorf("%w: only an operator acts on the instance", keywright.ErrForbidden)
	}
	err := s.judge(s.actor, keywright.Access{Account: at.account, Space: at.space, Scopes: scopes(scope)})
	if err == nil && at.space == "" && s.actor.token.Facts.Kind == keywright.KindSpace {
		return fmt.Errorf("%w: a space token acts in its space only", keywright.ErrForbidden)
	}
	if err == nil {
		s.a.noteScopes(s.actor.token, scopes(scope), false)
	}
	return err
}

func (s *scene) requireRole(at place, scope string) error {
	if !s.actor.narrowedTo(scope) {
		return fmt.Errorf("%w: the session was begun for less than %s", keywright.ErrForbidden, scope)
	}
	here := rolesAt(s.actor.roles, at)
	switch {
	case scopesOf(here).Covers(scopes(scope)[0]):
		return nil
	case len(here) > 0 || at.space == "" && s.actor.belongsTo(at.account):
		return fmt.Errorf("%w: this needs a role in %s that covers %s", keywright.ErrForbidden, at, scope)
	}
	return keywright.ErrNotFound
}

// narrowedTo reports whether the session of a person leaves it what the scope names: every one manages tokens.
func (who *actor) narrowedTo(scope string) bool {
	return who.bound == nil || scope == tokensRead || scope == tokensWrite || who.bound.Scopes.Covers(scopes(scope)[0])
}

// belongsTo reports whether the account is the actor's own: nothing in it is another tenant's.
func (who *actor) belongsTo(account string) bool {
	if who.token != nil {
		return who.token.Facts.Account == account
	}
	return slices.ContainsFunc(who.roles, func(r store.Role) bool {
		return r.Account == account || holdsAt(r, place{account: account})
	})
}

// is reports whether the actor is the token itself.
func (who *actor) is(rec *store.Record) bool {
	return who.token != nil && who.token.Facts.ID == rec.Facts.ID
}

// sight is which of an account's tokens the actor may do something with: all of
// them, or the space tokens of some spaces.
type sight struct {
	all    bool
	spaces []string
}

// sight says for which of an account's tokens the actor has the scope.
func (s *scene) sight(account, scope string) (sight, error) {
	err := s.require(place{account: account}, scope)
	if err == nil {
		return sight{all: true}, nil
	}
	if !errors.Is(err, keywright.ErrForbidden) {
		return sight{}, err
	}
	spaces := s.spacesWith(account, scope)
	if len(spaces) == 0 {
		return sight{}, err
	}
	return sight{spaces: spaces}, nil
}

func (s *scene) spacesWith(account, scope string) []string {
	var spaces []string
	for _, space := range s.actor.ownSpaces(account) {
		if s.require(place{account, space}, scope) == nil {
			spaces = append(spaces, space)
		}
	}
	return spaces
}

// ownSpaces are the spaces the actor has a say in by themselves, not by the account.
func (who *actor) ownSpaces(account string) []string {
	if who.token != nil {
		return []string{who.token.Facts.Space}
	}
	var spaces []string
	for _, r := range who.roles {
		if r.Account == account && r.Space != "" && !slices.Contains(spaces, r.Space) {
			spaces = append(spaces, r.Space)
		}
	}
	return spaces
}

// gone turns "not found" into what it means here, and leaves every other error as it is.
func gone(err, meaning error) error {
	if errors.Is(err, keywright.ErrNotFound) {
		return meaning
	}
	return err
}
