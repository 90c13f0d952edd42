package authority

import (
	"context"
	"testing"
	"time"

	"github.com/keywright/keywright"
)

// BenchmarkVerifyWarm is a verification whose facts are remembered, parsing included.
func BenchmarkVerifyWarm(b *testing.B) {
	i := newInstance(b, func(c *Config) { c.Now = time.Now })
	key := i.issue(keywright.NewToken{}).APIKey.Reveal()
	asked := access("invoices:read")
	for name, presented := range map[string]string{"api key": key, "access token": i.grant(key, GrantRequest{})} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c, err := i.ParseCredential(presented)
					if err != nil {
						b.Error(err)
					}
					if v, err := i.Verify(context.Background(), c, asked); err != nil || !v.Allowed() {
						b.Error(v.Decision, err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkGrant is a grant with one signature.
func BenchmarkGrant(b *testing.B) {
	i := newInstance(b, func(c *Config) { c.Now = time.Now })
	caller := i.caller(i.issue(keywright.NewToken{}).APIKey.Reveal())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.Grant(context.Background(), caller, GrantRequest{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSign is what a grant cannot do without: the floor of BenchmarkGrant.
func BenchmarkSign(b *testing.B) {
	i := newInstance(b)
	key, err := i.activeKey(context.Background(), i.now())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.signer.Sign([]byte("a payload of about the size of an access token")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIssueBatch is a thousand tokens in one commit.
func BenchmarkIssueBatch(b *testing.B) {
	i := newInstance(b, func(c *Config) { c.Now = time.Now })
	reqs := make([]keywright.NewToken, 1000)
	for n := range reqs {
		reqs[n] = keywright.NewToken{Account: "default", Label: "bulk", Scopes: []string{"invoices:read"}}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.IssueBatch(context.Background(), i.operator, reqs, ""); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "us/token")
}
