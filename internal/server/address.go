package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress is who sent the request: the peer, or, as long as the hop that says
// so is a trusted proxy, the one before it. What an untrusted hop claims is not looked at, so
// nobody can choose the address that limits and networks are judged by.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || !within(address, trusted) {
			break
		}
		address = before.Unmap().WithZone("")
	}
	return address
}

func within(address netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
}

// address is what the front made of RemoteAddr, for the doors.
func address(r *http.Request) netip.Addr {
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // a token limited to networks is then refused
	}
	return client.Addr().Unmap().WithZone("")
}

// requestID is what the front put into the request, for the doors.
func requestID(r *http.Request) string { return r.Header.Get("X-Request-Id") }
