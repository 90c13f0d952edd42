package rest

// What was seen of tokens, as the API tells it.

import (
	"context"
	"net/http"
	"testing"

	"github.com/keywright/keywright"
)

// flush writes what was seen so far, as a stop does.
func (in *instance) flush() {
	in.t.Helper()
	ctx, stop := context.WithCancel(in.t.Context())
	stop()
	must(in.t, in.authority.Run(ctx))
}

func TestUsage(t *testing.T) {
	t.Parallel()
	in := start(t)
	ctx, admin := t.Context(), in.client(in.admin)
	made, err := admin.CreateToken(ctx, keywright.NewToken{Label: "busy", Scopes: []string{"a:*"}}, "")
	must(t, err)
	idle, err := admin.CreateToken(ctx, keywright.NewToken{Label: "idle", Scopes: []string{"a:*"}}, "")
	must(t, err)
	in.says(made.APIKey, "a:b", "allowed")
	in.says(made.APIKey, "a:c", "allowed")
	in.says(made.APIKey, "b:c", "insufficient_scope")
	in.flush()

	for _, by := range []string{keywright.ByHour, keywright.ByDay} {
		usage, err := admin.TokenUsage(ctx, made.Token.ID, keywright.UsageQuery{By: by})
		must(t, err)
		if usage.Total.Accepted != 2 || usage.Total.Refused != 1 || usage.Total.Causes["insufficient_scope"] != 1 || usage.Total.Doors["verify"] != 3 || len(usage.Items) == 0 {
			t.Errorf("usage by %s: %+v", by, usage)
		}
	}
	none, err := admin.TokenUsage(ctx, idle.Token.ID, keywright.UsageQuery{})
	if err != nil || len(none.Items) != 0 {
		t.Errorf("usage of what was not used: %+v, %v", none, err)
	}
	q := keywright.ReportQuery{Space: "default", Days: 2, Limit: 5}
	days, err := admin.AccountUsage(ctx, "default", keywright.ReportQuery{Space: "default", Days: 2})
	if err != nil || days.Total.Accepted != 2 || days.Total.Refused != 1 || days.Total.Doors["verify"] != 3 || len(days.Items) == 0 || days.Since.IsZero() {
		t.Errorf("usage of the account: %+v, %v", days, err)
	}
	top, err := admin.TopCallers(ctx, "default", q)
	if err != nil || top.Total != 2 || len(top.Items) != 1 || top.Items[0].Share != 1 || top.Items[0].Token.Label != "busy" {
		t.Errorf("top callers: %+v, %v", top, err)
	}
	refused, err := admin.RefusedAttempts(ctx, "default", q)
	if err != nil || refused.Total != 1 || len(refused.Items) != 1 || refused.Items[0].Causes["insufficient_scope"] != 1 {
		t.Errorf("refused: %+v, %v", refused, err)
	}
	unused, err := admin.UnusedTokens(ctx, "default", q)
	if err != nil || len(unused.Items) != 0 {
		t.Errorf("unused: %+v, %v", unused, err)
	}
	scopes, err := admin.UnusedScopes(ctx, "default", q)
	if err != nil || len(scopes.Items) != 0 || scopes.Since.IsZero() {
		t.Errorf("unused scopes: %+v, %v", scopes, err)
	}
	shown, err := admin.Token(ctx, made.Token.ID)
	if err != nil || shown.LastUsedDoor != "verify" || shown.LastUsedAgent == "" || shown.Uses != 2 {
		t.Errorf("last use: %+v, %v", shown, err)
	}
}

func TestBadReports(t *testing.T) {
	t.Parallel()
	in := start(t)
	made, err := in.client(in.admin).CreateToken(t.Context(), keywright.NewToken{}, "")
	must(t, err)
	usage, reports := tokensPath+"/"+made.Token.ID.String()+"/usage", accountsPath+"/default/reports/"
	for path, want := range map[string]struct {
		status int
		member string
	}{
		usage + "?by=week":        {422, "by"},
		usage + "?from=yesterday": {422, "from"},
		usage + "?from=2031-01-01T00:00:00Z&to=2030-01-01T00:00:00Z": {422, "from"},
		usage + "?days=1":                                          {422, "days"},
		reports + "top-callers?days=0":                             {422, "days"},
		reports + "usage?days=91":                                  {422, "days"},
		reports + "usage?limit=1":                                  {422, "limit"},
		reports + "top-callers?days=91":                            {422, "days"},
		reports + "refusals?days=99999999999999999":                {422, "days"},
		reports + "refusals?limit=201":                             {422, "limit"},
		reports + "refusals?cursor=x":                              {422, "cursor"},
		reports + "unused-scopes?cursor=x":                         {400, ""},
		reports + "unused-tokens?days=1&days=2":                    {422, "days"},
		reports + "unused":                                         {404, ""},
		accountsPath + "/nowhere/reports/unused-tokens":            {404, ""},
		tokensPath + "/01890000-0000-7000-8000-000000000000/usage": {404, ""},
		tokensPath + "?number=0":                                   {422, "number"},
		tokensPath + "?number=x":                                   {422, "number"},
	} {
		p := in.call(in.admin, http.MethodGet, path, "").refused(t, want.status)
		if want.member != "" && (len(p.Problems) != 1 || p.Problems[0].Member != want.member) {
			t.Errorf("%s names %+v, want %s", path, p.Problems, want.member)
		}
	}
}
