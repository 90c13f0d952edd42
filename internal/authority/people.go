package authority

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Users returns the users with a role in the account.
func (a *Authority) Users(ctx context.Context, caller Caller, account string, q ListQuery) (keywright.Page[keywright.User], error) {
	var page keywright.Page[keywright.User]
	err := a.view(ctx, caller, func(s *scene) error {
		t, err := s.accountFor(ctx, account, usersRead)
		if err != nil {
			return err
		}
		list := "users of " + t.account.Name
		after, limit, err := q.begin(list)
		if err != nil {
			return err
		}
		found, err := s.users(ctx, t.account.Name, after, limit+1)
		page = pageOf(found, limit, list, func(u keywright.User) keywright.User { return u },
			func(u keywright.User) string { return u.Username })
		return err
	})
	return page, err
}

func (s *scene) users(ctx context.Context, account, after string, limit int) ([]keywright.User, error) {
	found, err := s.tx.People().Users(ctx, account, after, limit)
	if err != nil {
		return nil, err
	}
	users := make([]keywright.User, len(found))
	for i, u := range found {
		if users[i], err = s.userShown(ctx, u); err != nil {
			return nil, err
		}
	}
	return users, nil
}

// User returns one user with a role in the account; an operator is told of every user.
func (a *Authority) User(ctx context.Context, caller Caller, account, username string) (keywright.User, error) {
	var shown keywright.User
	err := a.view(ctx, caller, func(s *scene) error {
		t, err := s.accountFor(ctx, account, usersRead)
		if err != nil {
			return err
		}
		user, err := s.userNamed(ctx, username)
		if err != nil {
			return err
		}
		roles, err := s.tx.People().Roles(ctx, user.ID)
		if err != nil {
			return err
		}
		here := func(r store.Role) bool { return r.Account == t.account.Name }
		if !slices.ContainsFunc(roles, here) && s.require(place{}, usersRead) != nil {
			return missing("user", keywright.ErrNotFound)
		}
		shown, err = s.userShown(ctx, user)
		return err
	})
	return shown, err
}

// userShown is a user with those roles that lie where the actor may see users: others are other tenants' matter.
func (s *scene) userShown(ctx context.Context, u *store.User) (keywright.User, error) {
	roles, err := s.tx.People().Roles(ctx, u.ID)
	if err != nil {
		return keywright.User{}, err
	}
	shown := keywright.User{
		ID:         u.ID,
		Number:     u.Number,
		Username:   u.Username,
		Email:      u.Email,
		Roles:      []keywright.Role{},
		CreatedAt:  u.CreatedAt,
		DisabledAt: moment(u.DisabledAt),
	}
	for _, r := range rolesShown(roles) {
		if r.Account == "" || s.actor.belongsTo(r.Account) {
			shown.Roles = append(shown.Roles, r)
		}
	}
	return shown, nil
}

// NewUser asks for a user with one role.
type NewUser struct {
	Username string
	Email    string
	Password keywright.Secret
	Role     keywright.Role
}

// CreateUser makes a user with a role.
func (a *Authority) CreateUser(ctx context.Context, caller Caller, req NewUser) (keywright.User, error) {
	var user keywright.User
	// Whoever may not make users is refused before the costly digest of a password.
	if err := a.view(ctx, caller, func(s *scene) error { return s.mayAddUser(ctx, &req) }); err != nil {
		return user, err
	}
	hash, err := a.hashPassword(ctx, "/password", req.Password)
	if err != nil {
		return user, err
	}
	_, err = a.change(ctx, caller, func(s *scene) (err error) {
		if err := s.mayAddUser(ctx, &req); err != nil {
			return err
		}
		user, err = s.addUser(ctx, req, hash)
		return err
	})
	return user, err
}

// mayAddUser reads the request and refuses who may not make such a user.
func (s *scene) mayAddUser(ctx context.Context, req *NewUser) error {
	if err := s.require(roleHome(req.Role, s.actor.account), usersWrite); err != nil {
		return missing("account", err)
	}
	var p problems
	req.Username = p.text("/username", req.Username, maxNameBytes, maxNameBytes)
	if !isUsername(req.Username) {
		p.add("/username", "must have 1 to %d letters, digits, '.', '_', '-' or '@'", maxNameBytes)
	}
	if req.Email != "" && !isEmail(req.Email) {
		p.add("/email", "must be an e-mail address")
	}
	if err := p.err(); err != nil {
		return err
	}
	role, err := s.role(ctx, req.Role)
	if err != nil {
		return err
	}
	req.Role = role
	return s.mayGiveRole(role)
}

func (s *scene) addUser(ctx context.Context, req NewUser, hash string) (keywright.User, error) {
	id, err := keywright.NewID(s.now, s.a.cfg.Random)
	if err != nil {
		return keywright.User{}, err
	}
	user := &store.User{ID: id, Username: req.Username, Email: req.Email, PasswordHash: hash, CreatedAt: s.now}
	e := s.event("user.create", req.Role.Account, "", "user:"+req.Username)
	e.After = map[string]any{"email": req.Email}
	if user.Number, err = s.tx.People().InsertUser(ctx, user, e); err != nil {
		return keywright.User{}, taken(err, "a user of that name or e-mail address")
	}
	if err := s.insertRole(ctx, user, req.Role); err != nil {
		return keywright.User{}, err
	}
	return s.userShown(ctx, user)
}

