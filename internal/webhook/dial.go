package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// dialer connects to public addresses only. It resolves a name once, looks at every address that it gets, and connects to what
// it has looked at: a name that means something else a moment later helps nobody.
type dialer struct {
	networks []netip.Prefix // may be connected to as well
	resolve  func(ctx context.Context, host string) ([]netip.Addr, error)
	net      net.Dialer
}

// refusedError says that an address is none to connect to.
type refusedError struct{ why string }

func (e *refusedError) Error() string { return "refused to connect: " + e.why }

type clearKey struct{}

// inClear notes that a request is not encrypted.
func inClear(ctx context.Context, clear bool) context.Context {
	return context.WithValue(ctx, clearKey{}, clear)
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := d.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, addr := range addrs {
		if err := d.check(ctx, addr); err != nil {
			return nil, err
		}
	}
	var failed error
	for _, addr := range addrs {
		conn, err := d.net.DialContext(ctx, network, net.JoinHostPort(addr.String(), port))
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

func (d *dialer) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	addrs, err := d.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("the name %s has no address", strings.ToLower(host))
	}
	return addrs, nil
}

// check refuses an address that is not public, unless its network is allowed; unencrypted only such a one will do.
func (d *dialer) check(ctx context.Context, addr netip.Addr) error {
	addr = addr.Unmap()
	if addr.Zone() == "" && slices.ContainsFunc(d.networks, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return nil
	}
	if clear, _ := ctx.Value(clearKey{}).(bool); clear {
		return &refusedError{fmt.Sprintf("http:// goes to the networks of --webhook-network only, and %s is in none of them", addr)}
	}
	if why := notPublic(addr); why != "" {
		return &refusedError{fmt.Sprintf("%s is %s", addr, why)}
	}
	return nil
}

// special are the networks that are not of the public internet: the registries of special-purpose addresses (RFC 6890 and
// what has followed it), and those that carry an IPv4 address within, which could be any.
var special = []struct {
	network netip.Prefix
	is      string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this host or network (RFC 791)"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private (RFC 1918)"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a carrier's own (RFC 6598)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "this machine"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, where metadata services are (RFC 3927)"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private (RFC 1918)"},
	{netip.MustParsePrefix("192.0.0.0/24"), "for protocols (RFC 6890)"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("192.31.196.0/24"), "for AS112 (RFC 7535)"},
	{netip.MustParsePrefix("192.52.193.0/24"), "for AMT (RFC 7450)"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a 6to4 relay (RFC 7526)"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private (RFC 1918)"},
	{netip.MustParsePrefix("192.175.48.0/24"), "for AS112 (RFC 7534)"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks (RFC 2544)"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved (RFC 1112)"},
}

// routed is what of IPv6 is global unicast; of it, some is special.
var (
	routed   = netip.MustParsePrefix("2000::/3")
	special6 = []struct {
		network netip.Prefix
		is      string
	}{
		{netip.MustParsePrefix("2001::/23"), "for protocols, such as Teredo (RFC 2928)"},
		{netip.MustParsePrefix("2001:db8::/32"), "for documentation (RFC 3849)"},
		{netip.MustParsePrefix("2002::/16"), "6to4, which carries an IPv4 address (RFC 3056)"},
		{netip.MustParsePrefix("2620:4f:8000::/48"), "for AS112 (RFC 7534)"},
		{netip.MustParsePrefix("3fff::/20"), "for documentation (RFC 9637)"},
	}
)

// notPublic says what an address is that is not of the public internet; empty: it is. Of IPv6 all that is not global
// unicast is refused: loopback, link-local, unique local, multicast, NAT64, IPv4 in all its disguises, and what is not assigned yet.
func notPublic(addr netip.Addr) string {
	table := special
	switch {
	case !addr.IsValid():
		return "no address"
	case addr.Zone() != "":
		return "of one link only"
	case !addr.Is4() && !routed.Contains(addr):
		return "no address of the public internet (RFC 4291)"
	case !addr.Is4():
		table = special6
	}
	for _, s := range table {
		if s.network.Contains(addr) {
			return s.is
		}
	}
	return ""
}
