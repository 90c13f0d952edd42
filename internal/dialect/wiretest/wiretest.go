// Package wiretest replays what clients of a dialect send, byte for byte, against a real server, from scripts
// that say what is answered and which events are left. The scripts are also the dialect's documentation.
//
// What a script knows beside testscript's own commands:
//
//	http NAME                    send the request in the file NAME and hold the answer against the one in it
//	events SUBJECT ACTION...     these and only these events are about the subject, oldest first, refusals apart
//	account NAME                 make an account
//	space NAME ACCOUNT           make a space
//	user NAME PASSWORD ROLE ACCOUNT [SPACE]
//	                             make a user with a role
//	token NAME JSON              make a token as POST /api/v1/tokens does; sets NAME_ID, NAME_SECRET and NAME_KEY
//	import NAME JSON             make one of somebody else's key; sets NAME_ID
//	policy ACCOUNT JSON          set members of an account's policy
//	adopt ACCOUNT CATALOGUE      adopt a catalogue
//	verify KEY [SCOPE...]        the key is valid for the scopes; "! verify" if it is not
//	capture NAME                 set NAME to the standard output of the exec before
//	pass DURATION                let the server's clock go on
//
// A file for http holds a request, a line "=>", and the answer. Variables ($NAME) in it are replaced. The lines of
// a request's head are sent with CR LF, its body as it stands but for the file's last line end; "Content-Length: *"
// is filled in; nothing is added. Of the answer, the status line, the headers that are named (the value "-" says that
// there is none) and the whole body have to be as said, where <uuid>, <jwt>, <secret>, <key>, <session>, <mrsm>, <base64>, <int>,
// <hex>, <last> (how a key ends), <time>, <stamp> (one to the microsecond), <naive> (one without zone) and <text> stand for
// what they name, <any> for the rest of what is not the dialect's, and <uuid ID> also sets ID to it.
//
// SESSION is the operator's session, URL and HOST are the server's.
package wiretest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/keywrighttest"
)

// Run runs the scripts in a directory, each against a server of its own.
func Run(t *testing.T, dir string, options ...keywrighttest.Option) {
	testscript.Run(t, testscript.Params{
		Dir:                dir,
		RequireUniqueNames: true,
		Setup:              func(env *testscript.Env) error { return begin(env, options) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"http": cmdHTTP, "events": cmdEvents, "account": cmdAccount, "space": cmdSpace, "user": cmdUser,
			"capture": cmdCapture, "adopt": cmdAdopt, "token": cmdToken, "import": cmdImport, "policy": cmdPolicy, "verify": cmdVerify, "pass": cmdPass,
		},
	})
}

// stage is what a script's commands act on.
type stage struct {
	server *keywrighttest.Server
	admin  *keywright.Client
	ahead  atomic.Int64 // nanoseconds by which the server's clock is ahead
}

func begin(env *testscript.Env, options []keywrighttest.Option) error {
	s := &stage{}
	clock := keywrighttest.WithClock(func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) })
	s.server = keywrighttest.New(env.T().(testing.TB), append(slices.Clone(options), clock)...)
	env.Values["stage"] = s
	env.Setenv("URL", s.server.URL)
	env.Setenv("HOST", strings.TrimPrefix(s.server.URL, "http://"))
	session, err := s.signIn()
	env.Setenv("SESSION", session)
	return err
}

func (s *stage) signIn() (string, error) {
	session, err := keywright.NewClient(s.server.URL, "").
		Login(context.Background(), keywrighttest.AdminUsername, keywright.NewSecret(keywrighttest.AdminPassword))
	if err != nil {
		return "", err
	}
	s.admin = keywright.NewClient(s.server.URL, session.Token.Reveal())
	return session.Token.Reveal(), nil
}

func of(ts *testscript.TestScript) *stage { return ts.Value("stage").(*stage) }

func cmdEvents(ts *testscript.TestScript, _ bool, args []string) {
	page, err := of(ts).admin.Events(context.Background(), keywright.EventQuery{
		EventFilter: keywright.EventFilter{Subject: args[0], All: true},
		ListQuery:   keywright.ListQuery{Limit: 200},
	})
	ts.Check(err)
	var actions []string
	for _, event := range slices.Backward(page.Items) {
		if !strings.HasSuffix(event.Action, ".refused") {
			actions = append(actions, event.Action)
		}
	}
	if !slices.Equal(actions, args[1:]) {
		ts.Fatalf("events of %s: %v, want %v", args[0], actions, args[1:])
	}
}

func cmdAccount(ts *testscript.TestScript, _ bool, args []string) {
	_, err := of(ts).admin.CreateAccount(context.Background(), args[0], "")
	ts.Check(err)
}

func cmdSpace(ts *testscript.TestScript, _ bool, args []string) {
	_, err := of(ts).admin.CreateSpace(context.Background(), args[1], args[0], "")
	ts.Check(err)
}

func cmdUser(ts *testscript.TestScript, _ bool, args []string) {
	role := keywright.Role{Name: args[2], Account: args[3]}
	if len(args) > 4 {
		role.Space = args[4]
	}
	_, err := of(ts).admin.CreateUser(context.Background(), role.Account, keywright.NewUser{
		Username: args[0],
		Email:    args[0] + "@example.com",
		Password: keywright.NewSecret(args[1]),
		Role:     role,
	})
	ts.Check(err)
}

func cmdToken(ts *testscript.TestScript, _ bool, args []string) {
	var req keywright.NewToken
	ts.Check(json.Unmarshal([]byte(args[1]), &req))
	issued, err := of(ts).admin.CreateToken(context.Background(), req, "")
	ts.Check(err)
	ts.Setenv(args[0]+"_ID", issued.Token.ID.String())
	ts.Setenv(args[0]+"_SECRET", issued.ClientSecret.Reveal())
	ts.Setenv(args[0]+"_KEY", issued.APIKey.Reveal())
}

func cmdImport(ts *testscript.TestScript, _ bool, args []string) {
	var req keywright.ImportToken
	ts.Check(json.Unmarshal([]byte(args[1]), &req))
	token, err := of(ts).admin.ImportToken(context.Background(), req)
	ts.Check(err)
	ts.Setenv(args[0]+"_ID", token.ID.String())
}

func cmdPolicy(ts *testscript.TestScript, _ bool, args []string) {
	account, err := of(ts).admin.Account(context.Background(), args[0])
	ts.Check(err)
	ts.Check(json.Unmarshal([]byte(args[1]), &account.Policy))
	_, err = of(ts).admin.SetPolicy(context.Background(), args[0], keywright.NewPolicy{Policy: account.Policy})
	ts.Check(err)
}

func cmdAdopt(ts *testscript.TestScript, _ bool, args []string) {
	_, err := of(ts).admin.AdoptCatalogue(context.Background(), args[0], args[1])
	ts.Check(err)
}

func cmdVerify(ts *testscript.TestScript, neg bool, args []string) {
	verdict, err := of(ts).admin.Verify(context.Background(), keywright.VerifyRequest{Token: args[0], Scopes: args[1:]})
	ts.Check(err)
	if verdict.Valid == neg {
		ts.Fatalf("valid: %t, %s", verdict.Valid, verdict.Reason)
	}
}

func cmdCapture(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSuffix(ts.ReadFile("stdout"), "\n"))
}

func cmdPass(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	of(ts).ahead.Add(int64(d))
	session, err := of(ts).signIn()
	ts.Check(err)
	ts.Setenv("SESSION", session)
}
