package ingest

import (
	"net"
	"net/netip"
)

// peerShare is the part of all connections that one address may hold: 1/peerShare.
const peerShare = 4

func peerAddr(c net.Conn) netip.Addr {
	remote, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	return remote.Addr().Unmap().WithZone("")
}

// peerOf is who connections are counted by: an IPv4 address, or the /64 in which an IPv6 host picks its addresses.
func peerOf(addr netip.Addr) netip.Prefix {
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	peer, _ := addr.Prefix(bits) // fails for no address at all, which is a peer like any other
	return peer
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
