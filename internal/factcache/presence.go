package factcache

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/keywright/keywright/internal/store"
)

// mostShown is of how many followers of a node people are told.
const mostShown = 100

// Presence is who answers for the instance now, this node among them if it holds a lease. What it says of those who follow other nodes is
// as old as a lease at most.
func (n *Node) Presence(ctx context.Context) (store.Presence, error) {
	if n.nodes == nil {
		return n.alone(ctx)
	}
	list, err := n.nodes.Present(ctx)
	if err != nil {
		return store.Presence{}, err
	}
	h, err := n.source.Since(ctx, n.Applied(), 1)
	if err != nil {
		return store.Presence{}, err
	}
	self := n.id.Load()
	for i := range list {
		if self != nil && list[i].ID == *self {
			list[i].Self, list[i].Following = true, n.following()
		}
	}
	return store.Presence{Head: h.Head, Nodes: list}, nil
}

// alone is Presence where there is one node, which knows of every change before it returns.
func (n *Node) alone(ctx context.Context) (store.Presence, error) {
	if err := n.catchUp(ctx, 0); err != nil {
		return store.Presence{}, err
	}
	upto := n.Applied()
	self := store.Node{Name: n.options.Name, Version: n.options.Version, StartedAt: n.lease.begin.UTC(), Acknowledged: upto}
	return store.Presence{Head: upto, Nodes: []store.Present{{Node: self, Following: n.following(), Self: true}}}, nil
}

// publish puts on file who follows this node, as often as that has changed when another lease's time is over, until ctx ends.
// It is for people who ask another node: an error is no more than news that are late.
func (n *Node) publish(ctx context.Context) {
	tick := time.NewTicker(n.options.Lease)
	defer tick.Stop()
	of := n.id.Load()
	var filed store.Following
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		id, now := n.id.Load(), n.following()
		if id != of { // which has nothing on file yet
			of, filed = id, store.Following{}
		}
		if id == nil || reflect.DeepEqual(now, filed) {
			continue
		}
		if err := n.nodes.Publish(ctx, *id, now); err == nil {
			filed = now
		}
	}
}

func (n *Node) following() store.Following {
	told := telling{}
	if t := n.told.Load(); t != nil {
		told = *t
	}
	return n.followers.following(told)
}

// following is who holds a lease of this node, when it has told so much. What comes after the last that was told concerns no follower.
func (f *Followers) following(told telling) store.Following {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []store.Followed
	now := time.Now()
	for who, one := range f.known {
		if !now.Before(one.until) {
			continue
		}
		upto := max(one.acknowledged, 0)
		if upto >= told.last && upto > 0 {
			upto = max(told.upto, told.last)
		}
		all = append(all, store.Followed{Follower: who, Acknowledged: upto})
	}
	slices.SortFunc(all, func(a, b store.Followed) int {
		return cmp.Or(cmp.Compare(lastIfNone(a), lastIfNone(b)), slices.Compare(a.Token[:], b.Token[:]), slices.Compare(a.Run[:], b.Run[:]))
	})
	return store.Following{Count: len(all), Some: all[:min(len(all), mostShown)]}
}

// lastIfNone puts those who have just begun behind all others: they are not late.
func lastIfNone(f store.Followed) uint64 { return uint64(f.Acknowledged) - 1 }
