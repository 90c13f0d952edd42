package authority

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// An account registers the audiences its tokens are for, each with a catalogue of the scopes it knows. Whoever has a part
// in the account reads them; to change them takes keywright:policy:write, as they are demands on its tokens. A
// child account has its own. Tokens for an audience that is not registered are made as before: a policy can forbid it.

// How much there may be of each thing in a catalogue.
const (
	maxEntries          = 1000
	maxPatterns         = 100 // among them: to hold one against another takes time
	maxImplies          = 32
	maxDescriptionRunes = 500
	maxGroupRunes       = 100
)

// Audiences returns a page of an account's audiences, by name.
func (a *Authority) Audiences(ctx context.Context, caller Caller, account string, q ListQuery) (keywright.Page[keywright.AudienceSummary], error) {
	var page keywright.Page[keywright.AudienceSummary]
	err := a.view(ctx, caller, func(s *scene) error {
		account, err := s.ownAccount(ctx, account)
		if err != nil {
			return err
		}
		list := "audiences of " + account
		after, limit, err := q.begin(list)
		if err != nil {
			return err
		}
		found, err := s.tx.Audiences().List(ctx, account, after, limit+1)
		page = pageOf(found, limit, list, audienceSummary, func(r *store.Audience) string { return r.Name })
		return err
	})
	return page, err
}

// Audience returns one of an account's audiences with its catalogue.
func (a *Authority) Audience(ctx context.Context, caller Caller, account, name string) (keywright.Audience, error) {
	var shown keywright.Audience
	err := a.view(ctx, caller, func(s *scene) error {
		found, err := s.audience(ctx, account, name)
		if err == nil {
			shown = audienceResource(found)
		}
		return err
	})
	return shown, err
}

// ownAccount is the name of an account (empty: the actor's) in which the actor has any part.
func (s *scene) ownAccount(ctx context.Context, account string) (string, error) {
	if account == "" {
		account = s.actor.account
	}
	if !s.actor.belongsTo(account) {
		return "", missing("account", keywright.ErrNotFound)
	}
	_, err := s.tenancy(ctx, place{account: account})
	return account, err
}

func (s *scene) audience(ctx context.Context, account, name string) (*store.Audience, error) {
	account, err := s.ownAccount(ctx, account)
	if err != nil {
		return nil, err
	}
	found, err := s.tx.Audiences().Get(ctx, account, name)
	return found, missing("audience", err)
}

// SetAudience registers an audience or replaces all of it. What tokens have by what its entries imply is theirs, or no longer
// theirs, when it has returned; other scopes that tokens have they keep.
func (a *Authority) SetAudience(ctx context.Context, caller Caller, account, name string, req keywright.NewAudience) (keywright.Audience, error) {
	var shown keywright.Audience
	done, err := a.change(ctx, caller, func(s *scene) error {
		t, err := s.accountFor(ctx, account, policyWrite)
		if err != nil {
			return err
		}
		asked, err := readAudience(name, req)
		if err != nil {
			return err
		}
		set, err := s.setAudience(ctx, "audience.set", t.account.Name, asked)
		if err == nil {
			shown = audienceResource(set)
		}
		return err
	})
	shown.Revision = done.Revision
	return shown, err
}

// DeleteAudience forgets an audience and its catalogue. Tokens keep it and their scopes, but not what these implied by it.
func (a *Authority) DeleteAudience(ctx context.Context, caller Caller, account, name string) (keywright.Revision, error) {
	done, err := a.change(ctx, caller, func(s *scene) error {
		t, err := s.accountFor(ctx, account, policyWrite)
		if err != nil {
			return err
		}
		was, err := s.tx.Audiences().Get(ctx, t.account.Name, name)
		if err != nil {
			return missing("audience", err)
		}
		e := s.audienceEvent("audience.delete", was.Account, name)
		e.Before, _ = audienceChanges(was, &store.Audience{})
		if err := s.tx.Audiences().Delete(ctx, was.Account, name, e); err != nil {
			return err
		}
		return s.implyAnew(ctx, api{was.Account, name})
	})
	return done.Revision, err
}

// setAudience keeps an audience as it is asked for. What it is already changes nothing.
func (s *scene) setAudience(ctx context.Context, action, account string, asked keywright.NewAudience) (*store.Audience, error) {
	of := api{account, asked.Name}
	was, err := s.tx.Audiences().Get(ctx, account, asked.Name)
	if err != nil && !isAbsent(err) {
		return nil, err
	}
	before := store.Audience{CreatedAt: s.now}
	if was != nil {
		before = *was
	}
	set := &store.Audience{
		Account: account, Name: asked.Name, Description: asked.Description, Scopes: asked.Scopes, CreatedAt: before.CreatedAt, UpdatedAt: s.now,
	}
	e := s.audienceEvent(action, account, asked.Name)
	e.Before, e.After = audienceChanges(&before, set)
	if was != nil && len(e.After) == 0 {
		return was, nil
	}
	if err := s.mayImply(ctx, of, set); err != nil {
		return nil, err
	}
	if err := s.tx.Audiences().Set(ctx, set, e); err != nil {
		return nil, err
	}
	return set, s.implyAnew(ctx, of)
}

