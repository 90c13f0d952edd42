package meerschaum

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/presented"
)

// everyScope lists the scopes there are.
func everyScope() []string {
	return strings.Fields(`pipes:read pipes:write pipes:drop pipes:delete actions:execute connectors:read jobs:read jobs:write
		jobs:execute jobs:delete logs:read jobs:stop jobs:pause instance:read instance:chain plugins:write plugins:read
		plugins:delete users:read users:write users:register users:delete`)
}

// token is a token as it is shown: these members and no other, since one that it does not know breaks the client.
type token struct {
	ID         string   `json:"id"`
	Creation   *string  `json:"creation"`
	Expiration *string  `json:"expiration"`
	Label      string   `json:"label"`
	UserID     int64    `json:"user_id"`
	Scopes     []string `json:"scopes"`
	IsValid    bool     `json:"is_valid"`
}

func newToken(t keywright.Token, user int64) token {
	return token{
		ID:         t.ID.String(),
		Creation:   writeTime(&t.CreatedAt),
		Expiration: writeTime(t.ExpiresAt),
		Label:      t.Label,
		UserID:     user,
		Scopes:     t.Scopes.Strings(),
		IsValid:    isValid(t),
	}
}

// isValid says of a token what Meerschaum does: that a date of its own has passed is told by the date. What a policy has
// ended has no date that would tell.
func isValid(t keywright.Token) bool {
	byDate := t.State == keywright.StateExpired && t.ExpiresAt != nil && t.DisabledAt == nil
	return t.State == keywright.StateActive || byDate
}

// list answers GET /tokens: the caller's own, the newest first; with labels, those only.
func (s *server) list(r *http.Request, c client) (any, error) {
	var labels []string
	for _, list := range r.URL.Query()["labels"] {
		labels = append(labels, strings.FieldsFunc(list, func(c rune) bool { return c == ',' })...)
	}
	shown := []token{}
	err := s.Authority.EachToken(r.Context(), c.Caller, keywright.TokenFilter{}, func(h authority.Held) bool {
		if len(labels) == 0 || slices.Contains(labels, h.Label) {
			shown = append(shown, newToken(h.Token, c.user))
		}
		return true
	})
	slices.Reverse(shown)
	return shown, err
}

// registered is the answer to a registration, and the only one with the secret.
type registered struct {
	Label      string  `json:"label"`
	Secret     string  `json:"secret"`
	ID         string  `json:"id"`
	APIKey     string  `json:"api_key"`
	Expiration *string `json:"expiration"`
}

// register answers POST /tokens/register. No expiration means never; no scopes, all of Meerschaum's that the caller may
// give, and an empty list none.
func (s *server) register(r *http.Request, c client) (any, error) {
	req, scopes, err := readRegistration(r)
	if err != nil {
		return nil, err
	}
	if err := s.fill(r.Context(), c.Caller, &req, scopes); err != nil {
		return nil, err
	}
	issued, err := s.Authority.Issue(r.Context(), c.Caller, req, "")
	if errors.Is(err, keywright.ErrConflict) || errors.Is(err, keywright.ErrQuota) {
		return nil, fail(http.StatusConflict, "Could not register new token:\n"+presented.Sayable(err.Error()))
	}
	if err != nil {
		return nil, err
	}
	id, secret := issued.Token.ID.String(), issued.ClientSecret.Reveal()
	return registered{
		Label:      issued.Token.Label,
		Secret:     secret,
		ID:         id,
		APIKey:     apiKey(id, secret),
		Expiration: writeTime(issued.Token.ExpiresAt),
	}, nil
}

func readRegistration(r *http.Request) (keywright.NewToken, *[]string, error) {
	req := keywright.NewToken{Lifetime: keywright.LifetimePermanent}
	m, err := readMembers(r)
	if err != nil || m == nil {
		return req, nil, err
	}
	if label := m.label(); label != nil {
		req.Label = *label
	}
	if req.ExpiresAt = m.instant("expiration"); req.ExpiresAt != "" {
		req.Lifetime = ""
	}
	scopes := m.scopes()
	return req, scopes, m.err()
}

// fill adds to a registration what follows from who makes it: the scopes, where none are named, and the networks.
func (s *server) fill(ctx context.Context, caller authority.Caller, req *keywright.NewToken, named *[]string) error {
	self, err := s.Authority.Whoami(ctx, caller)
	if err != nil {
		return err
	}
	if req.AllowedCIDRs, err = s.Networks(ctx, caller, self); err != nil {
		return err
	}
	if named != nil {
		req.Scopes = *named
		return nil
	}
	req.Scopes, err = s.Authority.Givable(ctx, caller, self.Account, self.Space, everyScope())
	return err
}

// validate answers POST /tokens/validate: who shows an API key learns whether it can be used.
func (s *server) validate(r *http.Request) (any, error) {
	credential, err := s.presentedIn(r)
	if err == nil {
		err = s.Authority.Validate(r.Context(), s.Caller(r, credential))
	}
	return outcome{}, err
}

// get answers GET /tokens/{id}.
func (s *server) get(r *http.Request, c client) (any, error) {
	id, err := keywright.ParseID(r.PathValue("id"))
	if err != nil {
		return nil, fail(http.StatusBadRequest, "Invalid token ID.")
	}
	t, err := s.Authority.Token(r.Context(), c.Caller, id)
	return newToken(t, c.user), err
}

// outcome is what a change came to: a list of whether it was made, and a sentence. The zero outcome is a success.
type outcome struct{ problem string }

// MarshalJSON writes the list.
func (o outcome) MarshalJSON() ([]byte, error) {
	if o.problem == "" {
		return []byte(`[true,"Success"]`), nil
	}
	return json.Marshal([]any{false, o.problem})
}

// alter is the way of every change to a token that the path names. What forbids the change in the token's own state
// is an outcome, not a failure; so is that there is none.
func (s *server) alter(r *http.Request, act func(keywright.ID) error) (any, error) {
	id, err := keywright.ParseID(r.PathValue("id"))
	if err != nil {
		return nil, fail(http.StatusBadRequest, "Token ID must be a UUID.")
	}
	err = act(id)
	switch {
	case errors.Is(err, keywright.ErrNotFound):
		return outcome{fmt.Sprintf("Token %s does not exist.", id)}, nil
	case errors.Is(err, keywright.ErrConflict), errors.Is(err, keywright.ErrQuota):
		return outcome{presented.Sayable(err.Error())}, nil
	}
	return outcome{}, err
}

// invalidate answers POST /tokens/{id}/invalidate: the token is listed further on and never used again.
func (s *server) invalidate(r *http.Request, c client) (any, error) {
	return s.alter(r, func(id keywright.ID) error {
		_, err := s.Authority.Revoke(r.Context(), c.Caller, id, invalidated)
		return err
	})
}

const invalidated = "invalidated"

// remove answers DELETE /tokens/{id}.
func (s *server) remove(r *http.Request, c client) (any, error) {
	return s.alter(r, func(id keywright.ID) error {
		_, err := s.Authority.Delete(r.Context(), c.Caller, id)
		return err
	})
}

// userID answers GET /users/{username}/id: a number, or null.
func (s *server) userID(r *http.Request, c client) (any, error) {
	number, err := s.Authority.UserNumber(r.Context(), c.Caller, r.PathValue("username"))
	if errors.Is(err, keywright.ErrNotFound) {
		return nil, nil
	}
	return number, err
}
