package meerschaum

import (
	"fmt"
	"net/http"

	"github.com/keywright/keywright"
)

// edit answers POST /tokens/{id}/edit. The client sends all it knows of the token. What it may not change it says
// in vain: id, user_id and creation, which it sends as null right after it registered the token.
func (s *server) edit(r *http.Request, c client) (any, error) {
	return s.alter(r, func(id keywright.ID) error {
		req, valid, err := readEdit(r)
		if err != nil {
			return err
		}
		revoke, err := s.toRevoke(r, c, id, valid)
		if err != nil {
			return err
		}
		_, err = s.Authority.Amend(r.Context(), c.Caller, id, req, revoke, invalidated)
		return err
	})
}

// toRevoke reports whether an edit ends the token. One that is shown as not valid stays what it is if the client
// says so too, and is not made valid by an edit.
func (s *server) toRevoke(r *http.Request, c client, id keywright.ID, valid *bool) (bool, error) {
	if valid == nil {
		return false, nil
	}
	t, err := s.Authority.Token(r.Context(), c.Caller, id)
	if err != nil {
		return false, err
	}
	if *valid && !isValid(t) {
		return false, fmt.Errorf("%w: the token is %s, and is not made valid by an edit", keywright.ErrConflict, t.State)
	}
	return !*valid && isValid(t), nil
}

func readEdit(r *http.Request) (req keywright.EditToken, valid *bool, err error) {
	m, err := readMembers(r)
	if err != nil {
		return req, nil, err
	}
	if m == nil {
		return req, nil, unprocessable(fault{"missing", []any{"body"}, "Field required", nil})
	}
	m.required("label")
	m.required("expiration")
	if req.Label = m.label(); req.Label == nil && m.values["label"] != nil {
		m.wrong("label", "string_type", "Input should be a valid string")
	}
	m.instant("creation")
	permanent := keywright.LifetimePermanent
	if end := m.instant("expiration"); end != "" {
		req.ExpiresAt = &end
	} else {
		req.Lifetime = &permanent
	}
	req.Scopes, valid = m.scopes(), m.valid()
	return req, valid, m.err()
}