// roleHome is where one must have a say to deal with a role; an operator's is the instance, which no account is.
func roleHome(r keywright.Role, home string) place {
	if roleLevel(r.Name) == "instance" {
		return place{}
	}
	return place{account: cmp.Or(r.Account, home)}
}

// GrantRole gives a user a role.
func (a *Authority) GrantRole(ctx context.Context, caller Caller, username string, role keywright.Role) (keywright.User, error) {
	return a.alterRole(ctx, caller, username, role, func(s *scene, user *store.User, role keywright.Role) error {
		if err := s.mayGiveRole(role); err != nil {
			return err
		}
		return s.insertRole(ctx, user, role)
	})
}

// DropRole takes a role away from a user. The last operator stays, and so does the last admin of an account.
func (a *Authority) DropRole(ctx context.Context, caller Caller, username string, role keywright.Role) (keywright.User, error) {
	return a.alterRole(ctx, caller, username, role, func(s *scene, user *store.User, role keywright.Role) error {
		return s.deleteRole(ctx, user, role)
	})
}

func (a *Authority) alterRole(ctx context.Context, c Caller, username string, role keywright.Role,
	f func(*scene, *store.User, keywright.Role) error) (keywright.User, error) {
	var shown keywright.User
	_, err := a.change(ctx, c, func(s *scene) error {
		role, err := s.role(ctx, role)
		if err != nil {
			return err
		}
		user, err := s.userNamed(ctx, username)
		if err != nil {
			return err
		}
		if err := f(s, user, role); err != nil {
			return err
		}
		shown, err = s.userShown(ctx, user)
		return err
	})
	return shown, err
}

// userNamed finds a user that the actor may know of: one with a role in an account of the actor's.
func (s *scene) userNamed(ctx context.Context, name string) (*store.User, error) {
	user, err := s.tx.People().UserNamed(ctx, name)
	if err != nil {
		return nil, missing("user", err)
	}
	roles, err := s.tx.People().Roles(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	operator := s.require(place{}, usersWrite) == nil
	for _, r := range roles {
		if operator || r.Account != "" && s.actor.belongsTo(r.Account) {
			return user, nil
		}
	}
	if operator {
		return user, nil
	}
	return nil, fmt.Errorf("user %w", keywright.ErrNotFound)
}

// role reads a role and refuses it to who has no say over the members where it is given. It fills in the
// account and the space that were left out.
func (s *scene) role(ctx context.Context, r keywright.Role) (keywright.Role, error) {
	level := roleLevel(r.Name)
	switch {
	case level == "":
		return r, keywright.Invalid("/role", "must be operator, admin, auditor, owner, manager or reader")
	case level == "instance" && (r.Account != "" || r.Space != ""):
		return r, keywright.Invalid("/role", "an operator is one of the whole instance: leave account and space out")
	case level == "account" && r.Space != "":
		return r, keywright.Invalid("/space", "%s is a role in an account: leave space out", r.Name)
	case level != "instance":
		r.Account = cmp.Or(r.Account, s.actor.account)
	}
	if level == "space" {
		r.Space = cmp.Or(r.Space, defaultName)
	}
	at := place{r.Account, r.Space}
	err := s.require(at, membersWrite)
	switch {
	case level == "instance":
		return r, onlyOperators(err)
	case err != nil:
		return r, missing("account", err)
	}
	_, err = s.tenancy(ctx, at)
	return r, err
}

// mayGiveRole refuses a role to who could do less by itself than the role lets do.
func (s *scene) mayGiveRole(r keywright.Role) error {
	return s.actor.envelope(place{r.Account, r.Space}).holdsRole(r)
}

func (s *scene) insertRole(ctx context.Context, user *store.User, r keywright.Role) error {
	e := s.roleEvent("role.grant", user, r)
	e.After = map[string]any{"role": r.Name}
	err := s.tx.People().InsertRole(ctx, storedRole(user, r), e)
	return taken(err, "this role of the user")
}

func (s *scene) deleteRole(ctx context.Context, user *store.User, r keywright.Role) error {
	if r.Name == roleOperator && s.actor.user.ID == user.ID {
		return fmt.Errorf("%w: an operator cannot drop the own role; another operator can", keywright.ErrConflict)
	}
	if err := s.staysGoverned(ctx, user, storedRole(user, r)); err != nil {
		return err
	}
	e := s.roleEvent("role.drop", user, r)
	e.Before = map[string]any{"role": r.Name}
	return missing("role", s.tx.People().DeleteRole(ctx, storedRole(user, r), e))
}

func (s *scene) roleEvent(action string, user *store.User, r keywright.Role) store.Event {
	return s.event(action, r.Account, r.Space, "user:"+user.Username)
}

func storedRole(user *store.User, r keywright.Role) store.Role {
	return store.Role{User: user.ID, Account: r.Account, Space: r.Space, Name: r.Name, Provided: r.Provided}
}