// mayImply refuses implications that are new and beyond what the actor may give: a catalogue is no way around that.
func (s *scene) mayImply(ctx context.Context, of api, set *store.Audience) error {
	was, err := s.catalogue(ctx, of)
	if err != nil {
		return err
	}
	is, err := readCatalogue(set)
	if err != nil {
		return err
	}
	e := s.actor.envelope(place{account: of.account})
	if missing, ok := e.scopes.Contains(is.implications().Without(was.implications())); !ok {
		return e.beyond("the scope %s, and so not make another imply it", missing)
	}
	return nil
}

func (s *scene) audienceEvent(action, account, name string) store.Event {
	return s.event(action, account, "", "audience:"+name)
}

// audienceChanges is what the audit trail tells of a change: of the entries those that differ, by name.
func audienceChanges(was, is *store.Audience) (before, after map[string]any) {
	before, after = changes(map[string]any{"description": was.Description}, map[string]any{"description": is.Description})
	wasScopes, isScopes := changes(entryStories(was.Scopes), entryStories(is.Scopes))
	if len(wasScopes) > 0 {
		before["scopes"], after["scopes"] = wasScopes, isScopes
	} else if !reflect.DeepEqual(entryNames(was.Scopes), entryNames(is.Scopes)) {
		before["order"], after["order"] = entryNames(was.Scopes), entryNames(is.Scopes)
	}
	return before, after
}

func entryNames(entries []keywright.CatalogueEntry) []string {
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names
}

func entryStories(entries []keywright.CatalogueEntry) map[string]any {
	told := map[string]any{}
	for _, e := range entries {
		told[e.Name] = map[string]any{
			"description": e.Description, "group": e.Group, "admin_only": e.AdminOnly, "since": e.Since, "implies": append([]string{}, e.Implies...),
		}
	}
	return told
}

// readAudience checks an audience before it is kept.
func readAudience(name string, req keywright.NewAudience) (keywright.NewAudience, error) {
	var p problems
	switch {
	case name == keywright.ManagementAudience:
		p.add("audience", "%s is this API itself, whose scopes are its own", name)
	case name != keywright.NoAudience && !isName(name):
		p.add("audience", "must be a name of at most %d letters, digits, '.', '_' or '-', or - for the tokens that name none", maxNameBytes)
	case req.Name != "" && req.Name != name:
		p.add("/name", "is not %s, as in the path; leave it out", name)
	}
	if len(req.Scopes) > maxEntries {
		p.add("/scopes", "has %d entries; at most %d are allowed", len(req.Scopes), maxEntries)
		return req, p.err()
	}
	read := keywright.NewAudience{
		Name:        name,
		Description: p.text("/description", req.Description, maxDescriptionRunes, 4*maxDescriptionRunes),
		Scopes:      make([]keywright.CatalogueEntry, len(req.Scopes)),
	}
	if patterns(req.Scopes) > maxPatterns {
		p.add("/scopes", "has more than %d patterns; list the scopes that the API knows", maxPatterns)
	}
	seen := map[string]bool{}
	for i, e := range req.Scopes {
		at := fmt.Sprintf("/scopes/%d", i)
		if read.Scopes[i] = p.entry(at, e); seen[e.Name] {
			p.add(at+"/name", "%q is there more than once", e.Name)
		}
		seen[e.Name] = true
	}
	return read, p.err()
}

func patterns(entries []keywright.CatalogueEntry) (n int) {
	for _, e := range entries {
		n += min(1, strings.Count(e.Name, "*"))
	}
	return n
}

// entry reads one entry of a catalogue.
func (p *problems) entry(at string, e keywright.CatalogueEntry) keywright.CatalogueEntry {
	if scope, err := keywright.ParseScope(e.Name); err != nil {
		p.add(at+"/name", "%v", err)
	} else if scope.Reserved() {
		p.add(at+"/name", "%q is Keywright's own, which every audience knows", e.Name)
	}
	if len(e.Implies) > maxImplies {
		p.add(at+"/implies", "has %d scopes; at most %d are allowed", len(e.Implies), maxImplies)
		return e
	}
	e.Description = p.text(at+"/description", e.Description, maxDescriptionRunes, 4*maxDescriptionRunes)
	e.Group = p.text(at+"/group", e.Group, maxGroupRunes, 4*maxGroupRunes)
	e.Since = p.text(at+"/since", e.Since, maxGroupRunes, 4*maxGroupRunes)
	e.Implies = p.scopes(at+"/implies", e.Implies).Strings()
	e.Implies = slices.DeleteFunc(e.Implies, func(s string) bool { return s == e.Name })
	return e
}

func audienceSummary(a *store.Audience) keywright.AudienceSummary {
	return keywright.AudienceSummary{
		Account: a.Account, Name: a.Name, Description: a.Description, Entries: a.Entries, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
}

func audienceResource(a *store.Audience) keywright.Audience {
	return keywright.Audience{
		Account: a.Account, Name: a.Name, Description: a.Description, Scopes: append([]keywright.CatalogueEntry{}, a.Scopes...),
		CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
}
