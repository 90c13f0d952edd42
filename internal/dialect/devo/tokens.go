package devo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// object is a token as Devo shows it.
type object struct {
	Name       string  `json:"name"`
	ID         int64   `json:"id"`
	Scope      string  `json:"scope"`
	Owner      string  `json:"owner"`
	User       string  `json:"user"`
	Audience   string  `json:"audience"`
	TokenType  string  `json:"token_type"`
	Active     bool    `json:"active"`
	Expiration *string `json:"expiration"` // null: permanent
	Account    string  `json:"account"`
	Created    string  `json:"created"`
	Updated    string  `json:"updated"`
	ExpiresIn  *int64  `json:"expires_in_seconds"` // from now on
	Token      string  `json:"token,omitempty"`
}

func (s *server) object(t authority.Held) *object {
	o := &object{
		Name:      t.Label,
		ID:        t.Number,
		Scope:     strings.Join(t.Scopes.Strings(), " "),
		Owner:     t.Email,
		User:      t.Email,
		Audience:  strings.Join(t.Audience, " "),
		TokenType: "Bearer",
		Active:    t.State == keywright.StateActive,
		Account:   t.Account,
		Created:   stamp(t.CreatedAt),
		Updated:   stamp(t.UpdatedAt),
	}
	if t.ExpiresAt != nil {
		end := stamp(*t.ExpiresAt)
		left := max(0, int64(math.Ceil(t.ExpiresAt.Sub(s.Time()).Seconds())))
		o.Expiration, o.ExpiresIn = &end, &left
	}
	return o
}

func stamp(at time.Time) string { return at.UTC().Format(timeLayout) }

// masked stands for a value that is not shown: tk., something by which the token is known, and how its key ends.
func masked(t keywright.Token) string {
	sum := sha256.Sum256(t.ID[:])
	return "tk." + hex.EncodeToString(sum[:8]) + "." + t.Hint
}

func (s *server) create(r *http.Request, caller authority.Caller) (any, error) {
	body, err := members(r, "name", "user", "audience", "scopes", "expiration")
	if err != nil {
		return nil, err
	}
	req, err := newToken(r.PathValue("account"), body)
	if err != nil {
		return nil, err
	}
	issued, err := s.Authority.IssueKept(r.Context(), caller, req)
	if err != nil {
		return nil, inDomain(err)
	}
	made := s.object(authority.Held{Token: issued.Token, Email: req.Owner})
	made.Token = issued.APIKey.Reveal()
	return made, nil
}

func (s *server) list(r *http.Request, caller authority.Caller) (any, error) {
	all := []*object{}
	filter := keywright.TokenFilter{Account: r.PathValue("account")}
	err := s.Authority.EachToken(r.Context(), caller, filter, func(t authority.Held) bool {
		all = append(all, s.object(t))
		return true
	})
	return all, inDomain(err)
}

// get shows the value of a token to who may have it revealed, and that it is there to others.
func (s *server) get(r *http.Request, caller authority.Caller) (any, error) {
	t, err := s.named(r, caller)
	if err != nil {
		return nil, err
	}
	shown := s.object(t)
	shown.Token = masked(t.Token)
	if !t.Recoverable {
		return shown, nil
	}
	keys, err := s.Authority.RevealEach(r.Context(), caller, []keywright.ID{t.ID})
	if key, ok := keys[t.ID]; ok {
		shown.Token = key.Reveal()
	}
	return shown, err
}

func (s *server) remove(r *http.Request, caller authority.Caller) (any, error) {
	t, err := s.named(r, caller)
	if err != nil {
		return nil, err
	}
	_, err = s.Authority.Delete(r.Context(), caller, t.ID)
	return nil, err
}

func (s *server) enable(r *http.Request, caller authority.Caller) (any, error) {
	return s.alter(r, caller, s.Authority.Enable)
}

func (s *server) disable(r *http.Request, caller authority.Caller) (any, error) {
	return s.alter(r, caller, s.Authority.Disable)
}

func (s *server) rename(r *http.Request, caller authority.Caller) (any, error) {
	name, err := newName(r)
	if err != nil {
		return nil, err
	}
	return s.alter(r, caller, func(ctx context.Context, caller authority.Caller, id keywright.ID) (keywright.Token, error) {
		return s.Authority.Edit(ctx, caller, id, keywright.EditToken{Label: &name})
	})
}

// alter changes the token of the path.
func (s *server) alter(r *http.Request, caller authority.Caller,
	change func(context.Context, authority.Caller, keywright.ID) (keywright.Token, error)) (any, error) {
	t, err := s.named(r, caller)
	if err != nil {
		return nil, err
	}
	if t.Token, err = change(r.Context(), caller, t.ID); err != nil {
		return nil, err
	}
	return s.object(t), nil
}

// named is the token of the path.
func (s *server) named(r *http.Request, caller authority.Caller) (authority.Held, error) {
	return s.Authority.TokenNumbered(r.Context(), caller, r.PathValue("account"), number(r))
}
