package authority

import (
	"errors"
	"strings"
	"testing"

	"github.com/keywright/keywright"
)

func TestGatewayLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.a.cfg.Gateways = map[string]map[string]keywright.Routes{"acme": {"fixed": {{Path: w.pattern("/fixed")}}}}
	ctx := t.Context()
	rules := keywright.NewGateway{Routes: []keywright.NewRoute{
		{Methods: []string{"GET"}, Path: "/orders/{id}", Audience: "shop", Space: "lab", Scopes: []string{"orders:read"}},
		{Path: "/orders/{rest...}"},
	}}
	set, err := w.a.SetGateway(ctx, w.as("ada"), "acme", "shop", rules)
	w.must(err)
	if set.Version != 1 || set.Revision == 0 || len(set.Routes) != 2 || set.Routes[0].Scopes.Strings()[0] != "orders:read" {
		t.Errorf("%+v", set)
	}
	if routes, err := w.a.Routes(ctx, "acme", "shop"); err != nil || len(routes) != 2 {
		t.Errorf("%v, %v", routes, err)
	}
	for _, version := range []int64{0, 2} { // neither once more from nothing, nor what nobody has read
		rules.Version = version
		if _, err := w.a.SetGateway(ctx, w.as("ada"), "acme", "shop", rules); !errors.Is(err, keywright.ErrConflict) || !strings.Contains(err.Error(), "version 1") {
			t.Errorf("version %d: %v", version, err)
		}
	}
	set, err = w.a.SetGateway(ctx, w.as("ada"), "acme", "shop", keywright.NewGateway{Version: 1, Routes: rules.Routes[1:]})
	if w.must(err); set.Version != 2 || len(set.Routes) != 1 {
		t.Errorf("%+v", set)
	}
	events := w.events()
	if len(events) != 2 || events[1].Action != "gateway.rules" || events[1].Subject != "gateway:shop" || events[1].Before["routes"] == nil || events[1].After["version"] == nil {
		t.Fatalf("%+v", events)
	}
	if _, err := w.a.DeleteGateway(ctx, w.as("ada"), "acme", "shop"); err != nil {
		t.Error(err)
	}
	if _, err := w.a.Routes(ctx, "acme", "shop"); !errors.Is(err, keywright.ErrNotFound) {
		t.Error(err)
	}
	if _, err := w.a.SetGateway(ctx, w.as("ada"), "acme", "fixed", keywright.NewGateway{}); !errors.Is(err, keywright.ErrConflict) {
		t.Error(err)
	}
	if routes, err := w.a.Routes(ctx, "acme", "fixed"); err != nil || len(routes) != 1 {
		t.Errorf("%v, %v", routes, err)
	}
	w.wantTrail("gateway.delete")
}

func (w *world) pattern(text string) keywright.PathPattern {
	w.t.Helper()
	p, err := keywright.ParsePathPattern(text)
	w.must(err)
	return p
}

func TestGatewayRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for member, req := range map[string]keywright.NewGateway{
		"/routes/0/path":      {Routes: []keywright.NewRoute{{}}},
		"/routes/1/path":      {Routes: []keywright.NewRoute{{Path: "/a"}, {Path: "/a/../b"}}},
		"/routes/0/methods/0": {Routes: []keywright.NewRoute{{Path: "/a", Methods: []string{"get"}}}},
		"/routes/0/scopes/0":  {Routes: []keywright.NewRoute{{Path: "/a", Scopes: []string{"a::b"}}}},
		"/routes/0/space":     {Routes: []keywright.NewRoute{{Path: "/a", Space: "a b"}}},
		"/routes/0/audience":  {Routes: []keywright.NewRoute{{Path: "/a", Audience: "a b"}}},
		"/version":            {Version: -1},
		"/routes":             {Routes: make([]keywright.NewRoute, maxRoutes+1)},
	} {
		_, err := w.a.SetGateway(t.Context(), w.as("ada"), "acme", "shop", req)
		invalid, ok := errors.AsType[*keywright.InvalidError](err)
		if !ok || !strings.HasPrefix(invalid.Problems[0].Member, member) {
			t.Errorf("%s: %v", member, err)
		}
	}
	if _, err := w.a.SetGateway(t.Context(), w.as("ada"), "acme", "a b", keywright.NewGateway{}); !errors.Is(err, keywright.ErrInvalid) {
		t.Error(err)
	}
	if _, err := w.a.SetGateway(t.Context(), w.as("rita"), "acme", "shop", keywright.NewGateway{}); !errors.Is(err, keywright.ErrForbidden) {
		t.Error(err)
	}
	w.wantTrail()
}
