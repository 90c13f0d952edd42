package authority

import (
	"testing"

	"github.com/keywright/keywright"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	key := i.issue(keywright.NewToken{}).APIKey.Reveal()
	token := i.grant(key, GrantRequest{})
	for _, s := range []string{key, token} {
		if got := i.reason(s, access("invoices:read")); got != keywright.Allowed {
			t.Errorf("%.3s: %v", s, got)
		}
		if got := i.reason(s, access("orders:read")); got != keywright.InsufficientScope {
			t.Errorf("%.3s: %v", s, got)
		}
	}
}
