package authority

import (
	"testing"

	"github.com/keywright/keywright"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.issue(w.as("mel"), keywright.NewToken{Space: "lab", Scopes: []string{"a:read"}})
	w.trail()
	for _, row := range []struct {
		who    string
		req    keywright.ExplainRequest
		err    error
		reason keywright.Reason
	}{
		{"rita", keywright.ExplainRequest{Scopes: []string{"a:read"}, Space: "lab"}, nil, keywright.Allowed},
		{"ada", keywright.ExplainRequest{Scopes: []string{"a:write"}}, nil, keywright.InsufficientScope},
		{"ada", keywright.ExplainRequest{Space: "default"}, nil, keywright.WrongTenant},
		{"ada", keywright.ExplainRequest{Audience: "http"}, nil, keywright.WrongAudience},
		{"ada", keywright.ExplainRequest{At: "2039-01-01"}, nil, keywright.Expired},
		{"ada", keywright.ExplainRequest{At: "soon", Address: "x", Scopes: []string{"a b"}}, keywright.ErrInvalid, 0},
		{"otto", keywright.ExplainRequest{}, keywright.ErrNotFound, 0},
	} {
		row.req.Token = made.Token.ID
		e, err := w.a.Explain(t.Context(), w.as(row.who), row.req)
		wantErr(t, err, row.err, "")
		if e.Reason != row.reason {
			t.Errorf("%+v: %s, want %s", row.req, e.Reason, row.reason)
		}
	}
	_, err := w.a.Explain(t.Context(), w.as("ada"), keywright.ExplainRequest{Token: w.id()})
	wantErr(t, err, keywright.ErrNotFound, "token")
	w.wantTrail()
}
