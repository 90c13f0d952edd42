package rest

// How each route of the matrix is tried, and on what: the least that is valid.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// attempt is one request of the matrix.
type attempt struct {
	path, body string
	done       int                 // the status that says that it may be done; 0: any success
	undo       func()              // puts back what it did; nil: things made anew are enough
	silent     func(string) bool   // says of an answer that it tells nothing; nil: it always tells
	plain      func(string) string // takes out of an answer what differs with what was asked for; nil: nothing does
}

// routeRow says how a route is tried.
type routeRow struct {
	targets     []string
	make        func(w *matrixWorld, target string) attempt
	endsSession bool // of who asks
}

func on(make func(*matrixWorld, string) attempt, targets ...string) routeRow {
	return routeRow{targets: targets, make: make}
}

// at makes a request of a path with the target's account and space in it, as {account} and {space}.
func at(path, body string) func(*matrixWorld, string) attempt {
	return func(w *matrixWorld, target string) attempt {
		p := spotOf(target)
		fill := strings.NewReplacer("{account}", p.account, "{space}", p.space, "{fresh}", w.fresh("new"))
		return attempt{path: fill.Replace(path), body: fill.Replace(body)}
	}
}

func (a attempt) undone(undo func()) attempt {
	a.undo = undo
	return a
}

// about makes a request about one token.
func about(more, body string) func(*matrixWorld, string) attempt {
	return func(w *matrixWorld, target string) attempt {
		return attempt{path: w.tokenPath(target, more), body: body}
	}
}

// ofAUser makes a request about one user.
func ofAUser(more, body string) func(*matrixWorld, string) attempt {
	return func(w *matrixWorld, target string) attempt {
		return attempt{path: "/api/v1/users/" + w.user(target) + more, body: body}
	}
}

// inSpot is the part of a body that names account and space.
func inSpot(target string) string {
	p := spotOf(target)
	if p.space == "" {
		return fmt.Sprintf(`"account":%q`, p.account)
	}
	return fmt.Sprintf(`"account":%q,"space":%q`, p.account, p.space)
}

func querySpot(target string) string {
	p := spotOf(target)
	if p.space == "" {
		return "account=" + p.account
	}
	return "account=" + p.account + "&space=" + p.space
}

// roleAt is a role for somebody on the target, as a body has it.
func roleAt(target string) string {
	if p := spotOf(target); p.space != "" {
		return fmt.Sprintf(`"role":"manager","space":%q`, p.space)
	}
	return `"role":"auditor"`
}

func matrixRoutes() map[string]routeRow {
	all := map[string]routeRow{}
	for _, some := range []map[string]routeRow{
		openRoutes(), ownRoutes(), tokenRoutes(), verifyRoutes(), accountRoutes(), spaceRoutes(), peopleRoutes(), auditRoutes(), webhookRoutes(),
		audienceRoutes(), gatewayRoutes(), usageRoutes(),
	} {
		for route, row := range some {
			all[route] = row
		}
	}
	return all
}

func openRoutes() map[string]routeRow {
	return map[string]routeRow{
		"GET /api/openapi.json":  on(at("/api/openapi.json", ""), targetInstance),
		"GET /api/v1/audit/key":  on(at("/api/v1/audit/key", ""), targetInstance),
		"GET /api/v1/login":      on(at("/api/v1/login", ""), targetInstance),
		"POST /api/v1/login":     on(at("/api/v1/login", `{"username":"the-admin","password":"`+matrixPassword+`"}`), targetInstance),
		"POST /api/v1/login/sso": on(fetchSession, targetInstance),
		"POST /api/v1/invitations/accept": on(func(w *matrixWorld, _ string) attempt {
			return attempt{path: acceptPath, body: fmt.Sprintf(`{"token":%q,"password":%q}`, w.invitation(targetAccount).Token.Reveal(), matrixPassword)}
		}, targetInstance),
	}
}

