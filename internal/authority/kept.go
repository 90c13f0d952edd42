package authority

import (
	"context"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// What is here is for clients of other people's APIs, which know neither sessions nor policies.

// IssueKept is Issue for who expects to read keys again: a copy of the token's is kept where the policy
// allows it, whatever the request says of that.
func (a *Authority) IssueKept(ctx context.Context, caller Caller, req keywright.NewToken) (keywright.Issued, error) {
	var issued keywright.Issued
	done, err := a.change(ctx, caller, func(s *scene) (err error) {
		issued, err = s.issueKept(ctx, req)
		return err
	})
	if err != nil {
		return keywright.Issued{}, err
	}
	issued.Token.Revision = done.Revision
	return issued, nil
}

func (s *scene) issueKept(ctx context.Context, req keywright.NewToken) (keywright.Issued, error) {
	d, err := readNew(req, s.now)
	if err != nil {
		return keywright.Issued{}, err
	}
	d.keep = true
	made, err := s.make(ctx, d)
	if err != nil {
		return keywright.Issued{}, err
	}
	issued, err := s.keep(ctx, []making{made})
	if err != nil {
		return keywright.Issued{}, err
	}
	return issued[0], nil
}

// IssueAtLogin is IssueKept for a username or e-mail and password: the person makes the token as in a session, but has
// none. The caller carries no credential.
func (a *Authority) IssueAtLogin(ctx context.Context, caller Caller, username string, password keywright.Secret, req keywright.NewToken) (keywright.Issued, error) {
	user, err := a.signIn(ctx, caller, username, password)
	if err != nil {
		return keywright.Issued{}, err
	}
	var issued keywright.Issued
	done, err := a.commitFor(ctx, caller.Effect, func(tx store.Tx) error {
		s := &scene{a: a, tx: tx, caller: caller, now: a.instant(), tenants: map[place]tenancy{}}
		if err := s.actAs(ctx, user); err != nil {
			return err
		}
		var err error
		issued, err = s.issueKept(ctx, req)
		return err
	})
	if err != nil {
		return keywright.Issued{}, err
	}
	issued.Token.Revision = done.Revision
	return issued, nil
}

// actAs makes a person who has just shown its password the actor.
func (s *scene) actAs(ctx context.Context, checked *store.User) error {
	user, err := stillSignedIn(ctx, s.tx, checked)
	if err != nil {
		return err
	}
	s.actor, err = s.personally(ctx, user, false)
	return err
}
