package clustertest

import "testing"

// The checker has to tell right histories from wrong ones before it may judge servers.
func TestChecker(t *testing.T) {
	t.Parallel()
	v := func(call, ret int64, a answer) operation {
		return operation{kind: verify, call: call, ret: ret, answer: a}
	}
	second := func(o operation) operation { o.second = true; return o }
	c := func(k kind, call, ret int64) operation { return operation{kind: k, call: call, ret: ret} }
	for name, row := range map[string]struct {
		all      []operation
		imported bool
		right    bool
	}{
		"nothing":                                 {right: true},
		"yes, revoked, no":                        {all: []operation{v(0, 1, yes), c(revoke, 2, 3), v(4, 5, noRevoked)}, right: true},
		"yes after it":                            {all: []operation{c(revoke, 2, 3), v(4, 5, yes)}},
		"no before it":                            {all: []operation{v(0, 1, noRevoked), c(revoke, 2, 3)}},
		"while it is under way, either":           {all: []operation{c(revoke, 0, 9), v(1, 2, noRevoked), v(3, 4, yes), v(8, 12, yes)}, right: true},
		"what became of it is not known":          {all: []operation{c(revoke, 0, never), v(1, 2, noRevoked), v(3, 4, yes), v(5, 6, noRevoked)}, right: true},
		"revoked stays revoked":                   {all: []operation{c(revoke, 0, 1), c(enable, 2, 3), v(4, 5, yes)}},
		"disabled and enabled":                    {all: []operation{c(disable, 0, 1), v(2, 3, noDisabled), c(enable, 4, 5), v(6, 7, yes)}, right: true},
		"disabled":                                {all: []operation{c(disable, 0, 1), v(2, 3, yes)}},
		"enabled, and still refused":              {all: []operation{c(disable, 0, 1), c(enable, 2, 3), v(4, 5, noDisabled)}},
		"an unknown enable":                       {all: []operation{c(disable, 0, 1), c(enable, 2, never), v(4, 5, yes), v(6, 7, noDisabled)}, right: true},
		"fewer scopes":                            {all: []operation{c(narrow, 0, 1), v(2, 3, yes), second(v(2, 3, noScope))}, right: true},
		"fewer scopes, and still both":            {all: []operation{c(narrow, 0, 1), second(v(2, 3, yes))}},
		"both again":                              {all: []operation{c(narrow, 0, 1), c(widen, 2, 3), second(v(4, 5, yes))}, right: true},
		"narrowed while it is widened":            {all: []operation{c(widen, 0, 9), c(narrow, 1, 2), second(v(3, 4, yes))}, right: true},
		"deleted":                                 {all: []operation{c(remove, 0, 1), v(2, 3, noInvalid)}, right: true},
		"deleted and still known":                 {all: []operation{c(remove, 0, 1), v(2, 3, noRevoked)}},
		"invalid without a cause":                 {all: []operation{v(0, 1, noInvalid)}},
		"imported":                                {all: []operation{v(0, 1, noInvalid), c(bring, 2, 3), v(4, 5, yes)}, imported: true, right: true},
		"imported, and remembered as absent":      {all: []operation{v(0, 1, noInvalid), c(bring, 2, 3), v(4, 5, noInvalid)}, imported: true},
		"a refusal that nobody has a reason for":  {all: []operation{v(0, 1, noOther)}},
		"silence says nothing":                    {all: []operation{c(revoke, 0, 1), v(2, 3, silence)}, right: true},
		"disabled by one, whose enable came late": {all: []operation{c(enable, 0, 5), c(disable, 1, 2), v(3, 4, yes)}, right: true},
	} {
		h := history{all: row.all}
		f := h.check(map[int]bool{0: row.imported})
		if right := f.violations() == 0 && len(f.undecided) == 0; right != row.right {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