// fetchSession has somebody come back from the provider.
func fetchSession(w *matrixWorld, _ string) attempt {
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636
	who := authority.Identity{Issuer: providerOfTests, Subject: "s", Username: "from-elsewhere", Groups: []string{"ops"}}
	code, err := w.authority.SignInByProvider(w.t.Context(), authority.Caller{}, who, challenge)
	must(w.t, err)
	return attempt{path: "/api/v1/login/sso", body: fmt.Sprintf(`{"code":%q,"verifier":%q}`, code.Reveal(), verifier)}
}

func ownRoutes() map[string]routeRow {
	logout := on(at("/api/v1/logout", ""), targetSelf)
	logout.endsSession = true
	return map[string]routeRow{
		"POST /api/v1/logout": logout,
		"GET /api/v1/whoami":  on(at("/api/v1/whoami", ""), targetSelf),
		"POST /api/v1/password": on(func(w *matrixWorld, _ string) attempt {
			// The old password is wrong: who may ask is told so.
			return attempt{path: "/api/v1/password", body: `{"old_password":"wrong","new_password":"another, long enough"}`, done: 422}
		}, targetSelf),
	}
}

func tokenRoutes() map[string]routeRow {
	everywhere := []string{targetAccount, targetSpace, targetOtherSpace, targetChild, targetForeign, targetForeignIn}
	create := func(path, body string) routeRow {
		return on(func(w *matrixWorld, target string) attempt {
			sum := sha256.Sum256([]byte(w.fresh("key")))
			kind := `"kind":"account",`
			if spotOf(target).space != "" {
				kind = `"kind":"space",`
			}
			return attempt{path: path, body: strings.NewReplacer("{at}", kind+inSpot(target), "{sha256}", hex.EncodeToString(sum[:])).Replace(body)}
		}, everywhere...)
	}
	imports := create(tokensPath+"/import/batch", `{"items":[{{at},"scopes":["invoices:read"],"sha256":"{sha256}"}]}`)
	return map[string]routeRow{
		"GET /api/v1/tokens": on(func(w *matrixWorld, target string) attempt {
			w.token(target)
			return attempt{path: tokensPath + "?" + querySpot(target), silent: empty}
		}, everywhere...),
		"POST /api/v1/tokens":              create(tokensPath, `{{at},"scopes":["invoices:read"]}`),
		"POST /api/v1/tokens/batch":        create(tokensPath+"/batch", `{"items":[{{at},"scopes":["invoices:read"]}]}`),
		"POST /api/v1/tokens/import":       create(tokensPath+"/import", `{{at},"scopes":["invoices:read"],"sha256":"{sha256}"}`),
		"POST /api/v1/tokens/import/batch": withSilence(imports, func(answer string) bool { return strings.Contains(answer, `"problem"`) }),
		"POST /api/v1/tokens/bulk": on(func(w *matrixWorld, target string) attempt {
			body := fmt.Sprintf(`{"action":"disable","filter":{"account":%q,"ids":[%q]}}`, spotOf(target).account, w.token(target).Token.ID)
			return attempt{path: tokensPath + "/bulk", body: body, silent: func(answer string) bool { return strings.Contains(answer, `"matched":0`) }}
		}, everywhere...),
		"GET /api/v1/tokens/{id}":          on(about("", ""), everywhere...),
		"PATCH /api/v1/tokens/{id}":        on(about("", `{"label":"x"}`), everywhere...),
		"DELETE /api/v1/tokens/{id}":       on(about("", ""), everywhere...),
		"POST /api/v1/tokens/{id}/disable": on(about("/disable", ""), everywhere...),
		"POST /api/v1/tokens/{id}/enable":  on(about("/enable", ""), everywhere...),
		"POST /api/v1/tokens/{id}/rotate":  on(about("/rotate", ""), everywhere...),
		"POST /api/v1/tokens/{id}/revoke":  on(about("/revoke", ""), everywhere...),
		"POST /api/v1/tokens/{id}/reveal":  on(about("/reveal", ""), everywhere...),
		"DELETE /api/v1/tokens/{id}/rotation": on(func(w *matrixWorld, target string) attempt {
			thing(w, "rotation", target, func() bool {
				if !isAbsent(target) {
					_, err := w.authority.Rotate(w.t.Context(), w.operator(), w.token(target).Token.ID, nil, "")
					must(w.t, err)
				}
				return true
			})
			return attempt{path: w.tokenPath(target, "/rotation")}
		}, everywhere...),
	}
}

