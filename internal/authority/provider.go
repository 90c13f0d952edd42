package authority

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Single sign-on: a provider says who somebody is, and the person is known by that from then on. Two ways lead to
// somebody else's user, and both are closed. An e-mail address that the provider has not verified is anybody's; so it
// neither finds a user nor names one. And a user may lie in wait, made by who knows its password, for the person whose
// address it has; so whoever is found by e-mail loses the password and the sessions that were there before.

// SingleSignOn is what the instance makes of who signs in through the provider. The zero value signs nobody in.
type SingleSignOn struct {
	Issuer string // of the provider; empty: there is none
	Roles  []GroupRole
	// KnownOnly refuses people who are no users yet. Otherwise one whose groups give a role becomes a user.
	KnownOnly bool
	// NoPasswords refuses to sign in by password.
	NoPasswords bool
}

// GroupRole gives the members of a group at the provider a role.
type GroupRole struct {
	Group string
	Role  keywright.Role
}

// ParseGroupRole reads GROUP=operator, GROUP=ROLE@ACCOUNT or GROUP=ROLE@ACCOUNT/SPACE. The group is all before the last
// "=", so that it may be a distinguished name.
func ParseGroupRole(entry string) (GroupRole, error) {
	wrong := func(reason string, args ...any) (GroupRole, error) {
		return GroupRole{}, fmt.Errorf("%q: %s", entry, fmt.Sprintf(reason, args...))
	}
	at := strings.LastIndexByte(entry, '=')
	if at < 1 {
		return wrong("want GROUP=operator, GROUP=ROLE@ACCOUNT or GROUP=ROLE@ACCOUNT/SPACE")
	}
	given := GroupRole{Group: entry[:at]}
	name, where, placed := strings.Cut(entry[at+1:], "@")
	account, space, spaced := strings.Cut(where, "/")
	given.Role = keywright.Role{Name: name, Account: account, Space: space, Provided: true}
	switch level := roleLevel(name); {
	case level == "":
		return wrong("there is no role %q: want operator, admin, auditor, owner, manager or reader", name)
	case level == "instance" && placed:
		return wrong("an operator is one of the whole instance: leave @%s out", where)
	case level != "instance" && !isAccountName(account):
		return wrong("say on which account: %s=%s@ACCOUNT", given.Group, name)
	case level == "account" && spaced:
		return wrong("%s is a role on an account: leave /%s out", name, space)
	case level == "space" && !isSlug(space):
		return wrong("say on which space: %s=%s@%s/SPACE", given.Group, name, account)
	}
	return given, nil
}

// Identity is who the provider says somebody is; whoever calls has proved that it does.
type Identity struct {
	Issuer, Subject string
	Email           string
	EmailVerified   bool   // without it the e-mail counts for nothing
	Username        string // a suggestion
	Groups          []string
}

// The reasons that stand in the audit trail.
const (
	bySSO      = "single sign-on"
	linkedHere = "single sign-on by the same e-mail address"
)

// SignInWays says how people sign in.
func (a *Authority) SignInWays() keywright.SignInWays {
	return keywright.SignInWays{Password: !a.cfg.SSO.NoPasswords, SSO: a.cfg.SSO.Issuer != ""}
}

// SignInByProvider offers a session to somebody whom the provider vouches for, and returns the code to fetch it with, for a
// minute: by FetchSession, with the verifier of the challenge (RFC 7636, S256). The roles that groups give are those of
// the groups named, from this revision on; roles given by hand stay.
func (a *Authority) SignInByProvider(ctx context.Context, caller Caller, who Identity, challenge string) (keywright.Secret, error) {
	var code keywright.Secret
	if err := a.checkIdentity(who); err != nil {
		return code, err
	}
	if !IsChallenge(challenge) {
		return code, keywright.Invalid("code_challenge", "want the S256 challenge of RFC 7636: 43 characters of base64url")
	}
	_, err := a.commit(ctx, func(tx store.Tx) (err error) {
		s := &scene{a: a, tx: tx, caller: caller, now: a.instant(), actor: &actor{name: "system"}, tenants: map[place]tenancy{}}
		user, err := s.signIn(ctx, who)
		if err == nil {
			code, err = s.offerSession(ctx, user, challenge)
		}
		return err
	})
	if err != nil {
		return keywright.Secret{}, err
	}
	return code, nil
}

