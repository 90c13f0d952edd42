package meshstack

import (
	"net/http"
	"slices"
	"strings"

	"github.com/keywright/keywright"
)

// create answers POST of a key.
func (s *server) create(q request) (reply, error) {
	k, err := readKey(q.Request)
	if err != nil {
		return reply{}, err
	}
	switch {
	case k.workspace == "":
		return reply{}, bad("metadata.ownedByWorkspace is missing")
	case k.uuid != "":
		return reply{}, bad("metadata.uuid is given by the server: leave it out")
	}
	req := keywright.NewToken{
		Label: k.name, Account: q.who.Account, Kind: kindOf(k), Space: k.workspace, Scopes: k.permissions, ExpiresAt: k.lastDay,
	}
	if k.lastDay == "" {
		req.Lifetime = keywright.LifetimePermanent
	}
	if req.AllowedCIDRs, err = s.Networks(q.ctx, q.caller, q.who); err != nil {
		return reply{}, err
	}
	issued, err := s.Authority.Issue(q.ctx, q.caller, req, "")
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusCreated, newAPIKey(issued.Token, issued.ClientSecret)}, nil
}

// kindOf: only a key of the admin workspace reaches beyond its own, and only with permissions for that.
func kindOf(k asked) keywright.Kind {
	everywhere := func(permission string) bool { return strings.HasPrefix(permission, "ADM_") }
	if k.workspace == adminWorkspace && slices.ContainsFunc(k.permissions, everywhere) {
		return keywright.KindAccount
	}
	return keywright.KindSpace
}

// tokenID is the key that the path names. What is no id names none.
func tokenID(q request) (keywright.ID, error) {
	id, err := keywright.ParseID(q.PathValue("uuid"))
	if err != nil {
		return id, fail(http.StatusNotFound, "There is no API key of that uuid")
	}
	return id, nil
}

func (s *server) get(q request) (reply, error) {
	id, err := tokenID(q)
	if err != nil {
		return reply{}, err
	}
	t, err := s.Authority.Token(q.ctx, q.caller, id)
	return reply{http.StatusOK, newAPIKey(t, keywright.Secret{})}, err
}

// self answers with the key that asks.
func (s *server) self(q request) (reply, error) {
	if q.who.TokenID == nil {
		return reply{}, fail(http.StatusNotFound, "The caller is not an API key")
	}
	t, err := s.Authority.Token(q.ctx, q.caller, *q.who.TokenID)
	return reply{http.StatusOK, newAPIKey(t, keywright.Secret{})}, err
}

// update answers PUT of a key. Another expiry is another secret, which is in the answer; the old one ends at once.
func (s *server) update(q request) (reply, error) {
	id, err := tokenID(q)
	if err != nil {
		return reply{}, err
	}
	k, err := readKey(q.Request)
	if err != nil {
		return reply{}, err
	}
	t, err := s.Authority.Token(q.ctx, q.caller, id)
	switch {
	case err != nil:
		return reply{}, err
	case k.uuid != "" && k.uuid != id.String():
		return reply{}, bad("metadata.uuid is not the one of the path")
	case k.workspace != "" && k.workspace != t.Space:
		return reply{}, bad("metadata.ownedByWorkspace never changes: it is %s", t.Space)
	}
	issued, err := s.Authority.AmendAndRotate(q.ctx, q.caller, id, changes(k, t))
	return reply{http.StatusOK, newAPIKey(issued.Token, issued.ClientSecret)}, err
}

// changes is what an update asks of a token. The day that it is shown with is no other expiry, whatever the time of that day.
func changes(k asked, t keywright.Token) keywright.EditToken {
	req := keywright.EditToken{Label: &k.name, Scopes: &k.permissions}
	permanent := keywright.LifetimePermanent
	switch k.lastDay {
	case lastDay(t.ExpiresAt):
	case "":
		req.Lifetime = &permanent
	default:
		req.ExpiresAt = &k.lastDay
	}
	return req
}

func (s *server) remove(q request) (reply, error) {
	id, err := tokenID(q)
	if err == nil {
		_, err = s.Authority.Delete(q.ctx, q.caller, id)
	}
	return reply{status: http.StatusNoContent}, err
}