// empty says that a list has nothing in it.
func empty(answer string) bool { return strings.Contains(answer, `"items":[]`) }

func withSilence(row routeRow, silent func(string) bool) routeRow {
	made := row.make
	row.make = func(w *matrixWorld, target string) attempt {
		a := made(w, target)
		a.silent = silent
		return a
	}
	return row
}

// firstSubject takes out the name of the token that was asked about, which is random.
func firstSubject(answer string) string {
	return regexp.MustCompile(`("subjects":\[)"[^"]*"`).ReplaceAllString(answer, "$1")
}

// pollOfNobody is always answered at once: nothing was told to anybody.
const pollOfNobody = "/api/v1/changes?since=0&follower=0195540c-3a00-7d4e-8f50-123456789abc"

func verifyRoutes() map[string]routeRow {
	everywhere := []string{targetAccount, targetSpace, targetOtherSpace, targetChild, targetForeign}
	unknown := func(answer string) bool { return strings.Contains(answer, `"reason":"invalid"`) }
	return map[string]routeRow{
		"POST /api/v1/verify": on(func(w *matrixWorld, target string) attempt {
			return attempt{path: verifyPath, body: fmt.Sprintf(`{"token":%q,"scopes":["invoices:read"]}`, w.token(target).APIKey.Reveal()), silent: unknown}
		}, everywhere...),
		"POST /api/v1/verify/batch": on(func(w *matrixWorld, target string) attempt {
			return attempt{path: verifyBatchPath, body: fmt.Sprintf(`{"items":[{"token":%q,"scopes":["invoices:read"]}]}`, w.token(target).APIKey.Reveal()), silent: unknown}
		}, everywhere...),
		"GET /api/v1/changes":  on(at(pollOfNobody, ""), targetInstance),
		"POST /api/v1/changes": on(at(pollOfNobody, `{"reporter":"0195540c-3a00-7d4e-8f50-123456789abc","number":1,"tokens":[]}`), targetInstance),
		"POST /api/v1/facts": on(func(w *matrixWorld, target string) attempt {
			unknown := func(answer string) bool { return !strings.Contains(answer, `"token":`) }
			return attempt{path: "/api/v1/facts", body: fmt.Sprintf(`{"token":%q}`, w.token(target).APIKey.Reveal()), silent: unknown, plain: firstSubject}
		}, everywhere...),
		"POST /api/v1/explain": on(func(w *matrixWorld, target string) attempt {
			return attempt{path: "/api/v1/explain", body: fmt.Sprintf(`{"token":%q}`, w.token(target).Token.ID)}
		}, everywhere...),
	}
}

func accountRoutes() map[string]routeRow {
	accounts := []string{targetAccount, targetChild, targetForeign}
	const path = "/api/v1/accounts/{account}"
	return map[string]routeRow{
		"GET /api/v1/accounts": withSilence(on(at("/api/v1/accounts", ""), targetInstance), empty),
		"POST /api/v1/accounts": on(func(w *matrixWorld, target string) attempt {
			name := w.fresh("made")
			if p := spotOf(target); target == targetChild {
				name += "@acme"
			} else if p.account != "" {
				name += "@" + p.account
			}
			return attempt{path: "/api/v1/accounts", body: fmt.Sprintf(`{"name":%q}`, name)}
		}, targetInstance, targetChild, targetForeign),
		"GET " + path:   on(at(path, ""), accounts...),
		"PATCH " + path: on(at(path, `{"title":"x"}`), accounts...),
		"POST " + path + "/close": on(func(w *matrixWorld, target string) attempt {
			return at(path+"/close", "")(w, target).undone(func() { w.reopen(spotOf(target).account) })
		}, accounts...),
		"POST " + path + "/reopen": on(at(path+"/reopen", ""), accounts...),
		"PUT " + path + "/policy":  on(func(w *matrixWorld, target string) attempt { return at(path+"/policy", w.policy())(w, target) }, accounts...),
		"POST " + path + "/policy/preview": on(func(w *matrixWorld, target string) attempt {
			return at(path+"/policy/preview", w.policy())(w, target)
		}, accounts...),
	}
}

