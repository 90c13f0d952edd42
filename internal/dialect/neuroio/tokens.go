package neuroio

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// object is a token as NeuroIO shows it.
type object struct {
	ID       int64   `json:"id"`
	Key      string  `json:"key"`
	IsActive bool    `json:"is_active"`
	Created  string  `json:"created"`
	Expires  *string `json:"expires"` // null: permanent
}

// show is a token with its key or, where that is not to be had, with what stands for it.
func (s *server) show(t keywright.Token, key keywright.Secret) object {
	o := object{ID: t.Number, Key: key.Reveal(), IsActive: t.State == keywright.StateActive, Created: stamp(t.CreatedAt)}
	if o.Key == "" {
		o.Key = s.Authority.Prefix() + "_..." + t.Hint
	}
	if t.ExpiresAt != nil {
		end := stamp(*t.ExpiresAt)
		o.Expires = &end
	}
	return o
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000-07:00") }

// showAll shows tokens, with the keys of those that the caller may have revealed.
func (s *server) showAll(r *http.Request, caller authority.Caller, tokens ...keywright.Token) ([]object, error) {
	var kept []keywright.ID
	for _, t := range tokens {
		if t.Recoverable {
			kept = append(kept, t.ID)
		}
	}
	var keys map[keywright.ID]keywright.Secret
	if len(kept) > 0 {
		var err error
		if keys, err = s.Authority.RevealEach(r.Context(), caller, kept); err != nil {
			return nil, err
		}
	}
	shown := make([]object, len(tokens))
	for i, t := range tokens {
		shown[i] = s.show(t, keys[t.ID])
	}
	return shown, nil
}

// showOne is showAll for one token.
func (s *server) showOne(r *http.Request, caller authority.Caller, t keywright.Token) (any, error) {
	shown, err := s.showAll(r, caller, t)
	if err != nil {
		return nil, err
	}
	return shown[0], nil
}

// self is what the caller's token is: what it makes is like it, and what it sees of its kind and space.
type self struct {
	kind     keywright.Kind
	space    string // of a space token
	scopes   []string
	audience []string
	networks []netip.Prefix
}

// self finds out what the caller shows. A person in a session is like an account token with all that such a person gives.
func (s *server) self(r *http.Request, caller authority.Caller) (self, error) {
	who, err := s.Authority.Whoami(r.Context(), caller)
	if err != nil {
		return self{}, err
	}
	if who.TokenID == nil {
		me := self{kind: keywright.KindAccount, space: who.Space, scopes: loginScopes}
		if me.space != "" {
			me.kind = keywright.KindSpace
		}
		return me, nil
	}
	own, err := s.Authority.Token(r.Context(), caller, *who.TokenID)
	return self{own.Kind, who.Space, who.Scopes.Strings(), own.Audience, own.AllowedCIDRs}, err
}

// others are the tokens that the caller's are among.
func (me self) others(permanent *bool) keywright.TokenFilter {
	return keywright.TokenFilter{Kind: me.kind, Space: me.space, Permanent: permanent}
}

// like is a token as the caller's own.
func (me self) like(permanent *bool) keywright.NewToken {
	req := keywright.NewToken{
		Kind:     me.kind,
		Space:    me.space,
		Scopes:   me.scopes,
		Audience: me.audience,
		Lifetime: keywright.LifetimeTemporary,
	}
	for _, network := range me.networks {
		req.AllowedCIDRs = append(req.AllowedCIDRs, network.String())
	}
	if permanent != nil && *permanent {
		req.Lifetime = keywright.LifetimePermanent
	}
	return req
}

// creation is what a create says.
var creation = shape{flags: []string{"permanent"}}

func (s *server) create(r *http.Request, caller authority.Caller) (any, error) {
	me, err := s.self(r, caller)
	if err != nil {
		return nil, err
	}
	return s.issue(r, caller, me)
}

// createInSpace makes a space token, whatever the kind of the caller's.
func (s *server) createInSpace(r *http.Request, caller authority.Caller) (any, error) {
	me, err := s.self(r, caller)
	if err != nil {
		return nil, err
	}
	space, err := s.Authority.SpaceNumbered(r.Context(), caller, "", number(r.PathValue("space")))
	if err != nil {
		return nil, err
	}
	me.kind, me.space = keywright.KindSpace, space.Name
	return s.issue(r, caller, me)
}

// issue makes a token like the one that is shown.
func (s *server) issue(r *http.Request, caller authority.Caller, me self) (any, error) {
	said, err := creation.body(r)
	if err != nil {
		return nil, err
	}
	issued, err := s.Authority.IssueKept(r.Context(), caller, me.like(said.flag("permanent")))
	return s.show(issued.Token, issued.APIKey), err
}

// number reads an id. What is none is 0, which nothing has.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text {
		return 0
	}
	return n
}

