package authority

import (
	"context"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Sessions returns the sessions of a user, the newest first. Everybody may see the own.
func (a *Authority) Sessions(ctx context.Context, caller Caller, username string, q ListQuery) (keywright.Page[keywright.SessionInfo], error) {
	page := keywright.Page[keywright.SessionInfo]{Items: []keywright.SessionInfo{}}
	err := a.view(ctx, caller, func(s *scene) error {
		user, err := s.sessionsOf(ctx, username, usersRead)
		if err != nil {
			return err
		}
		list := "sessions of " + user.ID.String()
		before, limit, err := q.beginByID(list)
		if err != nil {
			return err
		}
		found, err := s.tx.People().SessionsOf(ctx, user.ID, before, s.now, limit+1)
		page = pageByID(found, limit, list, s.sessionResource, func(k *store.Session) keywright.ID { return k.ID })
		return err
	})
	return page, err
}

// sessionsOf is the user whose sessions are asked for: the actor's own, or one that the actor governs.
func (s *scene) sessionsOf(ctx context.Context, username, scope string) (*store.User, error) {
	if s.actor.token == nil && strings.EqualFold(username, s.actor.user.Username) {
		return s.actor.user, nil
	}
	user, _, err := s.userGoverned(ctx, username, scope)
	return user, err
}

func (s *scene) sessionResource(k *store.Session) keywright.SessionInfo {
	return keywright.SessionInfo{
		ID:        k.ID,
		Current:   k.ID == s.actor.session,
		CreatedAt: k.CreatedAt,
		ExpiresAt: k.ExpiresAt,
		Address:   k.Address,
		UserAgent: k.UserAgent,
		SSO:       k.SSO,
	}
}

// EndSession ends one session of a user.
func (a *Authority) EndSession(ctx context.Context, caller Caller, username string, id keywright.ID) error {
	_, err := a.change(ctx, caller, func(s *scene) error {
		user, err := s.sessionsOf(ctx, username, usersWrite)
		if err != nil {
			return err
		}
		session, err := s.tx.People().Session(ctx, id)
		if err == nil && session.User != user.ID {
			err = keywright.ErrNotFound
		}
		if err != nil {
			return missing("session", err)
		}
		e, err := s.userEvent(ctx, "session.end", user)
		if err != nil {
			return err
		}
		return s.tx.People().DeleteSession(ctx, id, e)
	})
	return err
}

// EndSessions ends every session of a user but the one that the caller shows.
func (a *Authority) EndSessions(ctx context.Context, caller Caller, username string) error {
	_, err := a.change(ctx, caller, func(s *scene) error {
		user, err := s.sessionsOf(ctx, username, usersWrite)
		if err != nil {
			return err
		}
		return s.endSessions(ctx, user, s.actor.session, "all sessions ended")
	})
	return err
}

func (s *scene) endSessions(ctx context.Context, user *store.User, keep keywright.ID, reason string) error {
	e, err := s.userEvent(ctx, "session.end", user)
	if err != nil {
		return err
	}
	e.Reason = reason
	return s.tx.People().DeleteSessionsOf(ctx, user.ID, keep, e)
}

// beginByID reads where a page of a list in the order of ids begins, and how long it is to be.
func (q ListQuery) beginByID(of string) (at keywright.ID, limit int, err error) {
	var p problems
	limit = p.limit(q.Limit)
	if err := p.err(); err != nil || q.Cursor == "" {
		return at, limit, err
	}
	c, err := parseCursor(q.Cursor, listOf(of))
	return c.ID, limit, err
}

// pageByID makes a page of what was found, one more than the page holds.
func pageByID[Row, Item any](found []Row, limit int, of string, show func(Row) Item, id func(Row) keywright.ID) keywright.Page[Item] {
	page := keywright.Page[Item]{Items: []Item{}}
	if len(found) > limit {
		found = found[:limit]
		page.Next = cursor{Of: listOf(of), ID: id(found[limit-1])}.encode()
	}
	for _, row := range found {
		page.Items = append(page.Items, show(row))
	}
	return page
}