func (w *matrixWorld) reopen(account string) {
	_, err := w.authority.ReopenAccount(context.WithoutCancel(w.t.Context()), w.operator(), account)
	must(w.t, err)
}

func spaceRoutes() map[string]routeRow {
	spaces := []string{targetSpace, targetOtherSpace, targetForeignIn}
	accounts := []string{targetAccount, targetChild, targetForeign}
	const path = "/api/v1/accounts/{account}/spaces"
	const one = path + "/{space}"
	return map[string]routeRow{
		"GET " + path: withSilence(on(at(path, ""), accounts...), empty),
		"POST " + path: on(func(w *matrixWorld, target string) attempt {
			name := w.fresh("made")
			return at(path, fmt.Sprintf(`{"name":%q}`, name))(w, target)
		}, accounts...),
		"GET " + one:   on(at(one, ""), spaces...),
		"PATCH " + one: on(at(one, `{"title":"x"}`), spaces...),
		"DELETE " + one: on(func(w *matrixWorld, target string) attempt {
			a := at(one+"?repeat=not-its-name", "")(w, target) // who may delete it is told that this is not its name
			a.done = 422
			return a
		}, spaces...),
		"POST " + one + "/close": on(func(w *matrixWorld, target string) attempt {
			return at(one+"/close", "")(w, target).undone(func() {
				p := spotOf(target)
				_, err := w.authority.ReopenSpace(w.t.Context(), w.operator(), p.account, p.space)
				must(w.t, err)
			})
		}, spaces...),
		"POST " + one + "/reopen":         on(at(one+"/reopen", ""), spaces...),
		"GET " + one + "/members":         on(at(one+"/members", ""), spaces...),
		"GET " + one + "/policy":          on(at(one+"/policy", ""), spaces...),
		"PUT " + one + "/policy":          on(at(one+"/policy", `{}`), spaces...),
		"POST " + one + "/policy/preview": on(at(one+"/policy/preview", `{}`), spaces...),
	}
}

func peopleRoutes() map[string]routeRow {
	accounts := []string{targetAccount, targetChild, targetForeign}
	places := []string{targetAccount, targetSpace, targetOtherSpace, targetChild, targetForeign, targetForeignIn}
	const path = "/api/v1/accounts/{account}"
	invite := func(w *matrixWorld, target string) attempt {
		return at(path+"/invitations", `{"username":"{fresh}","email":"",`+roleAt(target)+`}`)(w, target)
	}
	operators := func(w *matrixWorld, target string) attempt {
		return attempt{path: operatorsPath + "/" + w.user(targetAccount)}
	}
	rolesOf := func(w *matrixWorld, target string) string {
		return fmt.Sprintf("/api/v1/accounts/%s/users/%s/roles", spotOf(target).account, w.user(target))
	}
	return map[string]routeRow{
		"GET " + path + "/members":      on(at(path+"/members", ""), accounts...),
		"GET " + path + "/users":        on(at(path+"/users", ""), accounts...),
		"GET " + path + "/invitations":  on(at(path+"/invitations", ""), accounts...),
		"POST " + path + "/users":       on(at(path+"/users", `{"username":"{fresh}","email":"","password":"`+matrixPassword+`","role":"auditor"}`), accounts...),
		"POST " + path + "/invitations": on(invite, places...),
		"DELETE " + path + "/invitations/{id}": on(func(w *matrixWorld, target string) attempt {
			return at(path+"/invitations/"+w.invitation(target).Invite.ID.String(), "")(w, target)
		}, places...),
		"PUT " + path + "/users/{username}/roles": on(func(w *matrixWorld, target string) attempt {
			body := `{"role":"admin"}`
			if p := spotOf(target); p.space != "" {
				body = fmt.Sprintf(`{"role":"manager","space":%q}`, p.space)
			}
			return attempt{path: rolesOf(w, target), body: body}
		}, places...),
		"DELETE " + path + "/users/{username}/roles": on(func(w *matrixWorld, target string) attempt {
			query := "?role=auditor"
			if p := spotOf(target); p.space != "" {
				query = "?role=reader&space=" + p.space
			}
			return attempt{path: rolesOf(w, target) + query}
		}, places...),
		"GET /api/v1/nodes":                on(at("/api/v1/nodes", ""), targetInstance),
		"GET /api/v1/operators":            on(at("/api/v1/operators", ""), targetInstance),
		"PUT /api/v1/operators/{username}": on(operators, targetInstance),
		"DELETE /api/v1/operators/{username}": on(func(w *matrixWorld, target string) attempt {
			thing(w, "operator", target, func() bool {
				_, err := w.authority.GrantRole(w.t.Context(), w.operator(), w.user(targetAccount), keywright.Role{Name: "operator"})
				must(w.t, err)
				return true
			})
			return operators(w, target)
		}, targetInstance),
		"POST /api/v1/users/{username}/disable":    on(ofAUser("/disable", `{"tokens":"end"}`), places...),
		"POST /api/v1/users/{username}/enable":     on(ofAUser("/enable", ""), places...),
		"DELETE /api/v1/users/{username}":          on(ofAUser("?tokens=end", ""), places...),
		"GET /api/v1/users/{username}/sessions":    on(ofAUser("/sessions", ""), places...),
		"DELETE /api/v1/users/{username}/sessions": on(ofAUser("/sessions", ""), places...),
		"DELETE /api/v1/users/{username}/sessions/{id}": on(func(w *matrixWorld, target string) attempt {
			return ofAUser("/sessions/"+w.session(target), "")(w, target)
		}, places...),
	}
}

