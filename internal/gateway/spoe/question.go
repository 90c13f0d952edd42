package spoe

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/presented"
)

// message is the name under which the documented configuration asks. Its arguments are
//
//	need            what the request needs, as the path of /check has it: never anything of the client's
//	method, uri     the request's, as they were sent
//	address         the client's
//	authorization   the header's value, and authorizations how often it is there
//	standalone      that of the header standAloneToken, and standalones how often
//	agent           User-Agent
const message = "keywright"

// question is the arguments of a message.
type question map[string]any

func readQuestion(payload []byte) (question, error) {
	in := reader{payload, nil}
	name, n := in.text(), in.byte()
	asked := question(in.pairs(int(n)))
	switch {
	case in.err != nil:
		return nil, in.err
	case len(in.rest) > 0:
		return nil, fmt.Errorf("%w: more than one message", errMalformed)
	case name != message:
		return nil, fmt.Errorf("%w: the message %q, want %s", errMalformed, name, message)
	}
	return asked, nil
}

func (q question) text(name string) string {
	text, _ := q[name].(string)
	return text
}

// header is a header of the request. HAProxy tells one value of it and how many there are; of several, none is picked.
func (q question) header(h http.Header, name, value, count string) {
	n, _ := q[count].(uint64)
	if text, ok := q[value].(string); ok || n > 0 {
		h[name] = []string{text}
	}
	if n > 1 {
		h[name] = append(h[name], h[name][0])
	}
}

func (a *Agent) rule(ctx context.Context, c *connection, q question) gateway.Ruling {
	begun := time.Now()
	asked := gateway.Asked{Method: q.text("method"), URI: q.text("uri"), Header: http.Header{}}
	q.header(asked.Header, "Authorization", "authorization", "authorizations")
	q.header(asked.Header, gateway.StandAlone, "standalone", "standalones")
	if agent := q.text("agent"); agent != "" {
		asked.Header["User-Agent"] = []string{presented.UserAgent(agent)}
	}
	said, _ := q["address"].(netip.Addr)
	asked.Address = gateway.Origin(c.peer, said, a.Trusted)
	if a.RequestID != nil {
		asked.RequestID = a.RequestID()
	}
	ruling := a.ask(ctx, q, &asked)
	if a.Took != nil {
		a.Took(ruling.Status, time.Since(begun))
	}
	gateway.Note(ctx, a.Log, "SPOE "+message, &asked, &ruling, begun)
	return ruling
}

func (a *Agent) ask(ctx context.Context, q question, asked *gateway.Asked) gateway.Ruling {
	for _, name := range [...]string{"need", "authorizations", "standalones"} {
		if q[name] == nil {
			return a.Judge.Misconfigured(ctx, asked.RequestID, keywright.Invalid("need", "HAProxy does not send the argument %s", name))
		}
	}
	var err error
	if asked.Need, err = a.Judge.Need(q.text("need")); err != nil {
		return a.Judge.Misconfigured(ctx, asked.RequestID, err)
	}
	return a.Judge.Ask(ctx, asked)
}

// The protocol's action that sets a variable, and the variable's life: the transaction.
const (
	setVariable = 1
	transaction = 2
)

// variables are the actions that tell HAProxy of a ruling: status; for a request that passes who it is from, by the names of the
// identity headers' last parts; for one that does not, challenge, retry_after and problem.
func variables(r *gateway.Ruling) []byte {
	b := set(nil, "status", strconv.Itoa(r.Status))
	if r.Passes() {
		values := gateway.Identify(r.Token)
		for i, name := range gateway.Identity {
			b = set(b, strings.ToLower(name[strings.LastIndexByte(name, '-')+1:]), values[i])
		}
		return b
	}
	if r.Challenge != "" {
		b = set(b, "challenge", r.Challenge)
	}
	if r.RetryAfter > 0 {
		b = set(b, "retry_after", strconv.Itoa(r.RetryAfter))
	}
	return set(b, "problem", string(r.Problem()))
}

func set(b []byte, name, value string) []byte {
	b = append(b, setVariable, 3, transaction)
	return appendString(appendText(b, name), value)
}
