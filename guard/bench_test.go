package guard_test

import (
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// BenchmarkVerify is a verification from memory. With -cpu 1,2 it shows what a second processor adds.
func BenchmarkVerify(b *testing.B) {
	keys := keywrighttest.New(b)
	g := keys.Guard(b)
	issued := keys.Issue(b, keywright.NewToken{Scopes: []string{"invoices:*"}})
	scope, err := keywright.ParseScopes("invoices:read")
	if err != nil {
		b.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); !g.Remembers(issued.APIKey.Reveal()) && time.Now().Before(deadline); {
		_, _ = g.Verify(b.Context(), issued.APIKey.Reveal(), keywright.Access{Scopes: scope})
	}
	for name, presented := range map[string]string{"API key": issued.APIKey.Reveal()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					v, err := g.Verify(b.Context(), presented, keywright.Access{Scopes: scope, UserAgent: "bench"})
					if err != nil || !v.Allowed() {
						b.Error(v, err)
						return
					}
				}
			})
		})
	}
}
