package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/factcache"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store/sqlstore"
)

// instance is an authority in this process, over a database of its own.
type instance struct {
	*authority.Authority
	store  *sqlstore.Store
	caller authority.Caller // the operator's session
}

func open(ctx context.Context, path string, remembered int) (*instance, error) {
	db, err := sqlstore.OpenSQLite(ctx, sqlstore.Options{Path: path})
	if err != nil {
		return nil, err
	}
	keys, err := newKeys()
	if err != nil {
		return nil, err
	}
	cache := factcache.New(db, factcache.Options{MaxTokens: remembered})
	return begin(ctx, authority.Config{Store: db, Finder: cache, Forget: cache.Forget, Usage: db, Keys: keys}, db)
}

func newKeys() (*keyring.Ring, error) {
	text, err := keyring.Generate(rand.Reader)
	if err != nil {
		return nil, err
	}
	return keyring.Parse(text)
}

// begin makes an authority over a store, and signs its operator in.
func begin(ctx context.Context, cfg authority.Config, db *sqlstore.Store) (*instance, error) {
	cfg.Issuer = "http://127.0.0.1"
	a, err := authority.New(cfg)
	if err != nil {
		return nil, err
	}
	password := keywright.NewSecret(adminPassword)
	if _, err := a.Bootstrap(ctx, authority.FirstStart{AdminEmail: "admin@localhost", AdminPassword: password}); err != nil {
		return nil, err
	}
	session, err := a.Login(ctx, authority.Caller{Address: netip.MustParseAddr("127.0.0.1")}, "admin", password)
	if err != nil {
		return nil, err
	}
	credential, err := a.ParseCredential(session.Token.Reveal())
	return &instance{a, db, authority.Caller{Credential: credential}}, err
}

// process measures parse and verification in this process, from memory.
func process(ctx context.Context, w io.Writer, p plan) error {
	in, err := open(ctx, filepath.Join(p.dir, "process.db"), 0)
	if err != nil {
		return err
	}
	defer in.store.Close()
	issued, err := in.Issue(ctx, in.caller, keywright.NewToken{Scopes: []string{"invoices:read"}}, "")
	if err != nil {
		return err
	}
	scopes, err := keywright.ParseScopes("invoices:read")
	if err != nil {
		return err
	}
	credential, err := in.ParseCredential(issued.APIKey.Reveal())
	if err != nil {
		return err
	}
	grant, err := in.Grant(ctx, authority.Caller{Credential: credential}, authority.GrantRequest{})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n## In process, from memory\n\nParse and verify with one scope.\n\n")
	fmt.Fprintf(w, "| presented | ns | allocations | two goroutines against one |\n| --- | --- | --- | --- |\n")
	for _, c := range []struct{ name, presented string }{
		{"API key", issued.APIKey.Reveal()}, {"access token, remembered", grant.AccessToken.Reveal()},
	} {
		verify := func() error {
			credential, err := in.ParseCredential(c.presented)
			if err != nil {
				return err
			}
			v, err := in.Verify(ctx, credential, keywright.Access{Scopes: scopes})
			if err == nil && !v.Allowed() {
				err = errors.New("refused: " + v.Decision.Reason.String())
			}
			return err
		}
		if err := verify(); err != nil {
			return err
		}
		var one, two series
		var allocations int64
		for range p.rounds {
			r := testing.Benchmark(func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_ = verify()
				}
			})
			one, allocations = append(one, float64(r.NsPerOp())), r.AllocsPerOp()
			two = append(two, float64(r.NsPerOp())/float64(together(2, verify)))
		}
		fmt.Fprintf(w, "| %s | %s | %d | %.2f times |\n", c.name, one, allocations, two.median())
	}
	return nil
}

// together is the time one call takes when n goroutines call at once, divided by n: nanoseconds a call.
func together(n int, f func() error) int64 {
	const calls = 200_000
	runtime.GC()
	var wg sync.WaitGroup
	begin := time.Now()
	for range n {
		wg.Go(func() {
			for range calls {
				_ = f()
			}
		})
	}
	wg.Wait()
	return max(1, time.Since(begin).Nanoseconds()/int64(n*calls))
}