func auditRoutes() map[string]routeRow {
	places := []string{targetInstance, targetAccount, targetSpace, targetOtherSpace, targetChild, targetForeign, targetForeignIn}
	events := func(path string) routeRow {
		return on(func(w *matrixWorld, target string) attempt {
			if target == targetInstance {
				return attempt{path: path + "?all=true"}
			}
			w.token(target) // which leaves an event there
			return attempt{path: path + "?" + querySpot(target), silent: func(answer string) bool { return !strings.Contains(answer, `"seq"`) }}
		}, places...)
	}
	return map[string]routeRow{
		"GET /api/v1/events":            events("/api/v1/events"),
		"GET /api/v1/events/export":     events("/api/v1/events/export"),
		"GET /api/v1/audit/checkpoint":  on(at("/api/v1/audit/checkpoint", ""), targetInstance),
		"GET /api/v1/audit/consistency": on(at("/api/v1/audit/consistency?from=1", ""), targetInstance),
		"GET /api/v1/audit/proof": on(func(w *matrixWorld, target string) attempt {
			seq := thing(w, "event", target, func() int64 {
				if isAbsent(target) {
					return 1 << 40
				}
				page, err := w.authority.Events(w.t.Context(), w.operator(), authority.EventQuery{EventFilter: authority.EventFilter{Account: spotOf(target).account}})
				must(w.t, err)
				return page.Items[0].Seq
			})
			return attempt{path: fmt.Sprintf("/api/v1/audit/proof?seq=%d", seq)}
		}, targetAccount),
	}
}

func usageRoutes() map[string]routeRow {
	places := []string{targetAccount, targetSpace, targetOtherSpace, targetChild, targetForeign, targetForeignIn}
	const path = "/api/v1/accounts/{account}/reports/"
	all := map[string]routeRow{"GET /api/v1/tokens/{id}/usage": on(about("/usage", ""), places...)}
	for _, report := range []string{"usage", "unused-tokens", "unused-scopes", "top-callers", "refusals"} {
		all["GET "+path+report] = on(func(w *matrixWorld, target string) attempt {
			if spotOf(target).space == "" {
				return at(path+report, "")(w, target)
			}
			return at(path+report+"?space={space}", "")(w, target)
		}, places...)
	}
	return all
}

