package webhook

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/keywright/keywright/internal/authority"
)

// The addresses that nobody may have webhooks sent to, in every disguise that is known.
func TestNotPublic(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.1.2.3", "127.255.255.255",
		"169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1",
		"192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"192.31.196.1", "192.52.193.1", "192.175.48.1",
		"::", "::1", "::127.0.0.1", "::ffff:0:0", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:7f00:1", "::ffff:0:127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "100:0:0:1::1", "2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:20::1", "2001:db8::1",
		"2001:2::1", "2001:1ff:ffff::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2620:4f:8000::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00::1",
		"fd00:ec2::254", "fdff:ffff::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff00::1", "ff02::1", "2606:4700:4700::1111%eth0", "e000::1",
	} {
		addr := netip.MustParseAddr(text)
		d := &dialer{}
		if err := d.check(t.Context(), addr); err == nil {
			t.Errorf("%s may be connected to", text)
		}
	}
	if (&dialer{}).check(t.Context(), netip.Addr{}) == nil {
		t.Error("no address may be connected to")
	}
}

func TestPublic(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
		"172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8",
	} {
		if err := (&dialer{}).check(t.Context(), netip.MustParseAddr(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAllowedNetworks(t *testing.T) {
	t.Parallel()
	d := &dialer{networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/16")}}
	for text, want := range map[string][2]bool{ // by https, by http
		"10.1.2.3": {true, true}, "::ffff:10.1.2.3": {true, true}, "fd00::7": {true, true}, "10.2.0.1": {false, false},
		"127.0.0.1": {false, false}, "8.8.8.8": {true, false}, "fd00::7%eth0": {false, false}, "fd01::1": {false, false},
	} {
		for i, clear := range []bool{false, true} {
			if err := d.check(inClear(t.Context(), clear), netip.MustParseAddr(text)); (err == nil) != want[i] {
				t.Errorf("%s, in clear %v: %v", text, clear, err)
			}
		}
	}
}

// guarded is a listener on this machine that nothing may reach.
func guarded(t *testing.T) (port string, reached *atomic.Int64) {
	t.Helper()
	reached = new(atomic.Int64)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close() })
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, reached
}

// Every spelling of this machine, and every name that leads to it, is refused before anything is connected to.
func TestNothingReachesThisMachine(t *testing.T) {
	t.Parallel()
	port, reached := guarded(t)
	s := New(Config{Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
		if host == "mixed.example" { // one good address does not help a bad one
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.1")}, nil
		}
		if host == "inner.example" || strings.HasPrefix(host, "localhost") {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}})
	for _, host := range []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "0", "0.0.0.0",
		"localhost", "localhost.", "LOCALHOST", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[64:ff9b::7f00:1]",
		"[2002:7f00:1::]", "[::127.0.0.1]", "[fe80::1%25lo]", "[::1%25lo]", "127。0。0。1", "①②⑦.0.0.1", "inner.example", "mixed.example",
		"user@127.0.0.1", "8.8.8.8@127.0.0.1", "127.0.0.1\t", "%31%32%37.0.0.1",
	} {
		for _, scheme := range []string{"https", "http", "HTTPS"} {
			receipt := s.Send(t.Context(), authority.Message{ID: "x", URL: scheme + "://" + host + ":" + port + "/"})
			if receipt.Status != 0 || receipt.Error == "" {
				t.Errorf("%s://%s: %+v", scheme, host, receipt)
			}
		}
	}
	for _, address := range []string{"file:///etc/passwd", "gopher://127.0.0.1:" + port, "ftp://127.0.0.1:" + port, "//127.0.0.1:" + port, "127.0.0.1:" + port, "unix:/run/x", ""} {
		if receipt := s.Send(t.Context(), authority.Message{URL: address}); receipt.Error == "" {
			t.Errorf("%s: %+v", address, receipt)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections have reached a listener of this machine", n)
	}
}

// A name that means a public address when it is looked at, and this machine a moment later, is looked up once for each connection, and
// what is connected to is what was looked at.
func TestRebinding(t *testing.T) {
	t.Parallel()
	port, reached := guarded(t)
	var asked atomic.Int64
	s := New(Config{Resolve: func(context.Context, string) ([]netip.Addr, error) {
		if asked.Add(1)%2 == 1 {
			return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Timeout: 200e6})
	for i := range int64(4) {
		receipt := s.Send(t.Context(), authority.Message{URL: "https://flip.example:" + port})
		if receipt.Error == "" || asked.Load() != i+1 {
			t.Errorf("%+v after %d look-ups", receipt, asked.Load())
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

// A redirect is an answer like any other; where it leads is not looked at.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	port, reached := guarded(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		receiver := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:"+port+"/", status))
		defer receiver.Close()
		receipt := local(t, Config{}).Send(t.Context(), authority.Message{URL: receiver.URL})
		if receipt.Status != status || receipt.Error == "" {
			t.Errorf("%+v", receipt)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

// local is a sender that may send to this machine.
func local(t *testing.T, cfg Config) *Sender {
	t.Helper()
	cfg.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return New(cfg)
}

// What the environment says of proxies is not for webhooks.
func TestNoProxy(t *testing.T) {
	var proxied atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	s := New(Config{Resolve: func(context.Context, string) ([]netip.Addr, error) { return nil, nil }})
	if u, err := s.http.Transport.(*http.Transport).Proxy, error(nil); u != nil || err != nil {
		t.Error("there is a proxy")
	}
	receipt := s.Send(t.Context(), authority.Message{URL: "https://hooks.example/x?key=hidden"})
	if proxied.Load() != 0 || !strings.Contains(receipt.Error, "no address") || strings.Contains(receipt.Error, "hidden") {
		t.Errorf("%+v, %d proxied", receipt, proxied.Load())
	}
}