func (a *Authority) checkIdentity(who Identity) error {
	const longest = 255 // OpenID Connect Core section 2
	switch {
	case a.cfg.SSO.Issuer == "" || who.Issuer != a.cfg.SSO.Issuer:
		return fmt.Errorf("%w: nobody signs in through this provider", keywright.ErrForbidden)
	case who.Subject == "" || len(who.Subject) > longest || strings.ContainsFunc(who.Subject, unclean):
		return fmt.Errorf("%w: the provider names no usable subject", keywright.ErrForbidden)
	}
	return nil
}

// signIn finds or makes the user that somebody is, with the roles that groups give.
func (s *scene) signIn(ctx context.Context, who Identity) (*store.User, error) {
	roles, err := s.groupRoles(ctx, who.Groups)
	if err != nil {
		return nil, err
	}
	user, err := s.userOf(ctx, who)
	if isAbsent(err) {
		user, err = s.admitStranger(ctx, who, roles)
	}
	if err != nil {
		return nil, err
	}
	if !user.DisabledAt.IsZero() {
		s.a.refusals.noteLogin(user, s.caller, keywright.Disabled, s.now)
		return nil, fmt.Errorf("%w: the user %s is disabled", keywright.ErrForbidden, user.Username)
	}
	return user, s.followGroups(ctx, user, roles)
}

