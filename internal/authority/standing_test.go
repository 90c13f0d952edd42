package authority

import (
	"testing"

	"github.com/keywright/keywright"
)

func TestStanding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		who, account         string
		may, in, somewhere   bool // write tokens: in the account, in its space lab, anywhere in it
		auditInAccount, fail bool
	}{
		{who: "root", account: "acme", may: true, in: true, somewhere: true, auditInAccount: true},
		{who: "ada", account: "acme", may: true, in: true, somewhere: true, auditInAccount: true},
		{who: "audi", account: "acme", auditInAccount: true},
		{who: "mel", account: "acme", in: true, somewhere: true},
		{who: "rita", account: "acme"},
		{who: "otto", account: "acme", fail: true},
		{who: "ada", account: "other", fail: true},
		{who: "root", account: "nowhere", fail: true},
		{who: "ada", account: "../acme", fail: true},
	} {
		st, err := w.a.Standing(t.Context(), w.as(c.who), c.account)
		if c.fail {
			wantErr(t, err, keywright.ErrNotFound, "account")
			continue
		}
		wantErr(t, err, nil, "")
		if st.May(tokensWrite) != c.may || st.MayIn("lab", tokensWrite) != c.in || st.MaySomewhere(tokensWrite) != c.somewhere || st.May(auditRead) != c.auditInAccount {
			t.Errorf("%s in %s: %+v", c.who, c.account, st)
		}
	}
	issued := w.issue(w.as("ada"), keywright.NewToken{Scopes: []string{"keywright:tokens:read"}})
	_, err := w.a.Standing(t.Context(), w.by(issued), "acme")
	wantErr(t, err, keywright.ErrForbidden, "person")
}