func webhookRoutes() map[string]routeRow {
	accounts := []string{targetAccount, targetChild, targetForeign}
	const path = "/api/v1/accounts/{account}/webhooks"
	one := func(more, body string) routeRow {
		return on(func(w *matrixWorld, target string) attempt {
			return at(path+"/"+w.webhook(target).String()+more, body)(w, target)
		}, accounts...)
	}
	return map[string]routeRow{
		"GET " + path:                      on(at(path, ""), accounts...),
		"POST " + path:                     on(at(path, `{"url":"https://example.com/","events":["*"]}`), accounts...),
		"GET " + path + "/{id}":            one("", ""),
		"PATCH " + path + "/{id}":          one("", `{"description":"x"}`),
		"DELETE " + path + "/{id}":         one("", ""),
		"POST " + path + "/{id}/rotate":    one("/rotate", ""),
		"POST " + path + "/{id}/test":      one("/test", ""),
		"GET " + path + "/{id}/deliveries": one("/deliveries", ""),
		"POST " + path + "/{id}/deliveries/{delivery}/redeliver": on(func(w *matrixWorld, target string) attempt {
			return at(fmt.Sprintf("%s/%s/deliveries/%s/redeliver", path, w.webhook(target), w.delivery(target)), "")(w, target)
		}, accounts...),
	}
}

func audienceRoutes() map[string]routeRow {
	accounts := []string{targetAccount, targetChild, targetForeign}
	const path = "/api/v1/accounts/{account}/audiences"
	set := func(w *matrixWorld, target string) {
		thing(w, "audience", target, func() bool {
			if !isAbsent(target) {
				_, err := w.authority.SetAudience(w.t.Context(), w.operator(), spotOf(target).account, "api", keywright.NewAudience{Scopes: []keywright.CatalogueEntry{}})
				must(w.t, err)
			}
			return true
		})
	}
	one := func(more, body string) routeRow {
		return on(func(w *matrixWorld, target string) attempt {
			set(w, target)
			return at(path+"/api"+more, body)(w, target)
		}, accounts...)
	}
	return map[string]routeRow{
		"GET /api/v1/catalogues":               on(at("/api/v1/catalogues", ""), targetInstance),
		"GET " + path:                          on(at(path, ""), accounts...),
		"GET " + path + "/{audience}":          one("", ""),
		"PUT " + path + "/{audience}":          one("", `{"scopes":[]}`),
		"DELETE " + path + "/{audience}":       one("", ""),
		"POST " + path + "/{audience}/covered": one("/covered", `{"scopes":["a:b"]}`),
		"POST /api/v1/accounts/{account}/catalogues/{catalogue}/adopt": on(func(w *matrixWorld, target string) attempt {
			a := at("/api/v1/accounts/{account}/catalogues/devo/adopt", "")(w, target)
			return a.undone(func() { w.dropAudiences(spotOf(target).account) })
		}, accounts...),
	}
}

func gatewayRoutes() map[string]routeRow {
	accounts := []string{targetAccount, targetChild, targetForeign}
	const path = "/api/v1/accounts/{account}/gateways"
	one := func(body string) routeRow {
		return on(func(w *matrixWorld, target string) attempt {
			return at(path+"/"+w.gateway(target), body)(w, target)
		}, accounts...)
	}
	return map[string]routeRow{
		"GET " + path:                   on(at(path, ""), accounts...),
		"GET " + path + "/{gateway}":    one(""),
		"PUT " + path + "/{gateway}":    one(`{"version":1,"routes":[{"path":"/x"}]}`),
		"DELETE " + path + "/{gateway}": one(""),
	}
}

// gateway is one of the target's account, of the first version.
func (w *matrixWorld) gateway(target string) string {
	return thing(w, "gateway", target, func() string {
		name := w.fresh("gateway")
		if !isAbsent(target) {
			_, err := w.authority.SetGateway(w.t.Context(), w.operator(), spotOf(target).account, name, keywright.NewGateway{})
			must(w.t, err)
		}
		return name
	})
}

func (w *matrixWorld) dropAudiences(account string) {
	page, err := w.authority.Audiences(w.t.Context(), w.operator(), account, authority.ListQuery{})
	must(w.t, err)
	for _, each := range page.Items {
		_, err := w.authority.DeleteAudience(w.t.Context(), w.operator(), account, each.Name)
		must(w.t, err)
	}
}
