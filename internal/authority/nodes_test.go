package authority

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// TestNodes: operators see who answers and who follows, by the names of tokens, which may be gone; nobody else does.
func TestNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.a.Nodes(t.Context(), w.as("root"))
	wantErr(t, err, keywright.ErrUnavailable, "does not know")
	issued, err := w.a.Issue(t.Context(), w.as("ada"), keywright.NewToken{Label: "gate", Scopes: []string{"a"}}, "")
	w.must(err)
	gate, gone, run := issued.Token.ID, w.id(), w.id()
	there := store.Presence{Head: 9, Nodes: []store.Present{
		{Node: store.Node{Name: "a:1", Version: "v1", StartedAt: epoch, Lease: time.Second, Acknowledged: 9}, Self: true},
		{Node: store.Node{Name: "b:1", Acknowledged: 7}, Following: store.Following{Count: 3, Some: []store.Followed{
			{Follower: store.Follower{Token: gate, Run: run}, Acknowledged: 6}, {Follower: store.Follower{Token: gone, Run: run}, Acknowledged: 9}, {Follower: store.Follower{Token: gate}},
		}}},
	}}
	w.a.cfg.Nodes = func(context.Context) (store.Presence, error) { return there, nil }
	for _, who := range []string{"ada", "audi", "olga"} {
		_, err := w.a.Nodes(t.Context(), w.as(who))
		wantErr(t, err, keywright.ErrForbidden, "operators")
	}
	got, err := w.a.Nodes(t.Context(), w.as("root"))
	wantErr(t, err, nil, "")
	want := keywright.Nodes{Revision: 9, Items: []keywright.Node{
		{Name: "a:1", Version: "v1", Self: true, StartedAt: epoch, LeaseMS: 1000, Acknowledged: 9, Followers: []keywright.NodeFollower{}},
		{Name: "b:1", Acknowledged: 7, Behind: 2, FollowerCount: 3, Followers: []keywright.NodeFollower{
			{Token: gate, Label: "gate", Account: "acme", Run: run, Acknowledged: 6, Behind: 3},
			{Token: gone, Run: run, Acknowledged: 9},
			{Token: gate, Label: "gate", Account: "acme"},
		}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want, +got:\n%s", diff)
	}
	w.a.cfg.Nodes = func(context.Context) (store.Presence, error) {
		return there, errors.Join(keywright.ErrUnavailable, errors.New("away"))
	}
	_, err = w.a.Nodes(t.Context(), w.as("root"))
	wantErr(t, err, keywright.ErrUnavailable, "away")
}