// selection is what a list says.
var selection = shape{texts: []string{"limit", "offset"}, flags: []string{"permanent"}}

func (s *server) list(r *http.Request, caller authority.Caller) (any, error) {
	said, err := selection.query(r)
	if err != nil {
		return nil, err
	}
	part, err := said.page()
	if err != nil {
		return nil, err
	}
	me, err := s.self(r, caller)
	if err != nil {
		return nil, err
	}
	q := keywright.TokenQuery{TokenFilter: me.others(said.flag("permanent")), Sort: keywright.SortCreated}
	found, _, err := s.Authority.TokensAt(r.Context(), caller, q, part.offset, part.limit)
	if err != nil {
		return nil, err
	}
	return s.showAll(r, caller, found...)
}

// clear deletes the tokens of the caller's kind and space but its own. A filter that is misspelt deletes nothing.
func (s *server) clear(r *http.Request, caller authority.Caller) (any, error) {
	said, err := creation.query(r)
	if err != nil {
		return nil, err
	}
	me, err := s.self(r, caller)
	if err != nil {
		return nil, err
	}
	_, err = s.Authority.DeleteOthers(r.Context(), caller, me.others(said.flag("permanent")))
	return nil, err
}

func (s *server) get(r *http.Request, caller authority.Caller) (any, error) {
	t, err := s.named(r, caller)
	if err != nil {
		return nil, err
	}
	return s.showOne(r, caller, t)
}

// change is what an update says.
var change = shape{flags: []string{"is_active"}, required: []string{"is_active"}}

func (s *server) update(r *http.Request, caller authority.Caller) (any, error) {
	said, err := change.body(r)
	if err != nil {
		return nil, err
	}
	t, err := s.named(r, caller)
	if err != nil {
		return nil, err
	}
	var alter func(context.Context, authority.Caller, keywright.ID) (keywright.Token, error) = s.Authority.Disable
	if said.flags["is_active"] {
		alter = s.Authority.Enable
	}
	if t, err = alter(r.Context(), caller, t.ID); err != nil {
		return nil, err
	}
	return s.showOne(r, caller, t)
}

func (s *server) remove(r *http.Request, caller authority.Caller) (any, error) {
	t, err := s.named(r, caller)
	if err != nil {
		return nil, err
	}
	_, err = s.Authority.Delete(r.Context(), caller, t.ID)
	return nil, err
}

// named is the token of the path, named by its number or its key. One of another kind or space than the caller's is not there.
func (s *server) named(r *http.Request, caller authority.Caller) (keywright.Token, error) {
	me, err := s.self(r, caller)
	if err != nil {
		return keywright.Token{}, err
	}
	name := r.PathValue("token")
	find := func() (authority.Held, error) { return s.Authority.TokenPresented(r.Context(), caller, name) }
	if n := number(name); n > 0 {
		find = func() (authority.Held, error) { return s.Authority.TokenNumbered(r.Context(), caller, "", n) }
	}
	t, err := find()
	if err == nil && (t.Kind != me.kind || me.space != "" && t.Space != me.space) {
		err = keywright.ErrNotFound
	}
	return t.Token, err
}
