package authority

import (
	"context"
	"errors"
	"fmt"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// Nodes returns who answers for the instance now. It is for operators: an account's people, its auditors too, have no business with the
// machines that others' tokens are verified on.
func (a *Authority) Nodes(ctx context.Context, caller Caller) (keywright.Nodes, error) {
	var shown keywright.Nodes
	err := a.view(ctx, caller, func(s *scene) error {
		if err := s.require(place{}, accountsRead); err != nil {
			return onlyOperators(err)
		}
		if a.cfg.Nodes == nil {
			return fmt.Errorf("%w: this server does not know who answers beside it", keywright.ErrUnavailable)
		}
		there, err := a.cfg.Nodes(ctx)
		if err != nil {
			return err
		}
		shown, err = s.nodesShown(ctx, there)
		return err
	})
	return shown, err
}

func (s *scene) nodesShown(ctx context.Context, there store.Presence) (keywright.Nodes, error) {
	all := keywright.Nodes{Revision: there.Head, Items: make([]keywright.Node, len(there.Nodes))}
	labels := make(map[keywright.ID]*store.Record)
	for i, n := range there.Nodes {
		shown := keywright.Node{
			Name: n.Name, Version: n.Version, Self: n.Self, StartedAt: n.StartedAt, LeaseMS: n.Lease.Milliseconds(),
			Acknowledged: n.Acknowledged, Behind: behind(n.Acknowledged, there.Head),
			FollowerCount: n.Count, Followers: make([]keywright.NodeFollower, len(n.Some)),
		}
		for j, f := range n.Some {
			rec, err := s.recordOnce(ctx, labels, f.Token)
			if err != nil {
				return all, err
			}
			shown.Followers[j] = keywright.NodeFollower{
				Token: f.Token, Label: rec.Label, Account: rec.Facts.Account, Run: f.Run, Acknowledged: f.Acknowledged, Behind: behind(f.Acknowledged, there.Head),
			}
		}
		all.Items[i] = shown
	}
	return all, nil
}

// behind is how far; nobody is who has acknowledged nothing, and remembers nothing older than when it began.
func behind(acknowledged, head keywright.Revision) int64 {
	if acknowledged == 0 {
		return 0
	}
	return int64(max(0, head-acknowledged))
}

// recordOnce reads a token's record unless it was read before; of a token that is deleted, one with nothing in it.
func (s *scene) recordOnce(ctx context.Context, known map[keywright.ID]*store.Record, id keywright.ID) (*store.Record, error) {
	if rec := known[id]; rec != nil {
		return rec, nil
	}
	rec, err := s.tx.Tokens().Get(ctx, id)
	if errors.Is(err, keywright.ErrNotFound) {
		rec, err = new(store.Record), nil
	}
	known[id] = rec
	return rec, err
}
