package clustertest

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// TestRepeatedChangeWaits: who gives up on a change and asks for it again is not told that it is so already while another server still
// answers otherwise.
func TestRepeatedChangeWaits(t *testing.T) {
	if os.Getenv("KEYWRIGHT_TEST_ALL") == "" || testing.Short() {
		t.Skip("takes some seconds: make test does it")
	}
	c := newCluster(t, 2, build(t), "")
	near, far := c.nodes[0], c.nodes[1]
	for name, change := range map[string]func(context.Context, keywright.ID) error{
		"revoke": func(ctx context.Context, id keywright.ID) error {
			_, err := near.admin().RevokeToken(ctx, id, "")
			return err
		},
		"disable": func(ctx context.Context, id keywright.ID) error {
			_, err := near.admin().DisableToken(ctx, id)
			return err
		},
		"narrow": func(ctx context.Context, id keywright.ID) error {
			_, err := near.admin().EditToken(ctx, id, keywright.EditToken{Scopes: &[]string{second}})
			return err
		},
		"delete": func(ctx context.Context, id keywright.ID) error {
			if _, err := near.admin().DeleteToken(ctx, id); !errors.Is(err, keywright.ErrNotFound) {
				return err
			}
			return nil
		},
	} {
		issued, err := near.admin().CreateToken(t.Context(), keywright.NewToken{Scopes: []string{first, second}}, "")
		if err != nil {
			t.Fatal(err)
		}
		key := issued.APIKey.Reveal()
		c.remembered(t, far, key)
		far.proxy.set(weather{hold: everything}) // it goes on by its lease
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		gaveUp := change(ctx, issued.Token.ID)
		cancel()
		if err := change(t.Context(), issued.Token.ID); err != nil {
			t.Errorf("%s: the second time: %v", name, err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond) // what is remembered is said at once
		got := far.ask(ctx, key, first)
		cancel()
		if got == yes {
			t.Errorf("%s is said to have been done, and the other server does not know it (the first attempt: %v)", name, gaveUp)
		}
		far.proxy.set(weather{})
	}
}

// remembered waits until a server answers about a token without its database.
func (c *cluster) remembered(t *testing.T, n *node, key string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if n.ask(t.Context(), key, first) != yes {
			continue
		}
		n.proxy.set(weather{hold: everything})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		got := n.ask(ctx, key, first)
		cancel()
		n.proxy.set(weather{})
		if got == yes {
			return
		}
	}
	t.Fatalf("%s remembers nothing", n.name)
}
