package spoe_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/gateway/spoe"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/keywrighttest"
)

const message = "keywright"

// ask is the payload of a question.
func ask(args map[string]any) []byte {
	b := append(spoe.AppendText(nil, message), byte(len(args)))
	for name, value := range args {
		b = spoe.AppendText(b, name)
		switch v := value.(type) {
		case nil:
			b = append(b, spoe.TypeNull)
		case int:
			b = spoe.AppendNumber(b, uint32(v))
		case string:
			b = spoe.AppendString(b, v)
		case netip.Addr:
			b = append(append(b, spoe.TypeIPv4), v.AsSlice()...)
		}
	}
	return b
}

// proxy is HAProxy's side.
type proxy struct {
	*testing.T
	net.Conn
}

// dial connects. Nobody closes the connection: the server must end although HAProxy stays.
func dial(t *testing.T, address string) proxy {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return proxy{t, c}
}

func (p proxy) send(f spoe.Frame) {
	p.Helper()
	if err := spoe.Write(p, f); err != nil {
		p.Fatal(err)
	}
}

func (p proxy) receive(want spoe.Kind) spoe.Frame {
	p.Helper()
	f, err := spoe.Read(p)
	if err != nil || f.Kind != want {
		p.Fatalf("frame of type %d, %v; want %d", f.Kind, err, want)
	}
	return f
}

func hello(versions string, most uint32, check bool) spoe.Frame {
	b := spoe.AppendString(spoe.AppendText(nil, "supported-versions"), versions)
	b = spoe.AppendNumber(spoe.AppendText(b, "max-frame-size"), most)
	b = append(spoe.AppendText(b, "healthcheck"), spoe.TypeBool)
	if check {
		b[len(b)-1] |= 0x10
	}
	return spoe.Frame{Kind: spoe.HAProxyHello, Payload: b}
}

func (p proxy) greet(most uint32) {
	p.send(hello("2.0", most, false))
	p.receive(spoe.AgentHello)
}

// answered is the variables that a question sets.
func (p proxy) answered(payload []byte) map[string]any {
	p.Helper()
	p.send(spoe.Frame{Kind: spoe.Notify, Stream: 5, ID: 6, Payload: payload})
	f := p.receive(spoe.Ack)
	if f.Stream != 5 || f.ID != 6 {
		p.Errorf("answers %d, %d", f.Stream, f.ID)
	}
	return spoe.Variables(f.Payload)
}

func start(t *testing.T, options ...keywrighttest.Option) (*keywrighttest.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	s := keywrighttest.New(t, append(options, func(c *server.Config) { c.SPOE = address })...)
	return s, address
}

