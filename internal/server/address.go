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