// groupRoles are the roles that groups give. One on what does not exist (yet) is passed over, and logged.
func (s *scene) groupRoles(ctx context.Context, groups []string) ([]keywright.Role, error) {
	var roles []keywright.Role
	for _, given := range s.a.cfg.SSO.Roles {
		if !slices.Contains(groups, given.Group) || slices.Contains(roles, given.Role) {
			continue
		}
		if given.Role.Account != "" {
			_, err := s.tenancy(ctx, place{given.Role.Account, given.Role.Space})
			if isAbsent(err) {
				s.a.cfg.Log.WarnContext(ctx, "single sign-on: a group gives a role on what is not there", "role", given.Role.Name,
					"account", given.Role.Account, "space", given.Role.Space)
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		roles = append(roles, given.Role)
	}
	return roles, nil
}

// userOf finds a user by the subject or, the first time, by the e-mail address that the provider has verified.
func (s *scene) userOf(ctx context.Context, who Identity) (*store.User, error) {
	user, err := s.tx.People().UserIdentified(ctx, who.Issuer, who.Subject)
	if !isAbsent(err) {
		return user, err
	}
	if !who.EmailVerified || who.Email == "" {
		return nil, err
	}
	user, err = s.tx.People().UserWithEmail(ctx, who.Email)
	if err != nil || !user.DisabledAt.IsZero() {
		return user, err
	}
	if err := s.link(ctx, user, who); err != nil {
		return nil, err
	}
	return user, s.disarm(ctx, user)
}

// link has a user known by the subject from now on.
func (s *scene) link(ctx context.Context, user *store.User, who Identity) error {
	e, err := s.userEvent(ctx, "user.link", user)
	if err != nil {
		return err
	}
	e.Reason, e.After = bySSO, map[string]any{"issuer": who.Issuer, "subject": who.Subject}
	err = s.tx.People().InsertIdentity(ctx, store.Identity{Issuer: who.Issuer, Subject: who.Subject, User: user.ID, CreatedAt: s.now}, e)
	if errors.Is(err, keywright.ErrConflict) {
		return fmt.Errorf("%w: the user %s, who has this e-mail address, is somebody else at the provider", keywright.ErrForbidden, user.Username)
	}
	return err
}

// disarm takes away what somebody else may hold of a user: its password, and the sessions begun with it.
func (s *scene) disarm(ctx context.Context, user *store.User) error {
	if user.PasswordHash == "" {
		return nil
	}
	e, err := s.userEvent(ctx, "user.password", user)
	if err != nil {
		return err
	}
	e.Reason = linkedHere
	user.PasswordHash = ""
	if err := s.tx.People().UpdateUser(ctx, user, e); err != nil {
		return err
	}
	return s.endSessions(ctx, user, keywright.ID{}, linkedHere)
}

// admitStranger makes a user of who is none and has a role by its groups.
func (s *scene) admitStranger(ctx context.Context, who Identity, roles []keywright.Role) (*store.User, error) {
	switch {
	case s.a.cfg.SSO.KnownOnly:
		return nil, fmt.Errorf("%w: you are no user here; ask an admin to make you one with your e-mail address", keywright.ErrForbidden)
	case len(roles) == 0:
		return nil, fmt.Errorf("%w: you are no user here, and none of your groups gives a role", keywright.ErrForbidden)
	}
	name, err := s.nameFor(ctx, who)
	if err != nil {
		return nil, err
	}
	id, err := keywright.NewID(s.now, s.a.cfg.Random)
	if err != nil {
		return nil, err
	}
	user := &store.User{ID: id, Username: name, CreatedAt: s.now}
	if who.EmailVerified && isEmail(who.Email) {
		user.Email = who.Email
	}
	e := s.event("user.create", roles[0].Account, "", "user:"+name)
	e.Reason, e.After = bySSO, map[string]any{"email": user.Email}
	if user.Number, err = s.tx.People().InsertUser(ctx, user, e); err != nil {
		return nil, err
	}
	return user, s.link(ctx, user, who)
}

// nameFor chooses a username that nobody has. One with an "@" would be taken for the e-mail address that it looks like,
// so only an address that is verified makes one.
func (s *scene) nameFor(ctx context.Context, who Identity) (string, error) {
	sum := sha256.Sum256([]byte(who.Issuer + "\x00" + who.Subject))
	short, _, _ := strings.Cut(who.Username, "@")
	candidates := []string{short, "sso-" + hex.EncodeToString(sum[:8])}
	if who.EmailVerified {
		candidates = slices.Insert(candidates, 0, who.Email)
	}
	if short == who.Username {
		candidates = slices.Insert(candidates, 0, short)
	}
	for _, name := range candidates {
		if !isUsername(name) {
			continue
		}
		_, err := s.tx.People().UserNamed(ctx, name)
		switch {
		case isAbsent(err):
			return name, nil
		case err != nil:
			return "", err
		}
	}
	return "", fmt.Errorf("%w: every name that could be yours is somebody else's", keywright.ErrConflict)
}

func isUsername(name string) bool {
	return len(name) <= maxNameBytes && isName(strings.ReplaceAll(name, "@", ""))
}

func isEmail(text string) bool {
	address, err := mail.ParseAddress(text)
	return err == nil && address.Address == text
}

// followGroups gives and takes the roles that groups give, so that they are exactly those. What was given by hand stays.
// The last operator or admin too goes with its group: the group brings the role back.
func (s *scene) followGroups(ctx context.Context, user *store.User, roles []keywright.Role) error {
	have, err := s.tx.People().Roles(ctx, user.ID)
	if err != nil {
		return err
	}
	held := map[keywright.Role]bool{}
	for _, r := range have {
		role := keywright.Role{Name: r.Name, Account: r.Account, Space: r.Space, Provided: true}
		held[role] = true
		if r.Provided && !slices.Contains(roles, role) {
			e := s.roleEvent("role.drop", user, role)
			e.Reason, e.Before = bySSO, map[string]any{"role": role.Name}
			if err := s.tx.People().DeleteRole(ctx, r, e); err != nil {
				return err
			}
		}
	}
	for _, role := range roles {
		if held[role] {
			continue
		}
		e := s.roleEvent("role.grant", user, role)
		e.Reason, e.After = bySSO, map[string]any{"role": role.Name}
		if err := s.tx.People().InsertRole(ctx, storedRole(user, role), e); err != nil {
			return err
		}
	}
	return nil
}