func TestQuestions(t *testing.T) {
	t.Parallel()
	s, address := start(t)
	here := s.Issue(t, keywright.NewToken{Scopes: []string{"orders:read"}, AllowedCIDRs: []string{"127.0.0.0/8"}})
	bearer := "Bearer " + here.APIKey.Reveal()
	p := dial(t, address)
	p.greet(16380)
	for name, c := range map[string]struct {
		args   map[string]any
		status string
	}{
		"good":          {map[string]any{"need": "scope/orders:read", "authorization": bearer, "authorizations": 1, "standalones": 0}, "200"},
		"too little":    {map[string]any{"need": "scope/orders:write", "authorization": bearer, "authorizations": 1, "standalones": 0}, "403"},
		"nobody":        {map[string]any{"need": "scope/orders:read", "authorization": nil, "authorizations": 0, "standalones": 0}, "401"},
		"twice":         {map[string]any{"need": "scope/orders:read", "authorization": bearer, "authorizations": 2, "standalones": 0}, "401"},
		"in two ways":   {map[string]any{"need": "scope/orders:read", "authorization": bearer, "authorizations": 1, "standalone": "x", "standalones": 1}, "401"},
		"not counted":   {map[string]any{"need": "scope/orders:read", "authorization": bearer, "standalones": 0}, "403"},
		"no need":       {map[string]any{"authorization": bearer, "authorizations": 1, "standalones": 0}, "403"},
		"wrong need":    {map[string]any{"need": "scopes/x", "authorization": bearer, "authorizations": 1, "standalones": 0}, "403"},
		"rules, untold": {map[string]any{"need": "rules/shop", "authorization": bearer, "authorizations": 1, "standalones": 0}, "403"},
		"a forged address": {map[string]any{
			"need": "scope/orders:read", "authorization": bearer, "authorizations": 1, "standalones": 0, "address": netip.MustParseAddr("192.0.2.1"),
		}, "200"}, // nobody is trusted: the peer counts
	} {
		set := p.answered(ask(c.args))
		if set["status"] != c.status {
			t.Errorf("%s: %v, want %s", name, set, c.status)
		}
		if passes := set["token"] == here.Token.ID.String(); passes != (c.status == "200") {
			t.Errorf("%s: %v", name, set)
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	s, address := start(t, func(c *server.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	there := s.Issue(t, keywright.NewToken{Scopes: []string{"orders:read"}, AllowedCIDRs: []string{"192.0.2.0/24"}})
	args := map[string]any{"need": "scope/orders:read", "authorization": "Bearer " + there.APIKey.Reveal(), "authorizations": 1, "standalones": 0}
	p := dial(t, address)
	p.greet(16380)
	for from, status := range map[string]string{"192.0.2.1": "200", "198.51.100.1": "403"} {
		args["address"] = netip.MustParseAddr(from)
		if set := p.answered(ask(args)); set["status"] != status {
			t.Errorf("from %s: %v, want %s", from, set, status)
		}
	}
}

// An answer that HAProxy would not take is one that lets nothing pass.
func TestLongAnswer(t *testing.T) {
	t.Parallel()
	s, address := start(t)
	issued := s.Issue(t, keywright.NewToken{Scopes: []string{"orders:read", "a:" + strings.Repeat("x", 100), "b:" + strings.Repeat("x", 100)}})
	p := dial(t, address)
	p.greet(512)
	set := p.answered(ask(map[string]any{"need": "scope/orders:read", "authorization": "Bearer " + issued.APIKey.Reveal(), "authorizations": 1, "standalones": 0}))
	if set["status"] != "503" || set["token"] != nil {
		t.Errorf("%v", set)
	}
}

func TestHello(t *testing.T) {
	t.Parallel()
	_, address := start(t)
	t.Run("health check", func(t *testing.T) {
		t.Parallel()
		p := dial(t, address)
		p.send(hello("1.0, 2.0", 16380, true))
		p.receive(spoe.AgentHello)
		if _, err := spoe.Read(p); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
	t.Run("goodbye", func(t *testing.T) {
		t.Parallel()
		p := dial(t, address)
		p.greet(16380)
		p.send(spoe.Frame{Kind: spoe.HAProxyDisconnect, Payload: spoe.Disconnection(0, "")})
		p.receive(spoe.AgentDisconnect)
	})
	twice := []byte{0}
	for name, frames := range map[string][]spoe.Frame{
		"another version":               {hello("1.0", 16380, false)},
		"a frame too short":             {hello("2.0", 100, false)},
		"a question first":              {{Kind: spoe.Notify, Payload: ask(nil)}},
		"another message":               {hello("2.0", 16380, false), {Kind: spoe.Notify, Payload: append(spoe.AppendText(nil, "other"), 0)}},
		"two messages":                  {hello("2.0", 16380, false), {Kind: spoe.Notify, Payload: append(ask(nil), ask(nil)...)}},
		"an argument twice":             {hello("2.0", 16380, false), {Kind: spoe.Notify, Payload: append(append(spoe.AppendText(nil, message), 2), append(append(spoe.AppendText(nil, "need"), spoe.TypeNull), append(spoe.AppendText(nil, "need"), spoe.TypeNull)...)...)}},
		"a value cut off":               {hello("2.0", 16380, false), {Kind: spoe.Notify, Payload: append(append(spoe.AppendText(nil, message), 1), spoe.AppendText(twice, "n")...)}},
		"an unknown value":              {hello("2.0", 16380, false), {Kind: spoe.Notify, Payload: append(append(append(spoe.AppendText(nil, message), 1), spoe.AppendText(nil, "n")...), 12)}},
		"an unknown type":               {hello("2.0", 16380, false), {Kind: 77}},
		"something that is no greeting": {{Kind: spoe.HAProxyHello, Payload: []byte{3, 'a'}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := dial(t, address)
			for i, f := range frames {
				p.send(f)
				if i < len(frames)-1 {
					p.receive(spoe.AgentHello)
				}
			}
			p.receive(spoe.AgentDisconnect)
			if _, err := spoe.Read(p); !errors.Is(err, io.EOF) {
				t.Error(err)
			}
		})
	}
}

// TestTook: every answer is measured, that to a mistaken configuration too.
func TestTook(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan int, 2)
	agent := &spoe.Agent{Judge: &gateway.Judge{}, Took: func(status int, answer time.Duration) {
		if told <- status; answer <= 0 {
			t.Errorf("it took %s", answer)
		}
	}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- agent.Serve(ctx, l) }()
	p := dial(t, l.Addr().String())
	p.greet(16380)
	set := p.answered(ask(map[string]any{"need": "scopes/x", "authorizations": 0, "standalones": 0}))
	if status := <-told; status < 400 || len(told) > 0 {
		t.Errorf("%v is measured as %d", set, status)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
